/**
 * The two loops of the load test against a scripted service, on a clock that
 * is moved by hand.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { gapsOf } from "../../bench/load/arrivals.ts";
import { closedLoop, type Loop, openLoop } from "../../bench/load/loops.ts";
import { byTimer } from "../../bench/load/pace.ts";
import { Tally } from "../../bench/load/tally.ts";
import { ManualClock, TransportError } from "../../mod.ts";

/** Answers after `serviceMs`, and while it stalls not before the stall is over. */
function stalling(clock: ManualClock, serviceMs: number, stallFrom: number, stallTo: number): () => Promise<void> {
  return () => {
    const readyAt = clock.now() + serviceMs;
    const at = readyAt > stallFrom && clock.now() < stallTo ? Math.max(readyAt, stallTo) : readyAt;
    return new Promise((resolve) => clock.schedule(resolve, at - clock.now()));
  };
}

function loopOn(clock: ManualClock, tally: Tally, call: () => Promise<unknown>): Loop {
  return { call, tally, clock, warmUpMs: 0, durationMs: 10_000, drainMs: 5000 };
}

Deno.test("an open loop shows a stall of the server in its percentiles, a closed loop hides it", async () => {
  const stalls = [4000, 6000] as const;
  const [open, closed] = [new Tally(), new Tally()];
  const clock = new ManualClock();
  const rate = { gaps: gapsOf("constant", 100, 1), maxInFlight: 1000, pace: byTimer(clock) };
  const runs = Promise.all([
    openLoop({ ...loopOn(clock, open, stalling(clock, 10, ...stalls)), ...rate }),
    closedLoop({ ...loopOn(clock, closed, stalling(clock, 10, ...stalls)), concurrency: 1 }),
  ]);
  await clock.advance(20_000);
  await runs;
  assert.equal(open.ok, 1000);
  // A fifth of the calls were to start in the stall of two seconds: spread evenly over their waiting times.
  assert.ok(Math.abs(open.percentile(0.9)! - 1000) < 30, `p90 ${open.percentile(0.9)}`);
  assert.ok(open.percentile(0.99)! > 1850, `p99 ${open.percentile(0.99)}`);
  // The closed loop has one call that saw it.
  assert.ok(closed.percentile(0.99)! < 11, `p99 ${closed.percentile(0.99)}`);
  assert.equal(Math.round(closed.latency.max!), 2000);
  assert.equal(clock.pending, 0);
});

Deno.test("calls that an open loop starts late, because too many are in flight, take from their intended start", async () => {
  const tally = new Tally();
  const clock = new ManualClock();
  // One at a time, 20 ms each: half of the 100 a second.
  const run = openLoop({
    ...loopOn(clock, tally, () => new Promise((resolve) => clock.schedule(() => resolve(1), 20))),
    durationMs: 1000,
    gaps: gapsOf("constant", 100, 1),
    maxInFlight: 1,
    pace: byTimer(clock),
  });
  await clock.advance(3000);
  await run;
  assert.equal(tally.ok, 51);
  assert.deepEqual([...tally.errors], [["not-started", 49]]);
  // The last one was to start at 500 ms, and started at 1000 ms.
  assert.ok(Math.abs(tally.latency.max! - 520) < 1, `${tally.latency.max}`);
  assert.ok(Math.abs(tally.startDelay.max! - 500) < 1, `${tally.startDelay.max}`);
});

Deno.test("what starts in the warm-up is not counted", async () => {
  for (const concurrency of [undefined, 1]) {
    const tally = new Tally();
    const clock = new ManualClock();
    const call = (): Promise<void> => new Promise((resolve) => clock.schedule(resolve, 10));
    const loop = { ...loopOn(clock, tally, call), warmUpMs: 500, durationMs: 1000 };
    const run = concurrency === undefined
      ? openLoop({ ...loop, gaps: gapsOf("constant", 100, 1), maxInFlight: 10, pace: byTimer(clock) })
      : closedLoop({ ...loop, concurrency });
    await clock.advance(3000);
    await run;
    assert.equal(tally.ok, 100);
  }
});

Deno.test("what fails in the warm-up of a closed loop is not counted", async () => {
  const tally = new Tally();
  const clock = new ManualClock();
  const failing = (): Promise<never> =>
    clock.now() < 500 ? Promise.reject(new TypeError("cold")) : Promise.reject(new RangeError("warm"));
  const run = closedLoop({ ...loopOn(clock, tally, failing), warmUpMs: 500, durationMs: 100, concurrency: 1 });
  await clock.advance(1000);
  await run;
  assert.deepEqual([...tally.errors], [["RangeError", 100]]);
});

Deno.test("a call that ends after it was given up is not counted twice", async () => {
  const tally = new Tally();
  const clock = new ManualClock();
  const late = (): Promise<void> => new Promise((resolve) => clock.schedule(resolve, 6000));
  const run = closedLoop({ ...loopOn(clock, tally, late), durationMs: 100, concurrency: 3 });
  const open = openLoop({
    ...loopOn(clock, tally, late),
    durationMs: 100,
    gaps: gapsOf("constant", 100, 1),
    maxInFlight: 100,
    pace: byTimer(clock),
  });
  await clock.advance(20_000);
  await Promise.all([run, open]);
  assert.deepEqual([tally.ok, ...tally.errors], [0, ["unfinished", 13]]);
});

