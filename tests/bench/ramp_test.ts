/**
 * The search of the breaking point, against servers whose capacity is known.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { gapsOf } from "../../bench/load/arrivals.ts";
import { openLoop } from "../../bench/load/loops.ts";
import { judge, wilson } from "../../bench/load/objectives.ts";
import { byTimer } from "../../bench/load/pace.ts";
import { majority, ramp, type RampOptions, type RampStep } from "../../bench/load/ramp.ts";
import { Tally } from "../../bench/load/tally.ts";
import { ManualClock } from "../../mod.ts";

const objectives = { p99Ms: 50, errorShare: 0.001 };

/** A server that works on one call after the other, `serviceMs` on each, loaded for four seconds. */
async function simulated(rate: number, serviceMs: number): Promise<Tally> {
  const clock = new ManualClock();
  const tally = new Tally();
  let freeAt = 0;
  const call = (): Promise<void> => {
    freeAt = Math.max(freeAt, clock.now()) + serviceMs;
    return new Promise((resolve) => clock.schedule(resolve, freeAt - clock.now()));
  };
  const run = openLoop({
    call,
    tally,
    clock,
    warmUpMs: 500,
    durationMs: 4000,
    drainMs: 1000,
    gaps: gapsOf("constant", rate, 1),
    maxInFlight: 10_000,
    pace: byTimer(clock),
  });
  await clock.advance(20_000);
  await run;
  return tally;
}

/** A measurement of 10 000 calls, all good up to `capacity` and half of them slow beyond. */
function stepAt(rate: number, capacity: number): Promise<Tally> {
  const tally = new Tally();
  for (let i = 0; i < 10_000; i++) tally.succeed(rate > capacity && i % 2 === 0 ? 100 : 1);
  return Promise.resolve(tally);
}

const search: Omit<RampOptions, "measure"> = { from: 25, maxRate: 100_000, precision: 0.05, repeats: 3, objectives };

Deno.test("the ramp finds the capacity of a simulated server", async () => {
  // 5 ms a call: 200 a second are the most; from there on the line grows.
  const found = await ramp({ ...search, repeats: 1, measure: (rate) => simulated(rate, 5) });
  assert.ok(found.rate >= 195 && found.rate <= 204, `${found.rate}`);
  assert.ok(found.beyond! > 200 && found.beyond! / found.rate <= 1.05, `${found.beyond}`);
  assert.ok(found.confidence > 0.7, `${found.confidence}`);
});

Deno.test("the ramp doubles, halves the interval, and measures both ends again", async () => {
  const steps: RampStep[] = [];
  const found = await ramp({
    ...search,
    from: 1000,
    measure: (rate) => stepAt(rate, 5100),
    onStep: (step) => steps.push(step),
  });
  assert.ok(found.rate <= 5100 && found.rate > 4850, `${found.rate}`);
  assert.deepEqual(steps.slice(0, 7).map(({ rate, met }) => [rate, met]), [
    [1000, true],
    [2000, true],
    [4000, true],
    [8000, false],
    [8000, false],
    [6000, false],
    [6000, false],
  ]);
  const again = steps.slice(-6).map(({ rate, met }) => [rate, met]);
  assert.deepEqual(again, Array(3).fill([[found.rate, true], [found.beyond, false]]).flat());
  assert.deepEqual(found.steps, steps);
  // Four of four at the lower end and five of five at the upper one: 1 − 2⁻⁵ and 1 − 2⁻⁶.
  assert.ok(Math.abs(found.confidence - (1 - 1 / 32) * (1 - 1 / 64)) < 1e-9, `${found.confidence}`);
});

Deno.test("a stall that is not the server's does not turn the ramp back", async () => {
  let stalls = 2;
  const found = await ramp({
    ...search,
    from: 1000,
    measure: (rate) => stepAt(rate, rate === 2000 && stalls-- > 0 ? 0 : 5100),
  });
  // Two in a row are believed.
  assert.ok(found.rate < 2000, `${found.rate}`);
  let once = 1;
  const again = await ramp({
    ...search,
    from: 1000,
    measure: (rate) => stepAt(rate, rate === 2000 && once-- > 0 ? 0 : 5100),
  });
  assert.ok(again.rate > 4850, `${again.rate}`);
});

