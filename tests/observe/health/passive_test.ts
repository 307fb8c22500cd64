/**
 * health(): what it makes of live calls.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../src/core/errors.ts";
import { broken, lost, World } from "./_watched.ts";

Deno.test("an endpoint whose calls are answered is healthy, and its figures are those of the calls", async () => {
  const world = new World();
  const call = world.service("orders");
  await world.calls(call, 90, 50, { takesMs: 10 });
  await world.calls(call, 9, 50, { takesMs: 40 });
  await world.calls(call, 1, 50, { takesMs: 50 });
  const { state, ready, live, endpoints: [orders] } = world.health.snapshot();
  assert.deepEqual([state, ready, live], ["healthy", true, true]);
  const { p50Ms, p95Ms, p99Ms, ...rest } = orders;
  assert.deepEqual(rest, { name: "orders", state: "healthy", inFlight: 0, calls: 100, failures: 0, ejected: false });
  const near = (value: number | undefined, wanted: number): void =>
    assert.ok(value !== undefined && Math.abs(value - wanted) <= wanted / 100, `${value} is not ${wanted}`);
  near(p50Ms, 10);
  near(p95Ms, 40);
  near(p99Ms, 40);
  world.health.close();
});

Deno.test("calls of a while ago are forgotten", async () => {
  const world = new World();
  await world.calls(world.service("orders"), 50, 10);
  await world.clock.advance(9000);
  assert.equal(world.health.snapshot().endpoints[0].calls, 50);
  await world.clock.advance(3000);
  assert.equal(world.health.snapshot().endpoints[0].calls, 0);
  world.health.close();
});

Deno.test("a burst of errors makes an endpoint unhealthy from the share on that was set, and not before", async () => {
  const world = new World();
  const call = world.service("orders");
  await world.calls(call, 30, 10);
  await world.calls(call, 29, 10, { error: broken() });
  assert.equal(world.check("errors", "orders").state, "healthy");
  await world.calls(call, 1, 10, { error: broken() });
  const { state, measured, reason } = world.check("errors", "orders");
  assert.equal(state, "unhealthy");
  assert.equal(measured, 0.5);
  assert.equal(reason, "30 of 60 calls failed in the last 10 s");
  assert.equal(world.health.isHealthy("orders"), false);
  // Somebody answers, so nobody is dead.
  assert.equal(world.check("peer", "orders").state, "healthy");
  assert.deepEqual(world.told, ["orders/errors unhealthy"]);
  world.health.close();
});

Deno.test("a few failures say nothing, however large their share", async () => {
  const world = new World();
  await world.calls(world.service("orders"), 19, 10, { error: broken() });
  assert.equal(world.check("errors", "orders").state, "unknown");
  assert.equal(world.health.isHealthy("orders"), true);
  world.health.close();
});

Deno.test("what this side refused and what callers gave up does not count", async () => {
  const world = new World();
  const call = world.service("orders");
  await world.calls(call, 10, 10);
  for (const code of ["cancelled", "circuit-open", "rate-limited", "superseded", "acquire-timeout"] as const) {
    await world.calls(call, 30, 1, { error: new TransportError(code, "No") });
  }
  const { calls, failures, inFlight } = world.health.snapshot().endpoints[0];
  assert.deepEqual({ calls, failures, inFlight }, { calls: 10, failures: 0, inFlight: 0 });
  world.health.close();
});

Deno.test("an error burst that is over is held for a while, and longer each time it comes back", async () => {
  const world = new World({ windowMs: 1000, holdMs: 4000, maxHoldMs: 60_000 });
  const call = world.service("orders");
  const burst = async (): Promise<void> => {
    await world.calls(call, 80, 1, { error: broken() });
    assert.equal(world.check("errors", "orders").state, "unhealthy");
    while (world.check("errors", "orders").state === "unhealthy") await world.calls(call, 10, 10);
    await world.calls(call, 100, 20);
  };
  const lengths: number[] = [];
  for (let round = 0; round < 3; round++) {
    const before = world.clock.now();
    await burst();
    lengths.push(Math.round((world.clock.now() - before - 2000) / 1000));
  }
  assert.deepEqual(lengths, [4, 8, 16]);
  assert.equal(world.check("errors", "orders").changes, 6);
  assert.equal(world.told.length, 6);
  world.health.close();
});

Deno.test("calls that nobody answers make an endpoint dead; when it was not tried for a while it may be tried again", async () => {
  const world = new World();
  const call = world.service("orders");
  await world.calls(call, 1, 10);
  assert.equal(world.check("peer", "orders").state, "healthy");
  await world.calls(call, 4, 10, { error: lost() });
  assert.equal(world.check("peer", "orders").state, "healthy");
  await world.calls(call, 1, 10, { error: lost() });
  const { state, reason, measured, threshold } = world.check("peer", "orders");
  assert.deepEqual([state, reason, measured, threshold], ["unhealthy", "5 calls in a row got no answer", 5, 5]);
  await world.clock.advance(9900);
  assert.equal(world.health.isHealthy("orders"), false);
  await world.clock.advance(200);
  assert.equal(world.health.isHealthy("orders"), true);
  assert.equal(world.check("peer", "orders").state, "unknown");
  // One more is enough now, and it lasts for longer.
  await world.calls(call, 1, 10, { error: lost() });
  await world.clock.advance(15_000);
  assert.equal(world.health.isHealthy("orders"), false);
  await world.clock.advance(6000);
  await world.calls(call, 1, 10);
  assert.equal(world.check("peer", "orders").state, "healthy");
  world.health.close();
});

Deno.test("an endpoint that leaves all calls without an answer is dead although none has failed", async () => {
  const world = new World({ silentAfterMs: 20_000 });
  const call = world.service("orders");
  await world.calls(call, 1, 10);
  for (let second = 0; second < 20; second++) await world.calls(call, 1, 1000, { takesMs: 100_000 });
  assert.equal(world.check("peer", "orders").state, "unhealthy");
  assert.equal(world.check("peer", "orders").reason, "20 calls in flight, and no answer for 20 s");
  assert.deepEqual(world.told, ["orders/peer unhealthy"]);
  await world.clock.advance(90_000);
  assert.equal(world.check("peer", "orders").state, "healthy");
  world.health.close();
});

Deno.test("latency that rises is noticed, and what stays becomes usual", async () => {
  const world = new World({ windowMs: 10_000, usualMs: 60_000, holdMs: 1000 });
  const call = world.service("orders");
  await world.calls(call, 600, 50, { takesMs: 20 });
  assert.equal(world.check("latency", "orders").state, "healthy");
  // Twice as long and more, of one call in ten.
  for (let round = 0; round < 25; round++) {
    await world.calls(call, 9, 50, { takesMs: 20 });
    await world.calls(call, 1, 50, { takesMs: 60 });
  }
  const { state, reason, measured } = world.check("latency", "orders");
  assert.equal(state, "degraded");
  assert.equal(reason, "95 of 100 calls take up to 60.0 ms, before that it was 20.0 ms");
  assert.ok(measured !== undefined && Math.abs(measured - 3) < 0.05, `${measured}`);
  assert.equal(world.health.isHealthy("orders"), true);
  assert.equal(world.health.snapshot().ready, true);
  await world.calls(call, 1500, 60, { takesMs: 60 });
  assert.equal(world.check("latency", "orders").state, "healthy");
  assert.ok((world.health.snapshot().endpoints[0].usualMs ?? 0) > 55);
  world.health.close();
});

Deno.test("a rise of fractions of a millisecond is none", async () => {
  const world = new World({ holdMs: 1000 });
  const call = world.service("orders");
  await world.calls(call, 600, 50, { takesMs: 0.1 });
  await world.calls(call, 300, 50, { takesMs: 5 });
  assert.equal(world.check("latency", "orders").state, "healthy");
  world.health.close();
});

Deno.test("one of three endpoints that is dead degrades the whole; two of them are too many", async () => {
  const world = new World();
  const [a, b, c] = ["a", "b", "c"].map((name) => world.service(name));
  for (const call of [a, b, c]) await world.calls(call, 1, 10);
  await world.calls(a, 5, 10, { error: lost() });
  assert.deepEqual([world.health.snapshot().state, world.health.snapshot().ready], ["degraded", true]);
  await world.calls(b, 5, 10, { error: lost() });
  const { state, ready, live } = world.health.snapshot();
  assert.deepEqual([state, ready, live], ["unhealthy", false, true]);
  world.health.close();
});

Deno.test("watching hands on the inner promise, and what the inner service throws", async () => {
  const world = new World();
  const promise = Promise.resolve(1);
  assert.equal(world.health.watch("a")(() => promise)(0), promise);
  await world.clock.advance(0);
  const throws = world.health.watch("a")((): Promise<number> => {
    throw lost();
  });
  assert.throws(() => throws(0), { code: "connection-lost" });
  const { inFlight, calls, failures } = world.health.snapshot().endpoints[0];
  assert.deepEqual([inFlight, calls, failures], [0, 2, 1]);
  world.health.close();
});

Deno.test("what connections of endpoints beyond the limit do is told of them together", () => {
  const world = new World({ maxEndpoints: 1 });
  for (const name of ["a", "b"]) {
    const error = new TransportError("connect-failed", "Connection refused");
    world.health.observer(name)({ type: "dial-failed", error, attempt: 1, retryInMs: undefined });
  }
  assert.deepEqual(world.log().map((line) => line.split(" connections")[0]), ["a", "(others)"]);
  world.health.close();
});

Deno.test("endpoints beyond the limit are one, and those that were closed make room", async () => {
  const world = new World({ maxEndpoints: 2 });
  const closable = (): (() => Promise<void>) & { close(): Promise<void>; [Symbol.asyncDispose](): Promise<void> } => {
    const close = (): Promise<void> => Promise.resolve();
    return Object.assign(() => Promise.resolve(), { close, [Symbol.asyncDispose]: close });
  };
  const names = (): string[] => world.health.snapshot().endpoints.map(({ name }) => name);
  const watched = ["a", "b", "c", "d"].map((name) => world.health.watch(name)(closable()));
  assert.deepEqual(names(), ["a", "b", "(others)"]);
  await (watched[0] as unknown as AsyncDisposable)[Symbol.asyncDispose]();
  assert.deepEqual(names(), ["b", "(others)"]);
  await (watched[2] as unknown as AsyncDisposable)[Symbol.asyncDispose]();
  assert.deepEqual(names(), ["b", "(others)"]);
  await (watched[3] as unknown as AsyncDisposable)[Symbol.asyncDispose]();
  assert.deepEqual(names(), ["b"]);
  world.health.close();
  assert.equal(world.clock.pending, 0);
});
