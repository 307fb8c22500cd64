/**
 * The clock that tests move by hand, and the system's one.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, systemClock } from "../../src/core/mod.ts";

Deno.test("a manual clock stands still until it is moved", async () => {
  const clock = new ManualClock();
  assert.equal(clock.now(), 0);
  await clock.advance(12.5);
  assert.equal(clock.now(), 12.5);
});

Deno.test("timers run in the order of their times, each at its time", async () => {
  const clock = new ManualClock();
  const log: string[] = [];
  for (const [name, at] of [["c", 30], ["a", 10], ["b", 10], ["d", 31]] as const) {
    clock.schedule(() => log.push(`${name}@${clock.now()}`), at);
  }
  assert.equal(clock.pending, 4);
  await clock.advance(30);
  assert.deepEqual(log, ["a@10", "b@10", "c@30"]);
  assert.equal(clock.pending, 1);
});

Deno.test("timers that timers set run in the same move, where they fall due in it", async () => {
  const clock = new ManualClock();
  const log: number[] = [];
  const again = (): void => {
    log.push(clock.now());
    clock.schedule(again, 10);
  };
  clock.schedule(again, 10);
  await clock.advance(35);
  assert.deepEqual(log, [10, 20, 30]);
  assert.equal(clock.pending, 1);
});

Deno.test("a timer that was cancelled does not run, one cancelled by another included", async () => {
  const clock = new ManualClock();
  const log: string[] = [];
  const first = clock.schedule(() => log.push("first"), 5);
  const second = clock.schedule(() => log.push("second"), 10);
  clock.schedule(() => second.cancel(), 10 - 1);
  first.cancel();
  first.cancel();
  await clock.advance(100);
  assert.deepEqual(log, []);
  assert.equal(clock.pending, 0);
});

Deno.test("a negative delay is none", async () => {
  const clock = new ManualClock();
  await clock.advance(10);
  let at = -1;
  clock.schedule(() => at = clock.now(), -5);
  await clock.advance(0);
  assert.equal(at, 10);
});

Deno.test("promises settle between the timers", async () => {
  const clock = new ManualClock();
  const log: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.schedule(resolve, 10);
  clock.schedule(() => log.push("later timer"), 10);
  void (async () => {
    await promise;
    await undefined;
    log.push("reaction");
  })();
  await clock.advance(10);
  assert.deepEqual(log, ["reaction", "later timer"]);
});

Deno.test("the system's clock never goes back and its timers run", async () => {
  const before = systemClock.now();
  const { promise, resolve } = Promise.withResolvers<void>();
  systemClock.schedule(resolve, 1);
  await promise;
  assert.ok(systemClock.now() >= before);
});

Deno.test("a timer of the system that was cancelled leaves nothing behind", () => {
  const timer = systemClock.schedule(() => assert.fail("it ran"), 60_000);
  timer.hold(false);
  timer.hold(true);
  timer.cancel();
  timer.cancel();
});

Deno.test("a delay that is too long for the platform is waited for in parts, to its end", () => {
  const real = globalThis.setTimeout;
  const delays: number[] = [];
  let pending: (() => void) | undefined;
  const held: boolean[] = [];
  // deno-lint-ignore no-explicit-any -- stands in for the platform's, of which only this is used
  (globalThis as any).setTimeout = (callback: () => void, ms: number) => {
    delays.push(ms);
    pending = callback;
    return { ref: () => held.push(true), unref: () => held.push(false) };
  };
  try {
    let ran = false;
    const longest = 2 ** 31 - 1;
    systemClock.schedule(() => ran = true, longest + 1000).hold(false);
    pending!();
    assert.equal(ran, false);
    assert.deepEqual(delays, [longest, 1000]);
    assert.deepEqual(held, [false, false], "and what it was told about the process still holds");
    pending!();
    assert.ok(ran);
  } finally {
    globalThis.setTimeout = real;
  }
});
