/**
 * pool() and reconnect(): the end, and the options.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  balance,
  callContext,
  pool,
  type PoolOptions,
  reconnect,
  type ReconnectOptions,
  TransportError,
} from "../../mod.ts";
import { settle, Watched } from "../support/calls.ts";
import { counts, finish, pooled, reconnecting } from "./_set_up.ts";

Deno.test("close() lets calls in flight finish, and resolves when the connections are over", async () => {
  const set = pooled({ callsPerConnection: 1, max: 2 });
  const calls = [set.call(), set.call()];
  const sessions = [await set.connect(1), await set.connect(1)];
  let closed = false;
  const closing = set.client.close().then(() => closed = true);
  await settle();
  assert.deepEqual(sessions.map(({ state }) => state), ["draining", "draining"]);
  sessions[0].calls[0].reply();
  await settle();
  assert.equal(closed, false);
  sessions[1].calls[0].reply();
  await closing;
  assert.deepEqual(calls.map(({ reply }) => reply), [0, 1]);
  assert.equal(set.clock.pending, 0, "no timer is left");
});

Deno.test("close() waits for connections that were draining before", async () => {
  const set = reconnecting();
  const old = set.call();
  const first = await set.connect();
  first.drain();
  set.call();
  (await set.connect()).calls[0].reply();
  let closed = false;
  const closing = set.client.close().then(() => closed = true);
  await settle();
  assert.equal(closed, false);
  first.calls[0].reply();
  await closing;
  assert.equal(old.reply, 0);
});

Deno.test("close() waits until a connection that was lost before has let go of what it had", async () => {
  const set = reconnecting();
  set.call();
  const session = await set.connect();
  const letGo = Promise.withResolvers<void>();
  session.letGo = letGo.promise;
  session.lose();
  await settle();
  assert.deepEqual(counts(set), { total: 0, active: 0, idle: 0, draining: 0, dialling: 0, waiting: 0 });
  let closed = false;
  const closing = set.client.close().then(() => closed = true);
  await settle();
  assert.equal(closed, false);
  letGo.resolve();
  await closing;
});

Deno.test("close() refuses those who wait and those who come later, as not processed", async () => {
  const set = pooled({ max: 1 });
  set.call();
  await set.connect(1);
  const calls = [set.call()];
  const closing = set.client.close();
  calls.push(set.call());
  await settle();
  for (const call of calls) {
    assert.equal(call.code, "closed");
    assert.equal((call.error as TransportError).processed, "no");
  }
  assert.equal(set.client.stats().waiting, 0);
  await finish(set);
  await closing;
});

Deno.test("close() aborts dials", async () => {
  const set = reconnecting();
  const call = set.call();
  const { signal } = set.transport.dials[0];
  await set.client.close();
  assert.equal(signal?.aborted, true);
  assert.equal(call.code, "closed");
  assert.equal(set.transport.dialled, 1);
});

Deno.test("a dial that succeeds although it was aborted gives a connection whose end close() waits for", async () => {
  const set = reconnecting();
  set.transport.heedsAbort = false;
  set.call();
  let closed = false;
  const closing = set.client.close().then(() => closed = true);
  await settle();
  assert.equal(closed, false, "the dial is under way");
  const session = await set.connect();
  await closing;
  assert.deepEqual([session.closes, session.state], [1, "closed"]);
  assert.deepEqual(counts(set), { total: 0, active: 0, idle: 0, draining: 0, dialling: 0, waiting: 0 });
});

Deno.test("a dial that fails after close() is nobody's business", async () => {
  const set = reconnecting({ waitForReady: true });
  set.transport.heedsAbort = false;
  set.call();
  const closing = set.client.close();
  await set.refuse();
  await closing;
  await set.clock.advance(1e6);
  assert.equal(set.transport.dialled, 1);
  assert.deepEqual(set.events, []);
});

Deno.test("nothing is dialled after close(), whatever happens to the connections", async () => {
  const set = pooled({ min: 2, prewarm: true });
  await set.connect();
  await set.connect();
  set.call();
  const closing = set.client.close();
  for (const session of set.transport.alive) session.lose();
  await closing;
  await set.clock.advance(1e6);
  assert.equal(set.transport.dialled, 2);
});

Deno.test("close() may be called twice, and `await using` calls it", async () => {
  const set = reconnecting();
  set.call();
  const session = await set.connect();
  session.calls[0].reply();
  {
    await using client = set.client;
    assert.equal(client.close(), client.close());
  }
  assert.equal(session.closes, 1);
  assert.equal(session.state, "closed");
});

Deno.test("stats() count connections and calls at this moment", async () => {
  const set = pooled({ callsPerConnection: 1, max: 3, maxWaiting: 10 });
  for (let i = 0; i < 6; i++) set.call();
  assert.deepEqual(counts(set), { total: 0, active: 0, idle: 0, draining: 0, dialling: 3, waiting: 6 });
  const first = await set.connect(2);
  assert.deepEqual(counts(set), { total: 1, active: 1, idle: 0, draining: 0, dialling: 2, waiting: 4 });
  await set.connect(4);
  assert.deepEqual(counts(set), { total: 2, active: 2, idle: 0, draining: 0, dialling: 1, waiting: 0 });
  await set.connect(1);
  assert.deepEqual(counts(set), { total: 3, active: 2, idle: 1, draining: 0, dialling: 0, waiting: 0 });
  first.drain();
  assert.deepEqual(counts(set), { total: 2, active: 1, idle: 1, draining: 1, dialling: 0, waiting: 0 });
  await finish(set);
  assert.deepEqual(counts(set), { total: 0, active: 0, idle: 0, draining: 0, dialling: 0, waiting: 0 });
});

Deno.test("a client that was never used holds no timer", async () => {
  const set = pooled();
  assert.equal(set.clock.pending, 0);
  await set.client.close();
  assert.equal(set.clock.pending, 0);
  await assert.rejects(set.client(1, callContext()), { code: "closed" });
});

Deno.test("pool() and reconnect() refuse options that make no sense, naming them", () => {
  const wrong: PoolOptions<number, number>[] = [
    { min: -1 },
    { max: 0 },
    { min: 3, max: 2 },
    { callsPerConnection: 0 },
    { maxWaiting: -1 },
    { acquireTimeoutMs: -1 },
    { idleTimeoutMs: 0 },
    { maxLifetimeMs: 0 },
    { strategy: "random" as "least-loaded" },
    { weights: { latency: 0, errors: 0, age: 0 } },
    { weights: { speed: 1 } as object },
    { queue: "lifo" as "fifo" },
    { size: 3 } as PoolOptions<number, number>,
    { random: 4 } as unknown as PoolOptions<number, number>,
  ];
  for (const options of wrong) {
    assert.throws(() => pool(options), (error: unknown) => {
      return error instanceof TransportError && error.code === "invalid-option" &&
        error.message.includes(Object.keys(options)[0]);
    });
  }
  assert.throws(() => reconnect({ max: 2 } as ReconnectOptions<number, number>), { code: "invalid-option" });
  assert.throws(() => reconnect({ maxBackoffMs: NaN }), { code: "invalid-option" });
});

Deno.test("balance() closes all of its endpoints although one of them fails to close, and says so at the end", async () => {
  const closed: string[] = [];
  const gate = Promise.withResolvers<void>();
  const call = balance<string, string, string>({
    endpoints: ["throws", "rejects", "late"],
    connect: (name) =>
      Object.assign((request: string) => Promise.resolve(request), {
        close(): Promise<void> {
          if (name === "throws") throw new Error("cannot close");
          return name === "rejects"
            ? Promise.reject(new Error("cannot close either"))
            : gate.promise.then(() => void closed.push(name));
        },
      }),
  });
  const end = new Watched(call.close());
  await settle();
  assert.equal(end.settled, 0);
  gate.resolve();
  await settle();
  assert.deepEqual([closed, (end.error as Error).message], [["late"], "cannot close"]);
});
