/**
 * Recorder: what it makes of counters, gauges and histograms, and its bounds.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Histogram, type Metric, Recorder } from "../../../mod.ts";

type Value = number | Histogram;

function metricOf(kind: Metric["kind"], value: Value, name = "a", scale = 1): Metric {
  return { name, kind, unit: "", description: "", series: [{ labels: {}, value, scale }] };
}

/** A recorder of metrics that can be changed between the readings. */
function recorderOf(metrics: { now: Metric[] }, options = {}): { recorder: Recorder; read(at: number): unknown } {
  const recorder = new Recorder([() => metrics.now], options);
  return {
    recorder,
    read: (at) => {
      const { values } = recorder.read(at, at);
      return Object.fromEntries(recorder.series.map(({ name, stat }, i) => [`${name} ${stat}`, values[i]]));
    },
  };
}

Deno.test("a counter is read as its growth a second and its total, a gauge as it is", () => {
  const metrics = { now: [metricOf("counter", 100), metricOf("gauge", 7, "b")] };
  const { read } = recorderOf(metrics);
  assert.deepEqual(read(0), { "a rate": undefined, "a total": 100, "b now": 7 });
  metrics.now = [metricOf("counter", 130), metricOf("gauge", -2, "b")];
  assert.deepEqual(read(2000), { "a rate": 15, "a total": 130, "b now": -2 });
});

Deno.test("a counter that begins anew has no rate for a moment, and none below 0", () => {
  const metrics = { now: [metricOf("counter", 100)] };
  const { read } = recorderOf(metrics);
  read(0);
  metrics.now = [metricOf("counter", 5)];
  assert.deepEqual(read(1000), { "a rate": undefined, "a total": 5 });
  metrics.now = [metricOf("counter", 6)];
  assert.deepEqual(read(2000), { "a rate": 1, "a total": 6 });
});

Deno.test("of a histogram the percentiles are those of what was recorded since the last reading", () => {
  const histogram = new Histogram();
  const metrics = { now: [metricOf("histogram", histogram, "a", 1 / 1000)] };
  const { read } = recorderOf(metrics);
  for (let i = 0; i < 1000; i++) histogram.record(5000);
  assert.deepEqual(read(0), { "a p50": undefined, "a p95": undefined, "a p99": undefined });
  for (let i = 1; i <= 100; i++) histogram.record(i);
  const values = read(1000) as Record<string, number>;
  for (const [name, expected] of [["p50", 0.05], ["p95", 0.095], ["p99", 0.099]] as const) {
    assert.ok(Math.abs(values[`a ${name}`] / expected - 1) < 0.01, `${name}: ${values[`a ${name}`]}`);
  }
  assert.deepEqual(read(2000), { "a p50": undefined, "a p95": undefined, "a p99": undefined });
});

Deno.test("what a histogram recorded since a snapshot is told from what it had before", () => {
  const histogram = new Histogram();
  histogram.record(1);
  histogram.record(900);
  const before = histogram.snapshot();
  assert.equal(histogram.since(before).count, 0);
  histogram.record(30);
  histogram.record(30);
  const { count, sum, max } = histogram.since(before);
  assert.equal(count, 2);
  assert.equal(sum, 60);
  assert.ok(Math.abs(max! - 30) < 0.3, `${max}`);
});

Deno.test("only so many readings are kept, and older ones put together by their mean, percentiles by the greatest", () => {
  const histogram = new Histogram();
  const metrics = { now: [] as Metric[] };
  const { recorder, read } = recorderOf(metrics, { recentSize: 5, perLong: 4, longSize: 2 });
  for (let i = 1; i <= 100; i++) {
    metrics.now = [metricOf("gauge", i), metricOf("histogram", histogram, "h"), metricOf("counter", i * 2, "c")];
    histogram.record(i);
    read(i * 1000);
  }
  assert.deepEqual(
    recorder.recent.map(({ at, values }) => [at, values[0]]),
    [96, 97, 98, 99, 100].map((i) => [i * 1000, i]),
  );
  assert.deepEqual(recorder.long.map(({ at, values }) => [at, values[0]]), [[96_000, 94.5], [100_000, 98.5]]);
  const [, p50, , , rate, total] = recorder.long[1].values;
  assert.ok(Math.abs(p50! - 100) < 1, `${p50}`);
  assert.equal(rate, 2);
  assert.equal(total, 200);
});

Deno.test("a pause is a gap, and no rate is taken over it", () => {
  const metrics = { now: [metricOf("counter", 0)] };
  const { recorder, read } = recorderOf(metrics);
  recorder.pause(0);
  assert.equal(recorder.recent.length, 0);
  read(0);
  metrics.now = [metricOf("counter", 60_000)];
  recorder.pause(60_000);
  assert.deepEqual(recorder.recent.at(-1), { at: 60_000, values: [] });
  assert.deepEqual(read(60_000), { "a rate": undefined, "a total": 60_000 });
});

Deno.test("series beyond the limit are left out and counted, and those that are known go on", () => {
  const metrics = { now: Array.from({ length: 8 }, (_, i) => metricOf("gauge", i, `m${i}`)) };
  const { recorder, read } = recorderOf(metrics, { maxSeries: 3 });
  assert.deepEqual(read(0), { "m0 now": 0, "m1 now": 1, "m2 now": 2 });
  assert.equal(recorder.left, 5);
  metrics.now = [metricOf("gauge", 20, "m2")];
  assert.deepEqual(read(1000), { "m0 now": undefined, "m1 now": undefined, "m2 now": 20 });
  assert.equal(recorder.left, 0);
});

Deno.test("a source that throws takes nothing from the others", () => {
  const broken = (): Metric[] => {
    throw new Error("no");
  };
  const recorder = new Recorder([broken, () => [metricOf("gauge", 1)]]);
  assert.deepEqual(recorder.read(0, 0).values, [1]);
});

Deno.test("what appears between two readings has counted from 0", () => {
  const metrics = { now: [metricOf("counter", 1)] };
  const { read } = recorderOf(metrics);
  read(0);
  const histogram = new Histogram();
  histogram.record(8);
  metrics.now = [metricOf("counter", 40, "failures"), metricOf("histogram", histogram, "h")];
  const values = read(2000) as Record<string, number>;
  assert.equal(values["failures rate"], 20);
  assert.ok(Math.abs(values["h p50"] - 8) < 0.1, `${values["h p50"]}`);
});

Deno.test("after a pause nothing is made up for series that came when there were too many", () => {
  const metrics = { now: [metricOf("counter", 1000, "a"), metricOf("counter", 1000, "b")] };
  const { recorder, read } = recorderOf(metrics, { maxSeries: 4 });
  read(0);
  read(1000);
  metrics.now.unshift(...["e", "f", "g", "h"].map((name) => metricOf("counter", 5, name)));
  recorder.pause(2000);
  read(3000);
  const { "a rate": a, "b rate": b } = read(4000) as Record<string, number>;
  assert.deepEqual([a, b], [0, 0]);
});
