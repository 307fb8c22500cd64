/**
 * What a series of memory samples says about growth.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { growthOf, type Sample, samplingSeconds } from "../../bench/load/soak.ts";
import { tDistribution, tQuantile, trendOf } from "../../bench/load/trend.ts";
import { Random } from "../support/random.ts";

const MB = 1e6;

/** Samples every 5 seconds for 5 minutes, with even noise of ± 4 MB. */
function series(mbPerMinute: number, seed: number): Sample[] {
  const random = new Random(seed);
  return Array.from({ length: 61 }, (_, i) => {
    const noise = (random.below(8001) - 4000) / 1000;
    const rssBytes = (100 + mbPerMinute * i / 12 + noise) * MB;
    return { at: 5 * i, rssBytes, heapBytes: 10 * MB };
  });
}

Deno.test("memory that grows is seen, with how much and how surely", () => {
  const growth = growthOf(series(2, 1));
  assert.ok(Math.abs(growth.rssBytes / MB - 10) < 2, `${growth.rssBytes}`);
  assert.ok(growth.rssLow < 10 * MB && growth.rssHigh > 10 * MB && growth.rssLow > 7 * MB);
  assert.ok(growth.confidence > 0.999);
  assert.equal(growth.heapBytes, 0);
  assert.equal(growth.samples, 61);
});

Deno.test("memory that stays is not said to grow, whatever its noise", () => {
  let [sure, held] = [0, 0];
  for (let seed = 0; seed < 200; seed++) {
    const { confidence, rssLow, rssHigh } = growthOf(series(0, seed));
    if (confidence > 0.95) sure++;
    if (rssLow <= 0 && rssHigh >= 0) held++;
  }
  // Of series without growth one in twenty looks as if it grew, and the interval of 95 % holds the truth as often.
  assert.ok(sure <= 20, `${sure} of 200 said to grow`);
  assert.ok(held >= 180, `${held} of 200 intervals hold the truth`);
});

Deno.test("memory that falls is not said to grow", () => {
  const growth = growthOf(series(-3, 5));
  assert.ok(growth.rssBytes < -12 * MB && growth.rssHigh < 0);
  assert.ok(growth.confidence < 0.001);
});

Deno.test("a line through points is the one by hand, and too few of them say nothing", () => {
  // y = 1, 3, 2 over x = 0, 1, 2: slope 1/2, residual 3/2, so the error is √(1.5 / 1 / 2).
  const { slope, low, high, confidence } = trendOf([[0, 1], [1, 3], [2, 2]]);
  assert.ok(Math.abs(slope - 0.5) < 1e-12);
  assert.ok(Math.abs(high - slope - 12.706 * Math.sqrt(0.75)) < 0.01 && Math.abs(low + high - 1) < 1e-9);
  assert.ok(Math.abs(confidence - (0.5 + Math.atan(0.5 / Math.sqrt(0.75)) / Math.PI)) < 1e-6);
  assert.deepEqual(trendOf([[0, 1], [1, 2]]), { slope: 1, low: -Infinity, high: Infinity, confidence: 0.5 });
  assert.equal(trendOf([]).confidence, 0.5);
  assert.equal(trendOf([[0, 1], [1, 2], [2, 3], [3, 4]]).confidence, 1);
});

Deno.test("Student's distribution has the values of the tables", () => {
  for (const [freedom, t] of [[1, 12.706], [2, 4.303], [10, 2.228], [30, 2.042], [120, 1.98]]) {
    assert.ok(Math.abs(tQuantile(0.975, freedom) - t) < 0.01, `${freedom}: ${tQuantile(0.975, freedom)}`);
    assert.ok(Math.abs(tDistribution(-t, freedom) - 0.025) < 0.001);
  }
});

Deno.test("memory is sampled some forty times, and never all the time", () => {
  assert.deepEqual([10, 80, 300, 36_000].map(samplingSeconds), [2, 2, 7.5, 30]);
});
