/**
 * The scores of report(), each from figures that the test sets.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { report } from "../../../mod.ts";
import { Reported, settings } from "./_reported.ts";

const orders = settings("pool()", { min: 0, max: 4, idleTimeoutMs: 100 });
const handler = settings("concurrencyLimit()", { max: 10 });

Deno.test("without anything measured there is no score, and no 0 or 100 in its place", async () => {
  const world = new Reported({ p95Ms: 100, minPerSecond: 10 }, {}, { orders, handler });
  await world.clock.advance(60_000);
  assert.deepEqual(world.report.snapshot(), {
    periodMs: 60_000,
    scores: [],
    compressions: [],
    recommendations: [],
  });
  assert.deepEqual(report({}).snapshot().scores, []);
});

Deno.test("connections score by how often they are used again, fail to open, and are missing", async () => {
  const world = new Reported(undefined, {}, { orders });
  Object.assign(world.pool, { acquired: 950, timeouts: 50, errors: 10 });
  world.connections(190);
  // Of those who connect here.
  const remote = { transport: "tcp" };
  world.report.observer({ type: "connection-opened", side: "server", local: remote, remote });
  assert.deepEqual(await world.score("connections"), [
    // 0.8 × 0.95 × 0.95
    72.2,
    "100 × (1 − 190 connections opened / 950 calls) × (1 − 10 failed / 200 attempts to connect) × (1 − 50 without a connection in time / 1000 calls)",
  ]);
});

Deno.test("of connections that nobody told of only the waiting is scored", async () => {
  const world = new Reported(undefined, {}, { orders });
  Object.assign(world.pool, { acquired: 90, timeouts: 10 });
  assert.deepEqual(await world.score("connections"), [90, "100 × (1 − 10 without a connection in time / 100 calls)"]);
});

Deno.test("throughput scores by the rate that is expected, and what limits refused", async () => {
  const world = new Reported({ minPerSecond: 20 }, {}, { handler });
  world.answered({ 10: 600 });
  world.limit.rejected = 60;
  assert.deepEqual(await world.score("throughput"), [
    45,
    "100 × min(1, 10 calls per second / 20 expected) × (1 − 60 refused by limits / 600 calls)",
  ]);
  const fast = new Reported({ minPerSecond: 5 });
  fast.answered({ 10: 600 });
  assert.equal((await fast.score("throughput"))?.[0], 100);
  const unknown = new Reported({ p95Ms: 100 });
  unknown.answered({ 10: 600 });
  assert.equal(await unknown.score("throughput"), undefined);
});

Deno.test("latency scores by Apdex, with the target as the time that satisfies", async () => {
  const world = new Reported({ p95Ms: 100 });
  world.answered({ 50: 60, 90: 10, 300: 20, 500: 10 });
  assert.deepEqual(await world.score("latency"), [
    80,
    "100 × (70 within 100 ms + 20 within 400 ms / 2) / 100 answered",
  ]);
  const other = new Reported({ p95Ms: 100 }, { satisfiedMs: 20 });
  other.answered({ 50: 60, 500: 40 });
  assert.equal((await other.score("latency"))?.[0], 30);
  const none = new Reported({ errorRate: 0.1 });
  none.answered({ 50: 60 });
  assert.equal(await none.score("latency"), undefined);
});

Deno.test("reliability scores by the errors that are allowed, and by connections lost", async () => {
  const world = new Reported({ errorRate: 0.01 });
  world.answered({ 10: 960 }, { errors: 40 });
  assert.deepEqual(await world.score("reliability"), [25, "100 × min(1, 10 errors allowed / 40 in 1000 calls)"]);
  world.connections(10, 2);
  assert.deepEqual(await world.score("reliability"), [
    20,
    "100 × min(1, 10 errors allowed / 40 in 1000 calls) × (1 − 2 connections lost / 10 opened)",
  ]);
  const well = new Reported({ p95Ms: 1 });
  well.answered({ 10: 100 });
  assert.deepEqual(await well.score("reliability"), [100, "100 × 1 (no error in 100 calls)"]);
});

Deno.test("the whole is the weighted mean of what there is", async () => {
  const world = new Reported({ p95Ms: 100, errorRate: 0.01 });
  world.answered({ 50: 80, 200: 20 }, { errors: 2 });
  // 90 and 100 · 1.02 / 2
  assert.deepEqual(await world.score("overall"), [70.5, "(0.3 × 90 + 0.3 × 51) / 0.6"]);
  const metrics = world.report.metrics();
  assert.deepEqual(metrics[0].series, [
    { labels: { score: "latency" }, value: 90 },
    { labels: { score: "reliability" }, value: 51 },
    { labels: { score: "overall" }, value: 70.5 },
  ]);
});

Deno.test("what was before the period does not count", async () => {
  const world = new Reported(undefined, { periodMs: 600_000 }, { orders });
  Object.assign(world.pool, { acquired: 100, timeouts: 100 });
  assert.equal((await world.score("connections"))?.[0], 50);
  for (let minute = 0; minute < 10; minute++) {
    world.pool.acquired += 10;
    await world.score("connections");
  }
  assert.deepEqual(await world.score("connections"), [100, "100 × (1 − 0 without a connection in time / 90 calls)"]);
  assert.equal(world.report.snapshot().periodMs, 600_000);
});

Deno.test("a snapshot is plain data, and parts have names of their own", async () => {
  const world = new Reported({ p95Ms: 100 }, {}, { orders });
  world.answered({ 50: 100 });
  Object.assign(world.pool, { acquired: 100, timeouts: 30 });
  await world.clock.advance(60_000);
  const snapshot = world.report.snapshot();
  assert.deepEqual(JSON.parse(JSON.stringify(snapshot)), snapshot);
  assert.throws(() => report({ timeouts: { orders }, retries: { orders } }), {
    code: "invalid-option",
    message: /is "orders", allowed is each name once/,
  });
  assert.throws(() => report({ satisfiedMs: 0 }), { code: "invalid-option", message: /option satisfiedMs is 0/ });
});

Deno.test("counters that begin anew, or can't be read for once, make no score above 100 and no count below 0", async () => {
  const world = new Reported({ p95Ms: 100 }, {}, {
    orders: settings("orders", { max: 10 }),
    handler: settings("handler", { max: 10 }),
  });
  Object.assign(world.pool, { acquired: 1000, timeouts: 50, errors: 50 });
  world.limit.rejected = 1000;
  await world.clock.advance(60_000);
  world.report.snapshot();
  await world.clock.advance(3_600_000);
  world.report.snapshot();
  await world.clock.advance(3_600_000);
  Object.assign(world.pool, { acquired: 10, timeouts: 0, errors: 0 });
  world.limit.rejected = 5;
  world.calls = { ...world.calls, calls: 100 };
  for (const { name, score, formula } of world.report.snapshot().scores) {
    assert.ok(score >= 0 && score <= 100, `${name} ${score}: ${formula}`);
    assert.doesNotMatch(formula, /-\d/);
  }
});
