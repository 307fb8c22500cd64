/**
 * Histogram: how close it comes to what was recorded.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Histogram, type HistogramSnapshot, TransportError } from "../../mod.ts";
import { Random } from "../support/random.ts";

function histogramOf(values: number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

/** What a list of all values would say. */
function exactPercentile(sorted: number[], fraction: number): number {
  return sorted[Math.max(1, Math.ceil(sorted.length * fraction)) - 1];
}

function assertClose(actual: number | undefined, expected: number, what: string): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= expected * 0.01, `${what}: ${actual}, ${expected}`);
}

/** From microseconds to days, in milliseconds. */
function spread(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => (1 + random.below(1000) / 1000) * 2 ** random.between(-10, 27));
}

Deno.test("percentiles are right to within 1 percent, whatever the values", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const values = spread(new Random(seed), 1000);
    const histogram = histogramOf(values);
    values.sort((a, b) => a - b);
    for (const fraction of [0, 0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1]) {
      assertClose(histogram.percentile(fraction), exactPercentile(values, fraction), `seed ${seed}, p${fraction}`);
    }
  }
});

Deno.test("each single value comes back to within 1 percent, also at the edges of buckets", () => {
  for (let exponent = -20; exponent < 43; exponent++) {
    for (const factor of [1, 1 + 2 ** -52, 1 + 1 / 64 - 2 ** -50, 1 + 1 / 64, 1.5, 2 - 2 ** -52]) {
      const value = 2 ** exponent * factor;
      const histogram = histogramOf([value, 2 ** 44, 2 ** 44]);
      assertClose(histogram.percentile(0.3), value, `2^${exponent} × ${factor}`);
    }
  }
});

Deno.test("count, sum, mean, least and greatest are exact", () => {
  const histogram = histogramOf([3, 1, 4, 1, 5.5]);
  assert.equal(histogram.count, 5);
  assert.equal(histogram.sum, 14.5);
  assert.equal(histogram.mean, 2.9);
  assert.equal(histogram.min, 1);
  assert.equal(histogram.max, 5.5);
  assert.equal(histogram.percentile(1), 5.5);
});

Deno.test("an empty histogram says nothing rather than 0", () => {
  const histogram = new Histogram();
  const { min, max, mean } = histogram;
  assert.deepEqual([min, max, mean, histogram.percentile(0.5)], [undefined, undefined, undefined, undefined]);
  assert.equal(histogram.count, 0);
  assert.equal(histogram.countAtOrBelow(1e9), 0);
});

Deno.test("a clock that went back counts as 0, and what is no number does not count", () => {
  const histogram = histogramOf([-5, NaN, 0, 7]);
  assert.equal(histogram.count, 3);
  assert.equal(histogram.sum, 7);
  assert.equal(histogram.min, 0);
  assert.equal(histogram.percentile(0.5), 0);
});

Deno.test("values beyond all buckets are counted, and the greatest stays exact", () => {
  const histogram = histogramOf([1e-12, 1, 1e18, Infinity]);
  assert.equal(histogram.count, 4);
  assert.equal(histogram.max, Infinity);
  assertClose(histogram.percentile(0.5), 1, "the median");
  assert.equal(histogramOf([1e18, 1e18]).percentile(0.5), 1e18);
  assert.equal(histogramOf([1e-12, 1e-12]).percentile(0.5), 1e-12);
});

Deno.test("merged histograms say what one would have said", () => {
  const random = new Random(7);
  const [all, merged] = [new Histogram(), new Histogram()];
  for (let part = 0; part < 5; part++) {
    const values = spread(random, 200);
    for (const value of values) all.record(value);
    merged.merge(histogramOf(values));
  }
  merged.merge(new Histogram());
  assert.deepEqual({ ...merged.snapshot(), sum: 0 }, { ...all.snapshot(), sum: 0 });
  assertClose(merged.sum, all.sum, "sum");
});

Deno.test("merging leaves the other one as it was", () => {
  const [one, other] = [histogramOf([1]), histogramOf([2, 3])];
  const before = other.snapshot();
  one.merge(other);
  one.record(2);
  assert.deepEqual(other.snapshot(), before);
  assert.equal(one.count, 4);
});

Deno.test("reset() forgets everything", () => {
  const histogram = histogramOf([1, 1000]);
  histogram.reset();
  assert.deepEqual(histogram.snapshot(), new Histogram().snapshot());
  histogram.record(50);
  assert.deepEqual([histogram.min, histogram.max, histogram.count], [50, 50, 1]);
});

Deno.test("countAtOrBelow() counts to within a bucket", () => {
  const histogram = histogramOf(Array.from({ length: 1000 }, (_, i) => i + 1));
  for (const bound of [1, 5, 10, 100, 500, 999]) {
    assert.ok(Math.abs(histogram.countAtOrBelow(bound) - bound) <= Math.ceil(bound / 64), `${bound}`);
  }
  assert.equal(histogram.countAtOrBelow(0.5), 0);
  assert.equal(histogram.countAtOrBelow(1000), 1000);
  assert.equal(histogramOf([1, 1e300]).countAtOrBelow(1e299), 2, "what is beyond all buckets lies in the last one");
});

Deno.test("a snapshot goes through JSON and back", () => {
  const histogram = histogramOf(spread(new Random(3), 500));
  const text = JSON.stringify(histogram.snapshot());
  assert.deepEqual(Histogram.from(JSON.parse(text)).snapshot(), histogram.snapshot());
  const empty = Histogram.from(new Histogram().snapshot());
  assert.equal(empty.min, undefined);
  empty.record(3);
  assert.equal(empty.min, 3);
});

Deno.test("what is no snapshot is refused", () => {
  const good: HistogramSnapshot = { count: 1, sum: 2, min: 2, max: 2, buckets: [[1344, 1]] };
  assert.equal(Histogram.from(good).count, 1);
  const bad: unknown[] = [
    {},
    { ...good, count: 2 },
    { ...good, count: -1 },
    { ...good, sum: NaN },
    { ...good, min: 3 },
    { ...good, min: -1 },
    { ...good, buckets: [[-1, 1]] },
    { ...good, buckets: [[4096, 1]] },
    { ...good, buckets: [[1344, 0.5], [1345, 0.5]] },
    { ...good, buckets: "1344" },
  ];
  for (const snapshot of bad) {
    assert.throws(
      () => Histogram.from(snapshot as HistogramSnapshot),
      (error) => error instanceof TransportError && error.code === "invalid-request",
      JSON.stringify(snapshot),
    );
  }
});
