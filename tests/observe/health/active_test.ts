/**
 * health(): what it asks itself, what it hears, and what it does.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { Address } from "../../../src/core/channel.ts";
import { TransportError } from "../../../src/core/errors.ts";
import type { ProbeOptions } from "../../../src/observe/health/health.ts";
import { health } from "../../../src/observe/health/health.ts";
import { lost, World } from "./_watched.ts";

/** A probe that answers what it is told to, and counts. */
class Asked {
  answer: unknown = "pong";
  times = 0;
  aborted = 0;

  probe(options: Partial<ProbeOptions> = {}): ProbeOptions {
    return {
      check: (context) => {
        this.times++;
        context.signal.addEventListener("abort", () => this.aborted++);
        if (this.answer instanceof Error) throw this.answer;
        return this.answer;
      },
      ...options,
    };
  }
}

Deno.test("a probe is asked at once and at its interval, and decides with so many in a row", async () => {
  const database = new Asked();
  const world = new World({ probes: { database: database.probe({ intervalMs: 5000 }) } });
  assert.equal(world.check("database").state, "unknown");
  await world.clock.advance(10_000);
  assert.equal(database.times, 3);
  assert.equal(world.check("database").state, "healthy");
  database.answer = new Error("no such table");
  await world.clock.advance(10_000);
  assert.equal(world.check("database").state, "healthy");
  await world.clock.advance(5000);
  const { state, reason, measured } = world.check("database");
  assert.deepEqual([state, reason, measured], ["unhealthy", "3 failures in a row, the last: no such table", 3]);
  assert.deepEqual([world.health.snapshot().ready, world.health.snapshot().live], [false, true]);
  database.answer = "pong";
  await world.clock.advance(5000);
  assert.equal(world.check("database").state, "unhealthy");
  await world.clock.advance(5000);
  assert.equal(world.check("database").state, "healthy");
  assert.deepEqual(world.told, ["-/database unhealthy", "-/database healthy"]);
  world.health.close();
  assert.equal(world.clock.pending, 0);
});

Deno.test("a probe that does not answer in time has failed, is cancelled, and is not asked twice at once", async () => {
  const peer = new Asked();
  const options = { intervalMs: 5000, timeoutMs: 1000, failures: 2 };
  const world = new World({ probes: { peer: peer.probe(options) } });
  let answer = (_: string): void => {};
  peer.answer = new Promise<string>((resolve) => answer = resolve);
  await world.clock.advance(999);
  assert.equal(peer.aborted, 0);
  await world.clock.advance(1);
  assert.equal(peer.aborted, 1);
  assert.equal(world.check("peer").reason, "1 failures in a row, the last: no answer within 1000 ms");
  await world.clock.advance(4000);
  assert.equal(peer.times, 1);
  assert.equal(world.check("peer").state, "unhealthy");
  answer("late");
  await world.clock.advance(0);
  assert.equal(world.check("peer").measured, 2);
  peer.answer = "pong";
  await world.clock.advance(5000);
  assert.equal(peer.times, 2);
  assert.equal(world.check("peer").measured, 0);
  world.health.close();
});

Deno.test("false and a response of 500 are failures, one of 404 is none", async () => {
  for (
    const [answer, state] of [
      [false, "unhealthy"],
      [new Response("oh", { status: 500 }), "unhealthy"],
      [new Response("no", { status: 404 }), "healthy"],
      [undefined, "healthy"],
    ] as const
  ) {
    const asked = new Asked();
    asked.answer = answer;
    const world = new World({ probes: { asked: asked.probe({ failures: 1 }) } });
    await world.clock.advance(0);
    assert.equal(world.check("asked").state, state);
    world.health.close();
  }
});

Deno.test("a probe of an endpoint turns that away; one that says liveness fails the whole program", async () => {
  const [one, two] = [new Asked(), new Asked()];
  const world = new World({
    probes: {
      ping: one.probe({ failures: 1, endpoint: "orders" }),
      thread: two.probe({ failures: 1, liveness: true, required: false }),
    },
  });
  one.answer = false;
  await world.clock.advance(10_000);
  assert.equal(world.health.isHealthy("orders"), false);
  assert.equal(world.health.isHealthy("unheard of"), true);
  assert.deepEqual([world.health.snapshot().ready, world.health.snapshot().live], [true, true]);
  two.answer = false;
  await world.clock.advance(10_000);
  assert.equal(world.health.snapshot().live, false);
  world.health.close();
});

Deno.test("what is nearly used up degrades, after so many looks, until it is clearly less", async () => {
  let share: number | undefined = 0.5;
  const world = new World({ uses: { calls: { read: () => share } }, holdMs: 0 });
  await world.clock.advance(1000);
  assert.equal(world.check("calls").state, "healthy");
  share = 0.9;
  await world.clock.advance(2000);
  assert.equal(world.check("calls").state, "healthy");
  await world.clock.advance(1000);
  const { state, reason, measured } = world.check("calls");
  assert.deepEqual([state, reason, measured], ["degraded", "90 % is used, in 3 looks in a row", 0.9]);
  assert.equal(world.health.snapshot().ready, true);
  share = 0.8;
  await world.clock.advance(10_000);
  assert.equal(world.check("calls").state, "degraded");
  share = 0.7;
  await world.clock.advance(3000);
  assert.equal(world.check("calls").state, "healthy");
  share = undefined;
  await world.clock.advance(1000);
  assert.equal(world.check("calls").measured, undefined);
  world.health.close();
});