Deno.test("calls of the warm-up that could not be started are no errors", async () => {
  const tally = new Tally();
  const clock = new ManualClock();
  const run = openLoop({
    ...loopOn(clock, tally, () => new Promise((resolve) => clock.schedule(() => resolve(1), 2000))),
    warmUpMs: 500,
    durationMs: 500,
    gaps: gapsOf("constant", 100, 1),
    maxInFlight: 1,
    pace: byTimer(clock),
  });
  await clock.advance(3000);
  await run;
  assert.deepEqual([tally.ok, ...tally.errors], [0, ["not-started", 50]]);
});

Deno.test("failures are counted by their codes and have no latency", async () => {
  const tally = new Tally();
  const clock = new ManualClock();
  const errors = [new TransportError("overloaded", "Too busy"), new TransportError("remote", "No"), new TypeError("x")];
  let calls = 0;
  const run = openLoop({
    ...loopOn(clock, tally, () => Promise.reject(errors[calls++ % 3])),
    durationMs: 300,
    gaps: gapsOf("constant", 100, 1),
    maxInFlight: 10,
    pace: byTimer(clock),
  });
  await clock.advance(1000);
  await run;
  assert.deepEqual(Object.fromEntries(tally.errors), { overloaded: 10, remote: 10, TypeError: 10 });
  assert.equal(tally.percentile(0.99), undefined);
  assert.equal(tally.errorShare, 1);
});

Deno.test("a closed loop whose calls are refused at once does not spin", async () => {
  const tally = new Tally();
  const clock = new ManualClock();
  let calls = 0;
  const refused = (): Promise<never> => {
    calls++;
    return Promise.reject(new TransportError("too-many-calls", "Full"));
  };
  const run = closedLoop({ ...loopOn(clock, tally, refused), durationMs: 100, concurrency: 2 });
  await clock.advance(200);
  await run;
  assert.equal(calls, 200);
  assert.equal(tally.failed, 200);
});

Deno.test("calls that never end are counted when the loop gives them up", async () => {
  for (const concurrency of [undefined, 3]) {
    const tally = new Tally();
    const clock = new ManualClock();
    const loop = { ...loopOn(clock, tally, () => new Promise(() => {})), durationMs: 1000, drainMs: 500 };
    const run = concurrency === undefined
      ? openLoop({ ...loop, gaps: gapsOf("constant", 3, 1), maxInFlight: 10, pace: byTimer(clock) })
      : closedLoop({ ...loop, concurrency });
    await clock.advance(1500);
    await run;
    assert.deepEqual([...tally.errors], [["unfinished", 3]]);
    assert.equal(clock.pending, 0);
  }
});

Deno.test("a loop that is interrupted ends soon, and what was cut off is no error", async () => {
  for (const concurrency of [undefined, 1]) {
    const tally = new Tally();
    const clock = new ManualClock();
    const controller = new AbortController();
    let calls = 0;
    const call = (): Promise<void> => new Promise((resolve) => calls++ < 5 && clock.schedule(resolve, 1));
    const loop = { ...loopOn(clock, tally, call), signal: controller.signal };
    const run = concurrency === undefined
      ? openLoop({ ...loop, gaps: gapsOf("constant", 10, 1), maxInFlight: 100, pace: byTimer(clock) })
      : closedLoop({ ...loop, concurrency });
    await clock.advance(1000);
    controller.abort();
    await clock.advance(600);
    await run;
    assert.equal(tally.ok, 5);
    assert.equal(tally.failed, 0);
    assert.equal(clock.pending, 0);
  }
});

Deno.test("arrivals come evenly, or at random with the same mean and the spread of a Poisson process", () => {
  const constant = gapsOf("constant", 250, 1);
  assert.deepEqual([constant(), constant()], [4, 4]);
  const draw = (seed: number): number[] => {
    const gaps = gapsOf("poisson", 250, seed);
    return Array.from({ length: 20_000 }, gaps);
  };
  const gaps = draw(7);
  assert.deepEqual(gaps, draw(7));
  assert.notDeepEqual(gaps, draw(8));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  assert.ok(Math.abs(mean - 4) < 0.15, `mean ${mean}`);
  // The deviation of an exponential distribution is its mean.
  assert.ok(Math.abs(Math.sqrt(variance) - 4) < 0.25, `deviation ${Math.sqrt(variance)}`);
  assert.ok(gaps.every((gap) => gap >= 0 && Number.isFinite(gap)));
});

Deno.test("what was counted survives being sent to another process, and adds up", () => {
  const [a, b] = [new Tally(), new Tally()];
  for (let i = 1; i <= 100; i++) a.succeed(i);
  b.succeed(1000);
  b.fail(new TransportError("remote", "No"));
  b.startDelay.record(3);
  const sum = Tally.from(JSON.parse(JSON.stringify(a.snapshot())));
  sum.merge(Tally.from(JSON.parse(JSON.stringify(b.take().snapshot()))));
  assert.deepEqual([sum.ok, sum.failed, sum.total], [101, 1, 102]);
  assert.equal(sum.latency.max, 1000);
  assert.equal(sum.startDelay.count, 1);
  assert.ok(Math.abs(sum.percentile(0.5)! - 51) < 1);
  assert.deepEqual([b.total, b.latency.count], [0, 0]);
});