Deno.test("an end that says now this, now that makes the ramp less sure", async () => {
  let seen = 0;
  const found = await ramp({
    ...search,
    from: 1000,
    precision: 1,
    measure: (rate) => stepAt(rate, rate === 1000 && seen++ % 2 === 1 ? 0 : 1500),
  });
  assert.deepEqual([found.rate, found.beyond], [1000, 2000]);
  assert.ok(found.confidence < 0.55, `${found.confidence}`);
});

Deno.test("a first rate that is too much sends the ramp downwards", async () => {
  const found = await ramp({ ...search, from: 8000, measure: (rate) => stepAt(rate, 900) });
  assert.ok(found.rate <= 900 && found.rate > 850, `${found.rate}`);
});

Deno.test("the ramp goes down to one call a second, and finds an end between two that are next to each other", async () => {
  const found = await ramp({ ...search, from: 64, measure: (rate) => stepAt(rate, 1.4) });
  assert.deepEqual([found.rate, found.beyond], [1, 2]);
});

Deno.test("a ramp that is interrupted before anything was measured is sure of nothing", async () => {
  const found = await ramp({ ...search, measure: () => Promise.resolve(undefined) });
  assert.deepEqual([found.rate, found.beyond, found.confidence], [0, undefined, 0]);
});

Deno.test("the ramp ends where no rate meets the objectives, and at the highest one", async () => {
  const none = await ramp({ ...search, measure: (rate) => stepAt(rate, 0) });
  assert.equal(none.rate, 0);
  assert.ok(none.steps.length < 20);
  const all = await ramp({ ...search, maxRate: 3000, measure: (rate) => stepAt(rate, Infinity) });
  assert.deepEqual([all.rate, all.beyond], [3000, undefined]);
  assert.equal(all.steps[all.steps.length - 1].rate, 3000);
});

Deno.test("a ramp that is interrupted tells what it knows", async () => {
  let left = 3;
  const found = await ramp({
    ...search,
    from: 1000,
    measure: (rate) => left-- > 0 ? stepAt(rate, 1e6) : Promise.resolve(undefined),
  });
  assert.deepEqual([found.rate, found.beyond, found.steps.length], [4000, undefined, 3]);
});

Deno.test("a measurement near the limit is made again until it is sure", async () => {
  let measured = 0;
  await ramp({
    ...search,
    from: 100,
    maxRate: 100,
    repeats: 0,
    measure() {
      measured++;
      const tally = new Tally();
      // 10 of 1000 are just allowed: the interval is on both sides of the limit.
      for (let i = 0; i < 1000; i++) tally.succeed(i < 10 ? 100 : 1);
      return Promise.resolve(tally);
    },
  });
  assert.equal(measured, 3);
});

Deno.test("a verdict names what was missed and whether it is sure", () => {
  const tally = new Tally();
  for (let i = 0; i < 1000; i++) tally.succeed(i < 30 ? 80 : 1);
  assert.deepEqual([judge(tally, objectives).met, judge(tally, objectives).sure], [false, true]);
  assert.match(judge(tally, objectives).reason, /^p99 80\.\d+ ms$/);
  assert.equal(judge(tally, { ...objectives, p99Ms: 100 }).met, true);
  tally.count("remote", 2);
  const verdict = judge(tally, { ...objectives, p99Ms: 100 });
  assert.deepEqual([verdict.met, verdict.sure, verdict.reason], [false, false, "0.200 % failed"]);
  assert.equal(judge(new Tally(), objectives).met, false);
});

Deno.test("Wilson's interval and the weight above one half are those of the textbooks", () => {
  const [low, high] = wilson(10, 100);
  assert.ok(Math.abs(low - 0.0552) < 0.0002 && Math.abs(high - 0.1744) < 0.0002, `${low} ${high}`);
  assert.deepEqual(wilson(0, 0), [0, 1]);
  assert.equal(majority(0, 0), 0.5);
  assert.equal(majority(3, 0), 0.9375);
  assert.equal(majority(2, 2), 0.5);
  assert.equal(majority(0, 3), 0.0625);
});
