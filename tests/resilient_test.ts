/**
 * resilient() over a scripted transport.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callContext,
  chain,
  circuitBreaker,
  describe,
  http,
  idempotent,
  resilient,
  stagesOf,
  TransportError,
} from "../mod.ts";
import { repeatable, resilientSetUp } from "./_resilient_set_up.ts";
import { ScriptedTransport } from "./endpoint/_script.ts";
import { settle } from "./support/calls.ts";

const lost = (processed: "no" | "maybe" = "maybe") =>
  new TransportError("connection-lost", "Call lost: the script says so", { processed });

Deno.test("the chain is the one that its description promises, and can be read", () => {
  const client = resilient(http({ origin: "http://127.0.0.1:1" }), { timeoutMs: 2000, name: "orders" });
  assert.deepEqual(stagesOf(client).map(({ name }) => name), [
    "http",
    "pool",
    "adaptiveTimeout",
    "circuitBreaker",
    "retry",
    "timeout",
  ]);
  const lines = describe(client).split("\n");
  assert.equal(lines[0], "timeout({ ms: 2000 })");
  assert.match(lines[1], /name: "orders retry"/);
  assert.match(lines[3], /initialMs: 667, minMs: 200, maxMs: 667/);
  assert.match(lines[4], /max: 10.*acquireTimeoutMs: 667/);
});

Deno.test("options that make no sense are refused by name, and more policies of the kind are refused around it", () => {
  const transport = new ScriptedTransport();
  assert.throws(() => resilient(transport, { timeoutMs: 0 }), /Cannot use resilient\(\): option timeoutMs is 0/);
  assert.throws(() => resilient(transport, { maxConnections: 0 }), /option maxConnections is 0/);
  assert.throws(() => resilient(transport, { retries: 3 } as object), /resilient\(\): it has no option "retries"/);
  assert.throws(() => chain(resilient(transport), circuitBreaker()), /circuitBreaker\(\) stands around retry\(\)/);
});

Deno.test("a call that may be made again is, after its connection was lost; one that may not is told", async () => {
  const set = resilientSetUp();
  const session = await set.begin();
  const [once, again] = [set.call(1), set.call(2, repeatable)];
  session.lose();
  await settle();
  assert.equal(once.code, "connection-lost");
  await set.clock.advance(50);
  const next = set.transport.dials[0].succeed();
  await settle();
  assert.deepEqual(next.calls.map(({ request }) => request), [2]);
  next.calls[0].reply();
  await settle();
  assert.equal(again.reply, 2);
  await set.finish();
});

Deno.test("a call that was certainly not worked on is made again whatever it is", async () => {
  const set = resilientSetUp();
  const session = await set.begin();
  const call = set.call(1);
  session.calls[0].fail(new TransportError("overloaded", "Busy", { remote: true }));
  await set.clock.advance(50);
  session.calls[0].reply();
  await settle();
  assert.equal(call.reply, 1);
  await set.finish();
});

Deno.test("the option says what may be made more than once, and the context of a call has the last word", async () => {
  const set = resilientSetUp({ idempotent: (request) => request === 1 });
  const session = await set.begin();
  set.call(1);
  const [not, forbidden] = [set.call(2), set.call(1, callContext().set(idempotent, false))];
  for (const call of [...session.calls]) call.fail(lost());
  await set.clock.advance(50);
  assert.deepEqual([session.calls.map(({ request }) => request), not.code, forbidden.code], [
    [1],
    "connection-lost",
    "connection-lost",
  ]);
  await set.finish();
});

Deno.test("an attempt is cut short where another one may follow", async () => {
  const set = resilientSetUp();
  const session = await set.begin();
  const call = set.call(1, repeatable);
  assert.equal(set.client.stats().attemptTimeoutMs, 1000);
  await set.clock.advance(1000);
  assert.equal(session.calls.length, 0, "the first attempt is cancelled");
  await set.clock.advance(50);
  assert.equal(session.calls.length, 1, "the second begins");
  await set.clock.advance(1000 + 100);
  assert.equal(session.calls.length, 1, "the third begins");
  await set.clock.advance(850);
  assert.equal(call.code, "deadline-exceeded");
  assert.equal(session.calls.length, 0);
  await set.finish();
});

Deno.test("the last attempt has all the time that is left", async () => {
  const set = resilientSetUp();
  const session = await set.begin();
  const call = set.call(1, repeatable);
  const before = set.client.stats().retriesLeft;
  for (let i = 0; i < 2; i++) {
    session.calls[0].fail(lost());
    await set.clock.advance(100);
  }
  assert.equal(before - set.client.stats().retriesLeft, 2);
  await set.clock.advance(2799);
  session.calls[0].reply();
  await settle();
  assert.equal(call.reply, 1);
  await set.finish();
});

Deno.test("a call that may not be made again has the whole time", async () => {
  const set = resilientSetUp();
  const session = await set.begin();
  const [served, late] = [set.call(1), set.call(2)];
  await set.clock.advance(2999);
  session.calls[0].reply();
  await settle();
  assert.equal(served.reply, 1);
  await set.clock.advance(1);
  assert.equal(late.code, "deadline-exceeded");
  await set.finish();
});

Deno.test("a deadline of the caller's own that is earlier holds for all attempts", async () => {
  const set = resilientSetUp();
  await set.begin();
  const call = set.call(1, repeatable.with({ timeoutMs: 400, clock: set.clock }));
  await set.clock.advance(400);
  assert.equal(call.code, "deadline-exceeded");
  assert.equal(set.queue.size > 0 && set.client.stats().pool.active, 0);
  await set.finish();
});

Deno.test("attempts learn how long calls take, and give up on a stuck one sooner", async () => {
  const set = resilientSetUp();
  const session = await set.begin();
  for (let i = 0; i < 30; i++) {
    set.call(i, repeatable);
    await set.clock.advance(10);
    session.calls[0].reply();
    await settle();
  }
  await set.clock.advance(10_000);
  assert.equal(set.client.stats().attemptTimeoutMs, 300, "a tenth of the whole, whatever was measured");
  await set.finish();
});

Deno.test("the breaker opens when half of the attempts fail, refuses at once, and closes after two good probes", async () => {
  const set = resilientSetUp({ name: "orders" });
  const session = await set.begin();
  for (let i = 0; i < 19; i++) {
    set.call(i);
    session.calls[0].fail(lost());
    await settle();
  }
  assert.equal(set.client.stats().breaker, "open");
  const refused = set.call(50, callContext({ timeoutMs: 500, clock: set.clock }));
  await settle();
  assert.deepEqual([refused.code, session.calls.length], ["circuit-open", 0]);
  const patient = set.call(51);
  // Retried when the breaker lets calls through again: after at most a second, and the back-off.
  await set.clock.advance(1050);
  session.calls[0].reply();
  await settle();
  assert.equal(patient.reply, 51);
  set.call(52);
  session.calls[0].reply();
  await settle();
  assert.equal(set.client.stats().breaker, "closed");
  const policies = set.events.flatMap((event) => event.type === "state-changed" ? [event.policy] : []);
  assert.deepEqual(policies, ["orders circuitBreaker", "orders circuitBreaker", "orders circuitBreaker"]);
  await set.finish();
});

Deno.test("one lost connection, full of calls, does not open the breaker after a good time", async () => {
  const set = resilientSetUp();
  const session = await set.begin();
  for (let i = 0; i < 70; i++) {
    set.call(i);
    session.calls[0].reply();
    await settle();
  }
  for (let i = 0; i < 64; i++) set.call(i);
  session.lose();
  await settle();
  assert.equal(set.client.stats().breaker, "closed");
  await set.finish();
});

Deno.test("when much fails, the load grows by the budget and not by the number of failures", async () => {
  const set = resilientSetUp();
  const session = await set.begin();
  for (let i = 0; i < 1000; i++) {
    set.call(i, repeatable);
    // Two of five fail: not enough to open the breaker.
    if (i % 5 > 1) session.calls.at(-1)!.reply();
    else session.calls.at(-1)!.fail(lost());
    await settle(10);
  }
  const further = set.events.filter(({ type }) => type === "call-retried").length;
  assert.ok(further > 250 && further <= 1000 * 0.2 + 100 + 1, `${further} further attempts, of 400 wanted`);
  await set.finish();
});

Deno.test("no more calls are in flight than the connections take, and no more connections than allowed are opened", async () => {
  const set = resilientSetUp({ maxConnections: 2 });
  for (let i = 0; i < 200; i++) set.call(i);
  while (set.transport.dials.length > 0) {
    set.transport.dials[0].succeed(10);
    await settle();
  }
  assert.deepEqual(set.transport.sessions.map(({ load }) => load), [10, 10]);
  assert.equal(set.client.stats().pool.waiting, 180);
  await set.finish();
});

Deno.test("the observer is told who it was, and a rule that throws fails its own call alone", async () => {
  const set = resilientSetUp({
    idempotent: (request) => {
      if (request === 1) throw new TypeError("The rule is wrong");
      return true;
    },
  });
  const session = await set.begin();
  const [bad, good] = [set.call(1), set.call(2)];
  await settle();
  session.calls[0].reply();
  await settle();
  assert.ok(bad.error instanceof TypeError);
  assert.equal(good.reply, 2);
  await set.finish();
});

Deno.test("calls that the far side makes are answered by the handler", async () => {
  const handler = () => 7;
  const set = resilientSetUp({ handler });
  set.call();
  assert.equal(set.transport.dials[0].handler, handler);
  await set.finish();
});

Deno.test("close() lets calls in flight finish, refuses new ones, and leaves no timer", async () => {
  const set = resilientSetUp();
  const session = await set.begin();
  const before = set.call(1);
  const closing = set.client.close();
  const after = set.call(2);
  await settle();
  assert.equal(after.code, "closed");
  session.calls[0].reply();
  await closing;
  assert.equal(before.reply, 1);
  assert.deepEqual([set.queue.size, session.state], [0, "closed"]);
});
