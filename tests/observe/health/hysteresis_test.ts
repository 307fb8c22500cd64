/**
 * health(): what makes something bad again or well again, and what does not.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { Address } from "../../../src/core/channel.ts";
import { TransportError } from "../../../src/core/errors.ts";
import { broken, lost, World } from "./_watched.ts";

const remote: Address = { transport: "tcp", hostname: "10.0.0.1", port: 9000 };
const refused = new TransportError("connect-failed", "Connection refused");

Deno.test("a share of errors that only falls below the limit is not well yet; half of it is", async () => {
  const world = new World({ windowMs: 1000, holdMs: 0 });
  const call = world.service("orders");
  const mixed = async (failing: number): Promise<string> => {
    // Spread evenly, and none at first.
    for (let one = 1; one <= 500; one++) {
      await world.calls(call, 1, 5, (one * failing) % 20 < failing ? { error: broken() } : {});
    }
    return world.check("errors", "orders").state;
  };
  assert.equal(await mixed(8), "healthy");
  assert.equal(await mixed(12), "unhealthy");
  assert.equal(await mixed(8), "unhealthy");
  assert.equal(await mixed(4), "healthy");
  world.health.close();
});

Deno.test("what was well for as long as the longest hold starts anew", async () => {
  const world = new World({ holdMs: 10_000, maxHoldMs: 40_000 });
  const call = world.service("orders");
  const badFor = async (): Promise<number> => {
    await world.calls(call, 5, 1, { error: lost() });
    const since = world.clock.now();
    while (!world.health.isHealthy("orders")) await world.calls(call, 1, 1000);
    return Math.round((world.clock.now() - since) / 1000);
  };
  assert.deepEqual([await badFor(), await badFor(), await badFor(), await badFor()], [10, 20, 40, 40]);
  await world.calls(call, 40, 1000);
  assert.equal(await badFor(), 10);
  world.health.close();
});

Deno.test("how fast calls fail is no latency", async () => {
  const world = new World();
  const call = world.service("orders");
  await world.calls(call, 50, 10, { takesMs: 20 });
  await world.calls(call, 20, 10, { takesMs: 1000, error: broken() });
  await world.clock.advance(1000);
  const [{ p99Ms, failures }] = world.health.snapshot().endpoints;
  assert.ok(p99Ms !== undefined && p99Ms < 21, `${p99Ms}`);
  assert.equal(failures, 20);
  world.health.close();
});

Deno.test("a few slow calls say nothing about a rise", async () => {
  const world = new World({ windowMs: 10_000, usualMs: 60_000 });
  const call = world.service("orders");
  await world.calls(call, 500, 50, { takesMs: 20 });
  await world.clock.advance(11_000);
  await world.calls(call, 19, 100, { takesMs: 90 });
  await world.clock.advance(100);
  assert.equal(world.check("latency", "orders").reason, "19 calls of late, 500 before: too few to compare");
  await world.calls(call, 1, 100, { takesMs: 90 });
  assert.equal(world.check("latency", "orders").state, "degraded");
  world.health.close();
});

Deno.test("an answer takes back what connects had said, and a deadline that ran out over there is an answer", async () => {
  const world = new World();
  const orders = world.health.observer("orders");
  const call = world.service("orders");
  const dial = (times: number): void => {
    for (let attempt = 1; attempt <= times; attempt++) {
      orders({ type: "dial-failed", error: refused, attempt, retryInMs: 1 });
    }
  };
  dial(4);
  await world.calls(call, 1, 10);
  dial(4);
  assert.equal(world.health.isHealthy("orders"), true);
  const error = new TransportError("deadline-exceeded", "Too late", { remote: true });
  await world.calls(call, 10, 10, { error });
  assert.equal(world.health.isHealthy("orders"), true);
  await world.calls(call, 5, 10, { error: new TransportError("deadline-exceeded", "Too late") });
  assert.equal(world.health.isHealthy("orders"), false);
  world.health.close();
});

Deno.test("a call after a long pause is not silent from its beginning on", async () => {
  const world = new World({ silentAfterMs: 20_000 });
  const call = world.service("orders");
  await world.calls(call, 1, 10);
  await world.clock.advance(3_600_000);
  await world.calls(call, 1, 19_000, { takesMs: 100_000 });
  assert.equal(world.health.isHealthy("orders"), true);
  await world.clock.advance(1000);
  assert.equal(world.health.isHealthy("orders"), false);
  world.health.close();
});

Deno.test("a probe must succeed so many times, also where nothing is held", async () => {
  let well = false;
  const world = new World({
    holdMs: 0,
    probes: { database: { check: () => well, intervalMs: 1000, failures: 1, successes: 3 } },
  });
  await world.clock.advance(0);
  well = true;
  const states: string[] = [];
  for (let second = 0; second < 4; second++) {
    states.push(world.check("database").state);
    await world.clock.advance(1000);
  }
  assert.deepEqual(states, ["unhealthy", "unhealthy", "unhealthy", "healthy"]);
  world.health.close();
});

Deno.test("each loss is made good once, and failed attempts count up to the next connection", () => {
  const world = new World();
  const orders = world.health.observer("orders");
  const opened = (): void => orders({ type: "connection-opened", side: "client", local: remote, remote });
  const closed = (side: "client" | "server"): void =>
    orders({ type: "connection-closed", side, remote, error: lost() });
  const failed = (): void => orders({ type: "dial-failed", error: refused, attempt: 1, retryInMs: undefined });
  closed("server");
  opened();
  closed("client");
  opened();
  opened();
  opened();
  failed();
  opened();
  opened();
  failed();
  failed();
  opened();
  assert.deepEqual(world.health.snapshot().log.map(({ what, times, text }) => `${what} ${times} ${text}`), [
    "connection-lost 1 Connection reset",
    "refilled 1 connected in place of a lost connection, 1 were",
    "dial-failed 1 attempt 1 failed: Connection refused",
    "redialled 1 connected after 1 failed attempts",
    "dial-failed 2 attempt 1 failed: Connection refused",
    "redialled 1 connected after 2 failed attempts",
  ]);
  world.health.close();
});
