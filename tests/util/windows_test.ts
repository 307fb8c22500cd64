/**
 * Sliding windows of time: outcomes, latencies, earnings.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Allowance } from "../../src/util/allowance.ts";
import { LatencyWindow } from "../../src/util/latency_window.ts";
import { CallWindow, type OutcomeWindow, TimeWindow } from "../../src/util/outcome_window.ts";
import { TimeSlices } from "../../src/util/time_slices.ts";
import { Random } from "../support/random.ts";

interface Recorded {
  readonly at: number;
  readonly failed: boolean;
  readonly slow: boolean;
}

/** Fills a window at random, and compares it with what `alive` leaves of all that was recorded. */
function compare(make: () => OutcomeWindow, alive: (all: Recorded[], now: number) => Recorded[]): void {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const window = make();
    let all: Recorded[] = [];
    let now = random.below(5000) - 2500;
    for (let step = 0; step < 100; step++) {
      now += random.oneIn(10) ? random.below(2500) : random.below(60);
      const one = { at: now, failed: random.oneIn(2), slow: random.oneIn(3) };
      all.push(one);
      window.record(now, one.failed, one.slow);
      const left = alive(all, now);
      const counts = [left.length, left.filter(({ failed }) => failed).length, left.filter(({ slow }) => slow).length];
      assert.deepEqual([window.total, window.failed, window.slow], counts, `seed ${seed}, step ${step}`);
      if (random.oneIn(50)) {
        window.clear();
        all = [];
      }
    }
  }
}

Deno.test("a window of time counts what came in its last ten slices", () => {
  const slice = (time: number) => Math.floor(time / 100);
  compare(() => new TimeWindow(1000), (all, now) => all.filter(({ at }) => slice(at) > slice(now) - 10));
});

Deno.test("a window of calls counts so many of the latest, as far as they are young enough", () => {
  compare(() => new CallWindow(16, 1000), (all, now) => all.filter(({ at }) => at > now - 1000).slice(-16));
});

Deno.test("slices of time are dropped when their time is over, each once, however long nobody looked", () => {
  const dropped: number[] = [];
  const slices = new TimeSlices(40, 4, (slice) => dropped.push(slice));
  assert.equal(slices.at(0), 0);
  dropped.length = 0;
  assert.equal(slices.at(9), 0);
  assert.equal(slices.at(25), 2);
  assert.deepEqual(dropped, [1, 2]);
  // A clock that goes back does not bring anything back.
  assert.equal(slices.at(5), 2);
  dropped.length = 0;
  assert.equal(slices.at(1_000_000_000), 0);
  assert.deepEqual(dropped.sort(), [0, 1, 2, 3]);
});

Deno.test("a percentile is right to within 4.5 percent, from microseconds to minutes", () => {
  for (const scale of [0.05, 1, 30, 1500]) {
    const window = new LatencyWindow(30_000);
    for (let i = 1; i <= 1000; i++) window.record(0, i * scale);
    for (const fraction of [0.01, 0.5, 0.95, 0.99, 1]) {
      const exact = fraction * 1000 * scale;
      const found = window.percentile(0, fraction);
      assert.ok(found >= exact * 0.9999 && found <= exact * 1.045, `${fraction} of ${scale}: ${found}, not ${exact}`);
    }
  }
});

Deno.test("latencies that are no times, or beyond the histogram, are kept at its ends", () => {
  const window = new LatencyWindow(30_000);
  assert.equal(window.percentile(0, 0.5), 0);
  window.record(0, 0);
  assert.ok(window.percentile(0, 1) < 0.01);
  window.record(0, -5);
  window.record(0, 1e12);
  assert.equal(window.total, 3);
  assert.ok(window.percentile(0, 1) > 1e6);
});

Deno.test("latencies are forgotten by time", () => {
  const window = new LatencyWindow(30_000);
  for (let i = 0; i < 100; i++) window.record(0, 1000);
  for (let i = 0; i < 10; i++) window.record(15_000, 10);
  assert.ok(window.percentile(29_999, 0.5) > 900);
  assert.ok(window.percentile(30_000, 0.5) < 11);
  assert.equal(window.total, 10);
  assert.equal(window.percentile(45_000, 0.5), 0);
});

Deno.test("an allowance spends a share of what was earned and the reserve, and no more in any window", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const [share, reserve] = [random.pick([0, 0.1, 0.2, 1.5]), random.below(5)];
    const allowance = new Allowance(1000, share, reserve);
    const log: { slice: number; earned: number; spent: number }[] = [];
    let now = 0;
    for (let step = 0; step < 200; step++) {
      now += random.oneIn(20) ? random.below(2000) : random.below(30);
      const slice = Math.floor(now / 100);
      const left = log.filter((one) => one.slice > slice - 10);
      const sum = left.reduce((sum, { earned, spent }) => sum + share * earned - spent, reserve);
      assert.ok(Math.abs(allowance.balance(now) - Math.max(0, sum)) < 1e-6, `seed ${seed}, step ${step}`);
      if (random.oneIn(2)) {
        const earned = random.below(5);
        allowance.earn(now, earned);
        log.push({ slice, earned, spent: 0 });
      } else {
        const spent = allowance.spend(now);
        assert.equal(spent, sum >= 1 - 1e-6, `seed ${seed}, step ${step}`);
        log.push({ slice, earned: 0, spent: spent ? 1 : 0 });
      }
    }
  }
});