const remote: Address = { transport: "tcp", hostname: "10.0.0.1", port: 9000 };

Deno.test("what connections and policies did is in the log, each thing once, by who did it", () => {
  const world = new World();
  const orders = world.health.observer("orders");
  const all = world.health.observer();
  const refused = new TransportError("connect-failed", "Connection refused");
  orders({ type: "connection-opened", side: "client", local: remote, remote });
  orders({ type: "connection-closed", side: "client", remote, error: undefined });
  orders({ type: "connection-closed", side: "client", remote, error: lost() });
  orders({ type: "connection-opened", side: "client", local: remote, remote });
  orders({ type: "connection-closed", side: "client", remote, error: lost() });
  for (const attempt of [1, 2, 3]) orders({ type: "dial-failed", error: refused, attempt, retryInMs: attempt * 100 });
  orders({ type: "connection-opened", side: "client", local: remote, remote });
  orders({ type: "session-draining", remote, by: "remote", reason: "restart" });
  orders({ type: "state-changed", policy: "breaker", from: "closed", to: "open", reason: "5 failures" });
  all({ type: "endpoint-ejected", policy: "balance", endpoint: "orders", forMs: 30_000, reason: "5 in a row" });
  assert.equal(world.health.snapshot().endpoints[0].ejected, true);
  all({ type: "endpoint-readmitted", policy: "balance", endpoint: "orders" });
  assert.equal(world.health.snapshot().endpoints[0].ejected, false);
  assert.deepEqual(world.log(), [
    "orders connections connection-lost: Connection reset",
    "orders connections refilled: connected in place of a lost connection, 1 were",
    "orders connections connection-lost: Connection reset",
    "orders connections dial-failed: attempt 3 failed: Connection refused; the next one is in 300 ms",
    "orders connections redialled: connected after 3 failed attempts",
    "orders connections drained: by the remote side: restart",
    "orders breaker state-changed: from closed to open: 5 failures",
    "orders balance ejected: left out for 30000 ms: 5 in a row",
    "orders balance readmitted: carries calls again",
  ]);
  assert.equal(world.health.snapshot().log[3].times, 3);
  world.health.close();
});

Deno.test("an endpoint to which no connection can be made is dead, and one connection is enough to be no more", async () => {
  const world = new World();
  const orders = world.health.observer("orders");
  const error = new TransportError("connect-failed", "Connection refused");
  for (let attempt = 1; attempt <= 5; attempt++) orders({ type: "dial-failed", error, attempt, retryInMs: 100 });
  assert.equal(world.check("peer", "orders").reason, "5 attempts to connect failed in a row");
  assert.deepEqual(world.told, ["orders/peer unhealthy"]);
  orders({ type: "connection-opened", side: "client", local: remote, remote });
  await world.clock.advance(9000);
  assert.equal(world.check("peer", "orders").state, "unhealthy");
  await world.clock.advance(1000);
  assert.equal(world.check("peer", "orders").state, "unknown");
  assert.deepEqual(world.told, ["orders/peer unhealthy", "orders/peer healthy"]);
  world.health.close();
});

Deno.test("the log is bounded, and says what hooks did and that they failed", async () => {
  const world = new World({
    maxLogEntries: 6,
    onUnhealthy: () => "paged the one on call",
    onHealthy: () => Promise.reject(new Error("nobody answers")),
  });
  const call = world.service("orders");
  for (let round = 0; round < 3; round++) {
    await world.calls(call, 5, 10, { error: lost() });
    await world.clock.advance(60_000);
    await world.calls(call, 1, 10);
  }
  assert.deepEqual(
    world.log(),
    [
      "orders health healthy: peer: not held to be unhealthy any more: 5 calls in a row got no answer, and it was not tried since",
      "orders health hook-failed: onHealthy failed: nobody answers",
      "orders health unhealthy: peer: 5 calls in a row got no answer",
      "orders health hook-called: onUnhealthy: paged the one on call",
      "orders health healthy: peer: not held to be unhealthy any more: 5 calls in a row got no answer, and it was not tried since",
      "orders health hook-failed: onHealthy failed: nobody answers",
    ],
  );
  assert.equal(world.log().length, 6);
  world.health.close();
});

Deno.test("options that make no sense are refused by name", () => {
  const check = (): boolean => true;
  for (
    const [options, message] of [
      [{ windowMs: Infinity }, /option windowMs is Infinity/],
      [{ windowMs: 1000, usualMs: 500 }, /option usualMs is 500, allowed is windowMs \(1000\) or more/],
      [{ holdMs: 1000, maxHoldMs: 500 }, /option holdMs is 1000, allowed is maxHoldMs/],
      [{ probes: { a: {} as ProbeOptions } }, /probe a of health\(\): option check is undefined/],
      [{ probes: { a: { check, failures: 0 } } }, /probe a of health\(\): option failures is 0/],
      [{ uses: { a: { read: () => 1, lowAt: 2 } } }, /use a of health\(\): option lowAt is 2/],
    ] as const
  ) assert.throws(() => health(options), { code: "invalid-option", message });
});
