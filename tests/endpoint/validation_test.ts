/**
 * pool() looks whether its connections are alive, and keeps to limits.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ConnectionLimit, TransportError } from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { holdPings } from "./_script.ts";
import { counts, finish, pooled } from "./_set_up.ts";

Deno.test("a connection that was unused for long is asked before it carries a call, and then carries it", async () => {
  const set = pooled({ min: 1, max: 1, prewarm: true, validateAfterIdleMs: 1000 });
  const session = await set.connect();
  const pings = holdPings(session);
  await set.clock.advance(1300);
  const call = set.call();
  assert.deepEqual([pings.length, session.load, call.settled], [1, 0, 0]);
  pings[0].resolve(1);
  await settle();
  assert.equal(session.load, 1);
  set.call();
  assert.deepEqual([pings.length, session.load], [1, 2]);
  await finish(set);
});

Deno.test("a connection that was used lately is not asked", async () => {
  const set = pooled({ min: 1, max: 1, prewarm: true, validateAfterIdleMs: 1000 });
  const session = await set.connect();
  const pings = holdPings(session);
  for (let i = 0; i < 10; i++) {
    await set.clock.advance(400);
    set.call();
    session.calls[0].reply();
    await settle();
  }
  assert.equal(pings.length, 0);
  await finish(set);
});

Deno.test("a connection that does not answer in time is given up, and the call goes to a new one", async () => {
  const set = pooled({ min: 1, max: 1, prewarm: true, validateAfterIdleMs: 1000, validateTimeoutMs: 50 });
  const dead = await set.connect();
  holdPings(dead);
  await set.clock.advance(1300);
  const call = set.call();
  await set.clock.advance(50);
  assert.equal(dead.state, "closed");
  const fresh = await set.connect();
  fresh.calls[0].reply();
  await settle();
  assert.equal(call.settled, 1);
  assert.equal(call.error, undefined);
  await finish(set);
});

Deno.test("where the protocol has no ping a connection is used as it is", async () => {
  const set = pooled({ min: 1, max: 1, prewarm: true, validateAfterIdleMs: 1000 });
  const session = await set.connect();
  session.ping = () => Promise.reject(new TransportError("unsupported", "Cannot ping"));
  await set.clock.advance(1300);
  set.call();
  await settle();
  assert.equal(session.load, 1);
  await finish(set);
});

Deno.test("while one connection is asked, calls go to another that is not in doubt", async () => {
  const set = pooled({ min: 2, max: 2, prewarm: true, validateAfterIdleMs: 1000 });
  const first = await set.connect();
  const pings = holdPings(first);
  await set.clock.advance(600);
  const second = await set.connect();
  await set.clock.advance(700);
  set.call();
  assert.deepEqual([second.load, pings.length], [1, 0]);
  await finish(set);
});

Deno.test("health checks ask the connections that carry nothing, and replace those that are dead", async () => {
  const set = pooled({ min: 2, max: 2, prewarm: true, healthCheckIntervalMs: 500, validateTimeoutMs: 50 });
  const busy = await set.connect();
  const idle = await set.connect();
  const [ofBusy, ofIdle] = [holdPings(busy), holdPings(idle)];
  set.call();
  assert.equal(busy.load, 1);
  await set.clock.advance(500);
  assert.deepEqual([ofBusy.length, ofIdle.length], [0, 1]);
  await set.clock.advance(50);
  assert.equal(idle.state, "closed");
  assert.deepEqual(counts(set), { total: 1, active: 1, idle: 0, draining: 0, dialling: 1, waiting: 0 });
  await finish(set);
});

Deno.test("with adaptive-lifo the newest is served first while more than half of maxWaiting wait", async () => {
  const set = pooled({ max: 1, callsPerConnection: 1, maxWaiting: 4, queue: "adaptive-lifo" });
  const waiting = [0, 1, 2, 3].map((request) => set.call(request));
  const session = await set.connect(1);
  for (let i = 0; i < 4; i++) {
    session.calls[0].reply();
    await settle();
  }
  assert.deepEqual(set.transport.received, [3, 2, 0, 1]);
  assert.deepEqual(waiting.map(({ reply }) => reply), [0, 1, 2, 3]);
  await finish(set);
});

Deno.test("stats() count what happened since the start, and how long calls waited", async () => {
  const set = pooled({ max: 1, callsPerConnection: 1, acquireTimeoutMs: 100 });
  set.call();
  set.call();
  set.call();
  await set.clock.advance(10);
  await set.refuse();
  set.call();
  await set.clock.advance(200);
  set.call();
  set.call();
  set.call();
  const session = await set.connect(1);
  await set.clock.advance(30);
  session.calls[0].reply();
  await settle();
  await set.clock.advance(70);
  const { acquired, released, timeouts, errors, waiting, waitMs } = set.client.stats();
  assert.deepEqual({ acquired, released, timeouts, errors, waiting }, {
    acquired: 2,
    released: 1,
    timeouts: 1,
    errors: 1,
    waiting: 0,
  });
  assert.ok(waitMs.p50! < 0.01, "the first one was served at once");
  for (const ms of [waitMs.p95, waitMs.p99]) assert.ok(ms! >= 30 && ms! < 30 * 1.045, `${ms}`);
  await set.clock.advance(60_000);
  assert.deepEqual(set.client.stats().waitMs, { p50: undefined, p95: undefined, p99: undefined });
  await finish(set);
});

Deno.test("pools that share a limit have no more connections than it allows, and none waits for ever", async () => {
  const limit = new ConnectionLimit({ max: 2 });
  const one = pooled({ limit, max: 4, callsPerConnection: 1 });
  const other = pooled({ limit, max: 4, callsPerConnection: 1 });
  one.call();
  one.call();
  one.call();
  const waiting = other.call();
  assert.deepEqual([one.transport.dials.length, other.transport.dials.length], [2, 0]);
  const session = await one.connect(1);
  await one.connect(1);
  assert.equal(limit.open, 2);
  session.lose();
  await settle();
  assert.equal(one.transport.dials.length + other.transport.dials.length, 1);
  const { transport } = other.transport.dials.length > 0 ? other : one;
  transport.dials[0].fail();
  await settle();
  assert.equal(limit.open, 2);
  for (const { transport } of [one, other]) {
    for (const dial of [...transport.dials]) dial.succeed(1);
    await settle();
    for (const session of transport.alive) for (const call of [...session.calls]) call.reply();
  }
  await settle();
  assert.ok(limit.open <= 2);
  await finish(one);
  await settle();
  if (waiting.settled === 0) {
    await other.clock.advance(200);
    for (const dial of [...other.transport.dials]) dial.succeed(1);
    await settle();
    for (const session of other.transport.alive) for (const call of [...session.calls]) call.reply();
    await settle();
  }
  assert.equal(waiting.settled, 1);
  await finish(other);
  assert.equal(limit.open, 0);
});

Deno.test("a limit gets its room back from dials that were given up", async () => {
  const limit = new ConnectionLimit({ max: 1 });
  const set = pooled({ limit });
  set.call();
  assert.equal(limit.open, 1);
  await set.client.close();
  await settle();
  assert.equal(limit.open, 0);
  assert.throws(() => new ConnectionLimit({ max: 0 }), { code: "invalid-option" });
});
