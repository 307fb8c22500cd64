/**
 * SlidingHistogram, SlidingRate and EventLoopDelay, on a clock that is moved by
 * hand.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { EventLoopDelay, ManualClock, SlidingHistogram, SlidingRate, TransportError } from "../../mod.ts";

Deno.test("a sliding histogram forgets what has left its window", async () => {
  const clock = new ManualClock();
  const latency = new SlidingHistogram({ windowMs: 1000, slices: 10, clock });
  latency.record(5);
  await clock.advance(500);
  latency.record(50);
  assert.deepEqual([latency.read().count, latency.read().max], [2, 50]);
  await clock.advance(500);
  assert.deepEqual([latency.read().count, latency.read().min], [1, 50]);
  await clock.advance(500);
  assert.equal(latency.read().count, 0);
});

Deno.test("what was read of a sliding histogram does not change any more", () => {
  const latency = new SlidingHistogram({ clock: new ManualClock() });
  latency.record(1);
  const read = latency.read();
  latency.record(2);
  assert.equal(read.count, 1);
  assert.equal(latency.read().count, 2);
});

Deno.test("a rate is that of the time that has passed, before a window is full", async () => {
  const clock = new ManualClock();
  await clock.advance(12_345);
  const rate = new SlidingRate({ windowMs: 10_000, slices: 10, clock });
  rate.add(3);
  assert.equal(rate.perSecond(), undefined, "no time has passed");
  await clock.advance(2000);
  rate.add();
  assert.equal(rate.total(), 4);
  assert.equal(rate.perSecond(), 2);
});

Deno.test("a steady rate is told rightly at all times", async () => {
  const clock = new ManualClock();
  const rate = new SlidingRate({ windowMs: 1000, slices: 10, clock });
  for (let step = 0; step < 500; step++) {
    await clock.advance(5);
    rate.add(2);
    const perSecond = rate.perSecond()!;
    // An event at the very edge of a slice more or less.
    assert.ok(Math.abs(perSecond - 400) < 4, `after ${step} steps: ${perSecond}`);
  }
});

Deno.test("a rate falls to 0 when nothing happens", async () => {
  const clock = new ManualClock();
  const rate = new SlidingRate({ windowMs: 1000, slices: 10, clock });
  rate.add(100);
  await clock.advance(900);
  assert.equal(rate.total(), 100);
  await clock.advance(100);
  assert.equal(rate.total(), 0);
  assert.equal(rate.perSecond(), 0);
});

Deno.test("windows that never end or have no slices are refused", () => {
  for (const options of [{ windowMs: Infinity }, { windowMs: 0 }, { slices: 1 }, { slices: 1.5 }]) {
    for (const make of [() => new SlidingRate(options), () => new SlidingHistogram(options)]) {
      assert.throws(make, (error) => error instanceof TransportError && error.code === "invalid-option");
    }
  }
});

/** A clock whose timers run as late as it is told. */
class LateClock extends ManualClock {
  /** A stall of the event loop: time passes, and nothing runs. */
  stallMs = 0;

  override now(): number {
    return super.now() + this.stallMs;
  }
}

Deno.test("an event loop that keeps up shows no delay", async () => {
  const clock = new LateClock();
  using delay = new EventLoopDelay({ intervalMs: 50, clock });
  await clock.advance(1000);
  assert.deepEqual([delay.read().count, delay.read().max], [20, 0]);
});

Deno.test("a stall of the event loop is counted for all the time that it took", async () => {
  const clock = new LateClock();
  using delay = new EventLoopDelay({ intervalMs: 50, clock });
  await clock.advance(500);
  clock.stallMs = 500;
  await clock.advance(50);
  const delays = delay.read();
  assert.equal(delays.max, 500);
  assert.equal(delays.count, 10 + 11, "ten looks in time, and eleven that would have been 500, 450 … 0 ms late");
  assert.ok(Math.abs(delays.percentile(0.75)! - 250) <= 50, `${delays.percentile(0.75)}`);
});

Deno.test("measuring the event loop ends with its owner", async () => {
  const clock = new LateClock();
  const delay = new EventLoopDelay({ clock });
  await clock.advance(100);
  assert.equal(clock.pending, 1);
  delay[Symbol.dispose]();
  assert.equal(clock.pending, 0);
  assert.equal(delay.read().count, 2);
});

Deno.test("measuring the event loop does not keep the process alive", () => {
  const held: boolean[] = [];
  const schedule = () => ({ cancel: () => {}, hold: (alive: boolean) => void held.push(alive) });
  using _delay = new EventLoopDelay({ clock: { now: () => 0, schedule } });
  assert.deepEqual(held, [false]);
});
