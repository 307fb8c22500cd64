/**
 * pool() and reconnect(): connections that are lost, drain, idle and age.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { settle } from "../support/calls.ts";
import { counts, finish, pooled, type PoolSetUp, reconnecting } from "./_set_up.ts";

/** Opens as many connections as there are dials. */
async function connectAll(set: PoolSetUp, capacity?: number): Promise<void> {
  while (set.transport.dials.length > 0) await set.connect(capacity);
}

/** Answers every call in flight. */
async function answerAll(set: PoolSetUp): Promise<void> {
  for (const session of set.transport.alive) for (const call of [...session.calls]) call.reply();
  await settle();
}

Deno.test("a lost connection fails its calls, is forgotten, and is replaced with the next call", async () => {
  const set = reconnecting();
  const call = set.call();
  const session = await set.connect();
  session.lose();
  await settle();
  assert.equal(call.code, "connection-lost");
  assert.equal(set.client.stats().total, 0);
  assert.equal(set.transport.dialled, 1, "nobody needs another one yet");
  const next = set.call();
  assert.equal(set.transport.dialled, 2);
  (await set.connect()).calls[0].reply();
  await settle();
  assert.equal(next.reply, 1);
  await finish(set);
});

Deno.test("calls that waited for a lost connection get its replacement", async () => {
  const set = reconnecting();
  set.call();
  const session = await set.connect(1);
  const waiting = [set.call(), set.call()];
  session.lose();
  await settle();
  assert.deepEqual(waiting.map(({ settled }) => settled), [0, 0]);
  assert.equal(set.transport.dials.length, 1);
  const next = await set.connect(2);
  assert.deepEqual(next.calls.map(({ request }) => request), [1, 2]);
  await finish(set);
});

Deno.test("a draining connection is replaced while its calls finish, even where there may be only one", async () => {
  const set = reconnecting();
  const old = set.call();
  const first = await set.connect();
  first.drain();
  const next = set.call();
  assert.equal(set.transport.dials.length, 1, "a new connection is opened at once");
  assert.deepEqual(counts(set), { total: 0, active: 0, idle: 0, draining: 1, dialling: 1, waiting: 1 });
  const second = await set.connect();
  second.calls[0].reply();
  await settle();
  assert.equal(next.reply, 1);
  assert.equal(old.settled, 0);
  first.calls[0].reply();
  await settle();
  assert.equal(old.reply, 0);
  assert.equal(first.closes, 0, "it ends by itself, in its own time");
  assert.deepEqual(counts(set), { total: 1, active: 0, idle: 1, draining: 0, dialling: 0, waiting: 0 });
  await finish(set);
});

Deno.test("calls that waited go on to a new connection when theirs drains", async () => {
  const set = pooled({ max: 1 });
  set.call();
  const first = await set.connect(1);
  set.call();
  first.drain();
  const second = await set.connect(1);
  assert.deepEqual(second.calls.map(({ request }) => request), [1]);
  await finish(set);
});

Deno.test("connections that drain without end do not become more and more", async () => {
  const set = pooled({ max: 2, acquireTimeoutMs: 1e9 });
  let most = 0;
  for (let i = 0; i < 20; i++) {
    set.call();
    await connectAll(set);
    for (const session of set.transport.open) if (session.load > 0) session.drain();
    most = Math.max(most, set.transport.alive.length);
  }
  assert.ok(most <= 2 + 4, `${most} were open`);
  assert.ok(set.client.stats().waiting > 0);
  await answerAll(set);
  await connectAll(set);
  assert.equal(set.client.stats().waiting, 0);
  await finish(set);
});

Deno.test("prewarm opens min connections at once; without it they are opened with the first call", async () => {
  const warm = pooled({ min: 3, prewarm: true });
  assert.equal(warm.transport.dialled, 3);
  await connectAll(warm);
  assert.deepEqual(counts(warm), { total: 3, active: 0, idle: 3, draining: 0, dialling: 0, waiting: 0 });
  await finish(warm);
  const lazy = pooled({ min: 3 });
  await lazy.clock.advance(1e6);
  assert.equal(lazy.transport.dialled, 0);
  lazy.call();
  assert.equal(lazy.transport.dialled, 3);
  await finish(lazy);
});

Deno.test("fewer than min connections are made up for at once, without a call", async () => {
  const set = pooled({ min: 2, prewarm: true });
  await connectAll(set);
  await set.clock.advance(1000);
  set.transport.open[0].lose();
  await settle();
  assert.equal(set.transport.dials.length, 1);
  await connectAll(set);
  await set.clock.advance(1000);
  set.transport.open[0].drain();
  await settle();
  assert.equal(set.transport.dials.length, 1);
  await finish(set);
});

