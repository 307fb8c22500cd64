/**
 * pool() and reconnect(): when connections are opened, and what happens where
 * they can't be.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, outcomeOf, RetryBudget, TransportError } from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { counts, finish, pooled, reconnecting } from "./_set_up.ts";

Deno.test("reconnect() dials nothing before the first call, and once for many", async () => {
  const set = reconnecting();
  await set.clock.advance(100_000);
  assert.equal(set.transport.dialled, 0);
  const calls = Array.from({ length: 500 }, () => set.call());
  assert.equal(set.transport.dialled, 1);
  assert.deepEqual(counts(set), { total: 0, active: 0, idle: 0, draining: 0, dialling: 1, waiting: 500 });
  const session = await set.connect(1000);
  assert.deepEqual(counts(set), { total: 1, active: 1, idle: 0, draining: 0, dialling: 0, waiting: 0 });
  for (const call of [...session.calls]) call.reply();
  await settle();
  assert.deepEqual(calls.map(({ reply }) => reply), Array.from({ length: 500 }, (_, i) => i));
  assert.equal(set.transport.dialled, 1);
  await finish(set);
});

Deno.test("pool() opens one connection for as many calls as one takes, and one more for each such lot", async () => {
  const set = pooled({ callsPerConnection: 10, max: 5 });
  for (let i = 0; i < 10; i++) set.call();
  assert.equal(set.transport.dialled, 1);
  for (let i = 0; i < 11; i++) set.call();
  assert.equal(set.transport.dialled, 3);
  for (let i = 0; i < 100; i++) set.call();
  assert.equal(set.transport.dialled, 5, "no more than max");
  await finish(set);
});

Deno.test("pool() hands the handler and a signal to the dial", async () => {
  const handler = (request: number): number => request;
  const set = pooled({ handler });
  set.call();
  assert.equal(set.transport.dials[0].handler, handler);
  assert.equal(set.transport.dials[0].signal?.aborted, false);
  await finish(set);
});

Deno.test("a dial that fails is told to all who wait, with its cause and the time of the next one", async () => {
  const set = reconnecting({ initialBackoffMs: 200 });
  const calls = [set.call(), set.call()];
  const error = new TransportError("connect-timeout", "Cannot connect: too slow", { details: { status: 401 } });
  set.transport.dials[0].fail(error);
  await settle();
  for (const { error: told } of calls) {
    assert.ok(told instanceof TransportError);
    assert.equal(told.code, "connect-timeout");
    assert.equal(told.processed, "no");
    assert.equal(told.retryAfterMs, 200);
    assert.deepEqual([told.cause, told.details], [error, { status: 401 }]);
  }
  const later = set.call();
  await settle();
  assert.deepEqual((later.error as TransportError).details, { status: 401 }, "during the back-off, too");
  assert.deepEqual(set.events, [{ type: "dial-failed", error, attempt: 1, retryInMs: 200 }]);
  await finish(set);
});

Deno.test("what a dial throws that is no error of ours becomes connect-failed", async () => {
  const set = reconnecting();
  set.transport.dial = () => Promise.reject(new RangeError("odd"));
  const call = set.call();
  await settle();
  assert.equal(call.code, "connect-failed");
  assert.equal((call.error as TransportError).processed, "no");
  await finish(set);
});

Deno.test("a dial that throws at once is one that fails", async () => {
  const set = reconnecting();
  set.transport.dial = () => {
    throw new RangeError("odd");
  };
  const call = set.call();
  await settle();
  assert.equal(call.code, "connect-failed");
  assert.equal(set.client.stats().dialling, 0);
  await finish(set);
});

Deno.test("calls during the back-off are refused at once, with the time that is left of it", async () => {
  const set = reconnecting({ initialBackoffMs: 200 });
  const first = set.call();
  await set.refuse();
  await set.clock.advance(150);
  const call = set.call();
  await settle();
  assert.equal(call.code, "connect-failed");
  assert.deepEqual(
    [outcomeOf(first.error), outcomeOf(call.error)],
    ["failure", "rejected"],
    "the dial that failed counts against the peer once",
  );
  assert.equal((call.error as TransportError).retryAfterMs, 50);
  assert.equal((call.error as TransportError).processed, "no");
  assert.equal(set.transport.dialled, 1);
  await set.clock.advance(50);
  assert.equal(set.transport.dialled, 1, "nobody waits, so nothing is dialled");
  const next = set.call();
  assert.equal(set.transport.dialled, 2);
  const session = await set.connect();
  session.calls[0].reply();
  await settle();
  assert.equal(next.settled, 1);
  await finish(set);
});

Deno.test("the back-off doubles up to its maximum, and begins anew after a success", async () => {
  const set = reconnecting({ initialBackoffMs: 100, maxBackoffMs: 1000, waitForReady: true, acquireTimeoutMs: 1e6 });
  set.call();
  for (const expected of [100, 200, 400, 800, 1000, 1000, 1000]) {
    await set.refuse();
    const event = set.events.at(-1)!;
    assert.ok(event.type === "dial-failed");
    assert.equal(event.retryInMs, expected);
    await set.clock.advance(expected - 1);
    assert.equal(set.transport.dials.length, 0);
    await set.clock.advance(1);
    assert.equal(set.transport.dials.length, 1);
  }
  const session = await set.connect();
  session.lose();
  await settle();
  set.call();
  await set.refuse();
  const event = set.events.at(-1)!;
  assert.ok(event.type === "dial-failed");
  assert.deepEqual([event.attempt, event.retryInMs], [1, 100]);
  await finish(set);
});

Deno.test("the back-off is drawn from its whole range", async () => {
  const drawn = [0, 0.25, 0.5, 1];
  let next = 0;
  const set = reconnecting({
    initialBackoffMs: 100,
    maxBackoffMs: 300,
    waitForReady: true,
    acquireTimeoutMs: 1e6,
    random: () => drawn[next++],
  });
  set.call();
  for (const expected of [0, 50, 150, 300]) {
    await set.refuse();
    const event = set.events.at(-1)!;
    assert.ok(event.type === "dial-failed");
    assert.equal(event.retryInMs, expected);
    await set.clock.advance(expected);
    assert.equal(set.transport.dials.length, 1);
  }
  await finish(set);
});

Deno.test("with waitForReady calls wait through failed dials, and are served when one succeeds", async () => {
  const set = reconnecting({ waitForReady: true, initialBackoffMs: 100 });
  const calls = [set.call()];
  for (let i = 0; i < 3; i++) {
    await set.refuse();
    calls.push(set.call());
    await set.clock.advance(400);
  }
  const session = await set.connect();
  assert.deepEqual(set.transport.received, [0, 1, 2, 3]);
  for (const call of [...session.calls]) call.reply();
  await settle();
  assert.deepEqual(calls.map(({ reply }) => reply), [0, 1, 2, 3]);
  await finish(set);
});

Deno.test("with waitForReady a call waits no longer than acquireTimeoutMs, and is told the last failure", async () => {
  const set = reconnecting({ waitForReady: true, acquireTimeoutMs: 250, initialBackoffMs: 100 });
  const call = set.call();
  await set.refuse();
  await set.clock.advance(100);
  await set.refuse();
  await set.clock.advance(149);
  assert.equal(call.settled, 0);
  await set.clock.advance(1);
  assert.equal(call.code, "acquire-timeout");
  assert.equal((call.error as TransportError).processed, "no");
  assert.match(String((call.error as TransportError).cause), /the script says no/);
  await finish(set);
});

Deno.test("a failed dial does not touch calls that another connection will serve", async () => {
  const set = pooled({ callsPerConnection: 1, max: 2 });
  set.call();
  const session = await set.connect(1);
  const waiting = set.call();
  await set.refuse();
  assert.equal(waiting.settled, 0);
  session.calls[0].reply();
  await settle();
  assert.deepEqual(session.calls.map(({ request }) => request), [1]);
  await finish(set);
  assert.equal(waiting.settled, 1);
});

Deno.test("a failed dial of several is told only when the last of them has failed", async () => {
  const set = pooled({ callsPerConnection: 1, max: 2 });
  const calls = [set.call(), set.call()];
  assert.equal(set.transport.dialled, 2);
  await set.refuse();
  assert.deepEqual(calls.map(({ settled }) => settled), [0, 0]);
  await set.refuse();
  assert.deepEqual(calls.map(({ code }) => code), ["connect-failed", "connect-failed"]);
  await finish(set);
});

Deno.test("a connection that is over as soon as it is open counts as a dial that failed", async () => {
  const set = reconnecting({ initialBackoffMs: 100 });
  const call = set.call();
  set.transport.dials[0].succeed().lose();
  await settle();
  assert.equal(call.code, "connection-lost");
  assert.equal((call.error as TransportError).processed, "no");
  assert.equal(set.transport.dialled, 1);
  await finish(set);
});

Deno.test("after a failure one dial at a time is tried, whatever number of connections is wanted", async () => {
  const set = pooled({ callsPerConnection: 1, max: 8, waitForReady: true, initialBackoffMs: 100 });
  for (let i = 0; i < 8; i++) set.call();
  assert.equal(set.transport.dials.length, 8);
  for (let i = 0; i < 8; i++) await set.refuse();
  await set.clock.advance(100 * 2 ** 7);
  assert.equal(set.transport.dials.length, 0, "the calls gave up meanwhile");
  for (let i = 0; i < 8; i++) set.call();
  assert.equal(set.transport.dials.length, 1);
  await set.connect(1);
  assert.equal(set.transport.dials.length, 7);
  await finish(set);
});

Deno.test("dials after a failed one draw on the budget, and wait for it; the first one does not", async () => {
  const set = reconnecting({ initialBackoffMs: 0, maxBackoffMs: 0, waitForReady: true, acquireTimeoutMs: Infinity });
  const plain = set.call();
  const failing = new TransportError("connect-failed", "Cannot connect: refused");
  for (let dial = 0; dial < 20; dial++) {
    set.transport.dials.at(-1)!.fail(failing);
    await settle();
    await set.clock.advance(0);
  }
  assert.equal(set.transport.dialled, 21, "without a budget the back-off alone bounds them");
  await finish(set);
  void plain;

  const clock = new ManualClock();
  const budget = new RetryBudget({ ratio: 0, minPerSecond: 0.3, windowMs: 10_000, clock });
  const bounded = reconnecting({
    initialBackoffMs: 0,
    maxBackoffMs: 0,
    waitForReady: true,
    acquireTimeoutMs: Infinity,
    budget,
  });
  const call = bounded.call();
  let dials = 1;
  for (let step = 0; step < 30; step++) {
    assert.equal(bounded.transport.dialled, dials);
    bounded.transport.dials.at(-1)!.fail(failing);
    await settle();
    await bounded.clock.advance(1);
    if (bounded.transport.dialled > dials) dials++;
    else break;
  }
  assert.equal(dials, 4, "one, and three of the reserve");
  assert.ok(budget.refused > 0);
  await clock.advance(20_000);
  await bounded.clock.advance(5);
  assert.equal(bounded.transport.dialled, 5, "once the budget has some again");
  const session = await bounded.connect(10);
  for (const one of [...session.calls]) one.reply();
  await settle();
  assert.equal(call.reply, 0);
  await finish(bounded);
});
