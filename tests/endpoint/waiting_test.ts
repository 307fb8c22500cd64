/**
 * pool() and reconnect(): calls that wait for a connection, and calls that are
 * spread over several.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, TransportError } from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { counts, finish, pooled, reconnecting } from "./_set_up.ts";

Deno.test("a call goes to the connection with the fewest calls in flight", async () => {
  const set = pooled({ callsPerConnection: 2, max: 3 });
  for (let i = 0; i < 6; i++) set.call();
  const sessions = [await set.connect(), await set.connect(), await set.connect()];
  // The first connection took what waited; the others are empty now.
  assert.deepEqual(sessions.map(({ load }) => load), [6, 0, 0]);
  for (let i = 0; i < 4; i++) set.call();
  assert.deepEqual(sessions.map(({ load }) => load), [6, 2, 2]);
  for (const call of sessions[0].calls.slice(0, 5)) call.reply();
  set.call();
  assert.deepEqual(sessions.map(({ load }) => load), [2, 2, 2]);
  assert.equal(set.client.stats().active, 3);
  await finish(set);
});

Deno.test("another connection is opened past callsPerConnection, and the call does not wait for it", async () => {
  const set = pooled({ callsPerConnection: 2, max: 2 });
  set.call();
  const first = await set.connect();
  set.call();
  assert.equal(set.transport.dialled, 1);
  set.call();
  assert.equal(set.transport.dialled, 2);
  assert.equal(first.load, 3);
  const second = await set.connect();
  set.call();
  assert.deepEqual([first.load, second.load], [3, 1]);
  for (let i = 0; i < 20; i++) set.call();
  assert.equal(set.transport.dialled, 2, "no more than max");
  await finish(set);
});

Deno.test("calls that find no room wait, and are served first come, first served", async () => {
  const set = pooled({ max: 1 });
  for (let i = 0; i < 10; i++) set.call();
  const session = await set.connect(2);
  assert.deepEqual(counts(set), { total: 1, active: 1, idle: 0, draining: 0, dialling: 0, waiting: 8 });
  for (let done = 2; done < 10; done++) {
    // Whichever ends, the longest waiting one is next.
    session.calls[done % 2].reply();
    await settle();
    assert.equal(set.transport.received.at(-1), done);
  }
  assert.equal(set.client.stats().waiting, 0);
  await finish(set);
});

Deno.test("a call that comes while others wait goes behind them", async () => {
  const set = pooled({ max: 1 });
  set.call();
  const session = await set.connect(1);
  set.call();
  session.onChange = ((tell) => () => {
    // In the very moment in which there is room, before anybody was served.
    if (session.load === 0 && set.transport.received.length === 1) set.call();
    tell!();
  })(session.onChange);
  session.calls[0].reply();
  await settle();
  assert.deepEqual(set.transport.received, [0, 1]);
  await finish(set);
});

Deno.test("a call past maxWaiting is refused as overloaded", async () => {
  const set = pooled({ max: 1, maxWaiting: 2 });
  const calls = [set.call(), set.call(), set.call()];
  await settle();
  assert.deepEqual(calls.map(({ code }) => code), [undefined, undefined, "overloaded"]);
  assert.equal((calls[2].error as TransportError).processed, "no");
  assert.equal(set.client.stats().waiting, 2);
  await finish(set);
});

Deno.test("a call waits no longer than acquireTimeoutMs, and leaves nothing behind", async () => {
  const set = pooled({ max: 1, acquireTimeoutMs: 300 });
  set.call();
  const session = await set.connect(1);
  const call = set.call();
  const later = set.call();
  await set.clock.advance(299);
  assert.equal(call.settled, 0);
  await set.clock.advance(1);
  assert.equal(call.code, "acquire-timeout");
  assert.equal((call.error as TransportError).processed, "no");
  assert.equal(later.code, "acquire-timeout");
  assert.equal(set.client.stats().waiting, 0);
  session.calls[0].reply();
  await settle();
  assert.deepEqual(set.transport.received, [0]);
  await finish(set);
});

Deno.test("a caller that gives up while it waits is rejected at once, and leaves nothing behind", async () => {
  const set = pooled({ max: 1 });
  set.call();
  const session = await set.connect(1);
  const before = set.queue.size;
  const controllers = Array.from({ length: 5 }, () => new AbortController());
  const calls = controllers.map(({ signal }, i) => set.call(10 + i, callContext({ signal })));
  for (const i of [2, 0, 4]) controllers[i].abort(new Error("gone"));
  await settle();
  assert.deepEqual(calls.map(({ settled }) => settled), [1, 0, 1, 0, 1]);
  for (const i of [0, 2, 4]) {
    assert.equal(calls[i].code, "cancelled");
    assert.equal((calls[i].error as TransportError).processed, "no");
  }
  assert.equal(set.client.stats().waiting, 2);
  for (let i = 0; i < 3; i++) {
    session.calls[0].reply();
    await settle();
  }
  assert.deepEqual(set.transport.received, [0, 11, 13]);
  assert.equal(set.queue.size, before);
  await finish(set);
});

Deno.test("a call that was served hangs nothing onto its caller's signal for having waited", async () => {
  const set = pooled({ max: 1 });
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  set.call(0, callContext({ signal }));
  assert.equal(listeners, 1);
  const session = await set.connect();
  session.calls[0].reply();
  await settle();
  assert.equal(listeners, 0);
  await finish(set);
});

Deno.test("a call that was cancelled before is not sent", async () => {
  const set = reconnecting();
  const call = set.call(1, callContext({ signal: AbortSignal.abort(new Error("gone")) }));
  await settle();
  assert.equal(call.code, "cancelled");
  assert.equal((call.error as TransportError).processed, "no");
  assert.equal(set.client.stats().waiting, 0);
  await finish(set);
  assert.deepEqual(set.transport.received, []);
});

Deno.test("a deadline that passes while the call waits rejects it as not processed", async () => {
  const set = pooled({ max: 1, acquireTimeoutMs: 300 });
  set.call();
  const session = await set.connect(1);
  const call = set.call(1, callContext({ deadline: 100 }));
  await set.clock.advance(100);
  assert.equal(call.code, "deadline-exceeded");
  assert.equal((call.error as TransportError).processed, "no");
  session.calls[0].reply();
  await settle();
  assert.deepEqual(set.transport.received, [0]);
  await finish(set);
});

Deno.test("a caller that gives up on the wire frees the place for the next", async () => {
  const set = pooled({ max: 1 });
  const controller = new AbortController();
  const first = set.call(0, callContext({ signal: controller.signal }));
  await set.connect(1);
  set.call(1);
  controller.abort();
  await settle();
  assert.equal(first.code, "cancelled");
  assert.deepEqual(set.transport.received, [0, 1]);
  await finish(set);
});

Deno.test("calls pass on their context, untouched", async () => {
  const set = reconnecting();
  const context = callContext({ metadata: { tenant: "acme" } });
  set.call(0, context);
  const session = await set.connect();
  set.call(1, context);
  assert.deepEqual(session.calls.map((call) => call.context === context), [true, true]);
  await finish(set);
});

Deno.test("an error of the session reaches the caller as it is", async () => {
  const set = reconnecting();
  const calls = [set.call(0)];
  const session = await set.connect();
  calls.push(set.call(1));
  const error = new TransportError("rate-limited", "Slow down", { remote: true });
  for (const call of [...session.calls]) call.fail(error);
  await settle();
  assert.deepEqual(calls.map((call) => call.error), [error, error]);
  await finish(set);
});
