/**
 * What report() recommends, and what apply() makes of it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Adjustable, apply, type Recommendation } from "../../../mod.ts";
import { Reported, settings } from "./_reported.ts";

const shortly = ({ target, setting, from, to }: Recommendation): string => `${target}.${setting} ${from} → ${to}`;
const pool = (): Adjustable => settings("pool()", { min: 0, max: 4, idleTimeoutMs: 100 });
const limit = (): Adjustable => settings("concurrencyLimit()", { max: 10 });

Deno.test("a pool without a free connection in time should be larger, with what was measured", async () => {
  const world = new Reported(undefined, {}, { orders: pool() });
  Object.assign(world.pool, { acquired: 900, timeouts: 100, waiting: 3, p95: 81.23 });
  assert.deepEqual(await world.recommendations(), [{
    target: "orders",
    setting: "max",
    from: 4,
    to: 6,
    why:
      "100 of 1000 calls found none of 4 connections free in time and 3 wait now, 95 of 100 that had to wait did so for up to 81.2 ms",
    measured: { acquired: 900, timeouts: 100, errors: 0, connections: 4, waiting: 3, waitP95Ms: 81.23, peakActive: 0 },
    live: true,
  }]);
});

Deno.test("nothing is recommended beyond what is allowed", async () => {
  const full = new Reported(undefined, {}, { orders: settings("pool()", { min: 0, max: 900 }) });
  Object.assign(full.pool, { total: 900, acquired: 900, timeouts: 100 });
  assert.deepEqual((await full.recommendations()).map(shortly), ["orders.max 900 → 1000"]);
  const over = new Reported(undefined, {}, { orders: settings("pool()", { min: 0, max: 1000 }) });
  Object.assign(over.pool, { total: 1000, acquired: 900, timeouts: 100 });
  assert.deepEqual(await over.recommendations(), []);
});

Deno.test("a pool that can't connect, or that is not full, should not be larger", async () => {
  const failing = new Reported(undefined, {}, { orders: pool() });
  Object.assign(failing.pool, { acquired: 900, timeouts: 100, errors: 90 });
  assert.deepEqual(await failing.recommendations(), []);
  const small = new Reported(undefined, {}, { orders: pool() });
  Object.assign(small.pool, { acquired: 900, timeouts: 100, total: 3 });
  assert.deepEqual(await small.recommendations(), []);
});

Deno.test("a pool of which most was never busy should be smaller, once it was looked at often enough", async () => {
  const world = new Reported(undefined, {}, { orders: settings("pool()", { min: 0, max: 16 }) });
  Object.assign(world.pool, { total: 16, acquired: 5000 });
  for (let look = 0; look < 8; look++) {
    world.pool.active = look === 3 ? 2 : 1;
    assert.deepEqual(await world.recommendations(), []);
  }
  const [found] = await world.recommendations();
  assert.equal(shortly(found), "orders.max 16 → 4");
  assert.equal(found.why, "in 10 looks no more than 2 of 16 connections were busy, over 5000 calls");
});

Deno.test("connections that are opened for most calls should be kept for longer", async () => {
  const world = new Reported(undefined, {}, { orders: pool() });
  Object.assign(world.pool, { acquired: 100, active: 3 });
  world.connections(60);
  assert.deepEqual((await world.recommendations()).map(shortly), ["orders.idleTimeoutMs 100 → 200"]);
  world.connections(0, 30);
  assert.deepEqual(await world.recommendations(), []);
});

Deno.test("a limit that refuses while all is well should be higher, one that is too much for the thread lower", async () => {
  const world = new Reported({ p95Ms: 100 }, {}, { handler: limit() });
  world.answered({ 20: 1000 });
  world.limit.rejected = 50;
  assert.deepEqual(await world.recommendations(), [], "how busy the processor is, is not known");
  world.cpuShare = 0.4;
  const [found] = await world.recommendations();
  assert.equal(shortly(found), "handler.max 10 → 15");
  assert.deepEqual(found.measured, { rejected: 50, calls: 1000, p95Ms: 20, cpuShare: 0.4, peakInFlight: 0 });
  world.limit.limit = 8;
  assert.deepEqual(await world.recommendations(), [], "its algorithm holds it down, not its ceiling");
  world.limit.limit = 10;
  world.answered({ 120: 1000 });
  assert.deepEqual(await world.recommendations(), [], "calls are slow already");
  world.answered({ 20: 1000 });
  world.cpuShare = 0.9;
  assert.deepEqual(await world.recommendations(), []);
  world.answered({ 250: 1000 });
  world.limit.inFlight = 10;
  assert.deepEqual(await world.recommendations(), []);
  for (let look = 0; look < 100; look++) world.loop.record(80);
  assert.deepEqual((await world.recommendations()).map(shortly), ["handler.max 10 → 7"]);
});

Deno.test("a timeout that cuts calls off should be longer, one far beyond the slowest call shorter", async () => {
  const cut = new Reported({ p95Ms: 100 }, { timeouts: { call: settings("timeout()", { ms: 100 }) } });
  cut.answered({ 20: 900, 95: 80 }, { errors: 20, timedOut: 20 });
  const [longer] = await cut.recommendations();
  assert.equal(shortly(longer), "call.ms 100 → 150");
  assert.equal(
    longer.why,
    "20 of 1000 calls ran out of time, and of those answered 1 in 100 took more than 95 of 100 ms",
  );
  cut.answered({ 20: 980 }, { errors: 20, timedOut: 20 });
  assert.deepEqual(await cut.recommendations(), [], "those that were answered had time to spare");
  const far = new Reported({ p95Ms: 100 }, { timeouts: { call: settings("timeout()", { ms: 900 }) } });
  far.answered({ 5: 990, 20: 10 });
  assert.deepEqual((await far.recommendations()).map(shortly), ["call.ms 900 → 60"]);
  far.answered({ 5: 900, 20: 10 });
  assert.deepEqual(await far.recommendations(), [], "too few calls to say so");
  far.answered({ 5: 990, 100: 10 });
  assert.deepEqual(await far.recommendations(), [], "some calls are slow");
});

Deno.test("retries that add much to the load should be fewer", async () => {
  const world = new Reported({ p95Ms: 100 }, { retries: { again: settings("retry()", { maxAttempts: 3 }) } });
  world.answered({ 5: 100 });
  const retried = (): void =>
    world.report.observer({ type: "call-retried", policy: "retry", attempt: 2, delayMs: 1, error: undefined });
  for (let count = 0; count < 19; count++) retried();
  assert.deepEqual(await world.recommendations(), []);
  retried();
  const [found] = await world.recommendations();
  assert.deepEqual([shortly(found), found.measured], ["again.maxAttempts 3 → 2", { retries: 20, calls: 100 }]);
});

Deno.test("apply() changes what can be changed, and says what needs a restart and what was refused", () => {
  const parts = { orders: pool(), fixed: settings("x()", { "max!": 5 }), handler: limit() };
  const change = (target: string, setting: string, from: number, to: number): Recommendation => ({
    target,
    setting,
    from,
    to,
    why: "",
    measured: {},
    live: true,
  });
  const wanted = [
    change("orders", "max", 4, 8),
    change("orders", "max", 4, 9),
    change("fixed", "max", 5, 6),
    change("handler", "max", 10, 2000),
    change("nobody", "max", 1, 2),
    change("toString", "max", 1, 2),
    change("orders", "speed", 1, 2),
  ];
  const { applied, restart, refused } = apply(wanted, parts);
  assert.deepEqual(applied, [wanted[0]]);
  assert.deepEqual(restart, [wanted[2]]);
  assert.deepEqual(refused.map(({ recommendation, why }) => [wanted.indexOf(recommendation), why]), [
    [1, "orders.max is 8 by now, it was 4"],
    [3, "Cannot use concurrencyLimit(): option max is 2000, allowed is an integer from 0 to 1000"],
    [4, "there is no nobody"],
    [5, "there is no toString"],
    [6, "orders has no setting speed"],
  ]);
  assert.equal(parts.orders.settings().max.value, 8);
  assert.equal(parts.handler.settings().max.value, 10);
});

Deno.test("a report applies its own recommendations to its own parts", async () => {
  const orders = pool();
  const world = new Reported(undefined, {}, { orders });
  Object.assign(world.pool, { acquired: 900, timeouts: 100 });
  await world.clock.advance(60_000);
  const { applied } = world.report.apply();
  assert.deepEqual(applied.map(shortly), ["orders.max 4 → 6"]);
  assert.equal(orders.settings().max.value, 6);
  // It was not full with six.
  assert.deepEqual(world.report.snapshot().recommendations, []);
});