Deno.test("connections that are dropped as soon as they are open are not replaced in a busy loop", async () => {
  const set = pooled({ min: 2, prewarm: true, initialBackoffMs: 100 });
  for (let time = 0; time < 1000; time += 10) {
    await connectAll(set);
    for (const session of set.transport.open) session.lose();
    await settle();
    await set.clock.advance(10);
  }
  assert.ok(set.transport.dialled <= 2 * 11, `${set.transport.dialled} dials in a second`);
  assert.ok(set.transport.dialled >= 2 * 9, `${set.transport.dialled} dials in a second`);
  await finish(set);
});

Deno.test("dials for min connections that fail are tried again after the back-off, without a call", async () => {
  const set = pooled({ min: 2, prewarm: true, initialBackoffMs: 100 });
  await set.refuse();
  await set.refuse();
  assert.equal(set.transport.dials.length, 0);
  await set.clock.advance(199);
  assert.equal(set.transport.dials.length, 0);
  await set.clock.advance(1);
  assert.equal(set.transport.dials.length, 1);
  await set.connect();
  assert.equal(set.transport.dials.length, 1);
  await finish(set);
});

Deno.test("denoland/deno#29444: an unused connection beyond min is closed after its idle time, at most a quarter later", async () => {
  const set = pooled({ min: 1, max: 3, callsPerConnection: 1, idleTimeoutMs: 1000 });
  for (let i = 0; i < 3; i++) set.call();
  await connectAll(set, 1);
  await answerAll(set);
  await set.clock.advance(999);
  assert.equal(set.transport.open.length, 3);
  await set.clock.advance(251);
  assert.equal(set.transport.alive.length, 1, "min is kept");
  await set.clock.advance(100_000);
  assert.equal(set.transport.alive.length, 1);
  assert.equal(set.transport.dialled, 3);
  await finish(set);
});

Deno.test("a connection that is used, or that carries a call, is not idle", async () => {
  const set = reconnecting({ idleTimeoutMs: 1000 });
  set.call();
  const session = await set.connect();
  await set.clock.advance(10_000);
  assert.equal(session.state, "open", "it carries a call");
  for (let i = 0; i < 20; i++) {
    await answerAll(set);
    await set.clock.advance(700);
    assert.equal(session.state, "open", "it was used");
    set.call();
  }
  await answerAll(set);
  await set.clock.advance(1500);
  assert.equal(session.state, "closed");
  await finish(set);
});

Deno.test("the idle time begins when the last call ends, not when a look happens to find it ended", async () => {
  const set = reconnecting({ idleTimeoutMs: 1000 });
  set.call();
  const session = await set.connect();
  await set.clock.advance(2001);
  await answerAll(set);
  await set.clock.advance(999);
  assert.equal(session.state, "open");
  await set.clock.advance(251);
  assert.equal(session.state, "closed");
  await finish(set);
});

Deno.test("a connection never idles out where idleTimeoutMs is Infinity", async () => {
  const set = reconnecting();
  set.call();
  const session = await set.connect();
  await answerAll(set);
  await set.clock.advance(1e9);
  assert.equal(session.state, "open");
  await finish(set);
});

Deno.test("a connection is replaced at its age, less the share drawn at random, and its calls finish", async () => {
  const draws = [0, 1];
  let next = 0;
  const options = { max: 2, callsPerConnection: 1, maxLifetimeMs: 10_000, idleTimeoutMs: 1e9 };
  const set = pooled({ ...options, random: () => draws[next++] ?? 0 });
  const calls = [set.call(), set.call()];
  const [first, second] = [await set.connect(1), await set.connect(1)];
  await set.clock.advance(7999);
  assert.deepEqual([first.state, second.state], ["open", "open"]);
  await set.clock.advance(1001);
  assert.deepEqual([first.state, second.state], ["open", "draining"], "up to a fifth is drawn off");
  await set.clock.advance(2000);
  assert.deepEqual([first.state, second.state], ["draining", "draining"]);
  set.call();
  assert.equal(set.transport.dials.length, 1);
  await answerAll(set);
  assert.deepEqual(calls.map(({ reply }) => reply), [0, 1]);
  assert.deepEqual([first.state, second.state], ["closed", "closed"]);
  await finish(set);
});

Deno.test("a connection that min asks for is replaced when it is old", async () => {
  const set = pooled({ min: 1, prewarm: true, maxLifetimeMs: 10_000, random: () => 0 });
  const session = await set.connect();
  await set.clock.advance(12_000);
  assert.equal(session.state, "closed");
  assert.equal(set.transport.dials.length, 1);
  await finish(set);
});
