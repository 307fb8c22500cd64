/**
 * What it costs to count a latency, and to read a percentile.
 *
 * @module
 */

import { Histogram, SlidingHistogram } from "../mod.ts";
import { LatencyWindow } from "../src/util/latency_window.ts";
import { Group, kept } from "./floor/group.ts";

const RECORDS = 4096;

/** Latencies as they come: most are short, few are long. */
const latencies = Float64Array.from({ length: RECORDS }, (_, i) => 0.05 + 20 / (1 + (i * 7919) % RECORDS));

const histogram = new Histogram();
const sliding = new SlidingHistogram();
const coarse = new LatencyWindow(60_000);

const recording = new Group("Histogram, recording", RECORDS, "value");

recording.floor("a sum", () => {
  let sum = 0;
  for (let i = 0; i < RECORDS; i++) sum += latencies[i];
  kept.value = sum;
});

recording.bench("Histogram", () => {
  for (let i = 0; i < RECORDS; i++) histogram.record(latencies[i]);
  kept.value = histogram;
});

recording.bench("SlidingHistogram, the time at hand", () => {
  for (let i = 0; i < RECORDS; i++) sliding.record(latencies[i], 1000);
  kept.value = sliding;
});

recording.bench("LatencyWindow of hedge(), for information", () => {
  for (let i = 0; i < RECORDS; i++) coarse.record(1000, latencies[i]);
  kept.value = coarse;
});

const full = new Histogram();
for (const latency of latencies) full.record(latency);

const reading = new Group("Histogram, reading", 1, "reading");

reading.floor("the 99th of 100 of a sorted copy", () => {
  kept.value = latencies.slice().sort()[Math.ceil(RECORDS * 0.99) - 1];
});

reading.bench("percentile()", () => {
  kept.value = full.percentile(0.99);
});

reading.bench("merge()", () => {
  const all = new Histogram();
  all.merge(full);
  kept.value = all;
});
