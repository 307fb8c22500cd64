/**
 * concurrencyLimit(): a fixed limit, and those who wait.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type CallContext,
  callContext,
  chain,
  concurrencyLimit,
  type ConcurrencyLimitOptions,
  describe,
  ManualClock,
  outcomeOf,
  type Service,
  timeout,
  TransportError,
} from "../../../mod.ts";
import { settle, Watched } from "../../support/calls.ts";
import { assertRefused, limited, streamed } from "./_limited.ts";

const setUp = (options: ConcurrencyLimitOptions) =>
  limited((common) => concurrencyLimit({ ...common, acquireTimeoutMs: 100, ...options }));

Deno.test("concurrencyLimit() lets as many calls through as are allowed, and serves who waits in the order of coming", async () => {
  const { call, calls, requests, limit, queue } = setUp({ max: 2 });
  const watched = ["a", "b", "c", "d"].map((request) => call(request));
  assert.deepEqual(requests(), ["a", "b"]);
  assert.deepEqual(limit.stats(), { limit: 2, inFlight: 2, waiting: 2, rejected: 0 });
  calls[1].resolve("B");
  await settle();
  assert.deepEqual(requests(), ["a", "b", "c"]);
  calls[0].reject(new Error("broken"));
  await settle();
  assert.deepEqual(requests(), ["a", "b", "c", "d"]);
  calls[2].resolve("C");
  calls[3].resolve("D");
  await settle();
  assert.deepEqual(watched.map(({ reply }) => reply), [undefined, "B", "C", "D"]);
  assert.equal((watched[0].error as Error).message, "broken");
  assert.deepEqual(limit.stats(), { limit: 2, inFlight: 0, waiting: 0, rejected: 0 });
  assert.equal(queue.size, 0);
});

Deno.test("concurrencyLimit() refuses at once where nothing may wait, and that counts against no peer", async () => {
  const { call, events, limit } = setUp({ max: 1, maxWaiting: 0, name: "reports" });
  call();
  const refused = call();
  await settle();
  assertRefused(refused, "too-many-calls");
  assert.match((refused.error as Error).message, /^Call not run by reports: 1 calls are in flight$/);
  assert.equal(outcomeOf(refused.error), "rejected");
  assert.deepEqual(events, [{ type: "call-rejected", policy: "reports", error: refused.error }]);
  assert.equal(limit.stats().rejected, 1);
});

Deno.test("concurrencyLimit() bounds those who wait (trap: node-pool#108, its waiters were unbounded)", async () => {
  const { call, limit } = setUp({ max: 1, maxWaiting: 2 });
  const watched = [call(), call(), call(), call()];
  await settle();
  assertRefused(watched[3], "overloaded");
  assert.deepEqual(watched.map(({ settled }) => settled), [0, 0, 0, 1]);
  assert.equal(limit.stats().waiting, 2);
});

Deno.test("concurrencyLimit() lets nobody wait longer than acquireTimeoutMs", async () => {
  const { call, calls, clock, queue, requests } = setUp({ max: 1 });
  call("a");
  const late = call("b");
  await clock.advance(60);
  const next = call("c");
  await clock.advance(39);
  assert.equal(late.settled, 0);
  await clock.advance(1);
  assertRefused(late, "acquire-timeout");
  calls[0].resolve("A");
  await settle();
  assert.deepEqual(requests(), ["a", "c"]);
  assert.equal(next.settled, 0);
  assert.equal(queue.size, 0);
});

Deno.test("concurrencyLimit() lets nobody wait beyond the call's deadline, and does not let it wait where that has passed", async () => {
  const { call, calls, clock, requests } = setUp({ max: 1 });
  call("a");
  const watched = call("b", callContext({ deadline: 30 }));
  await clock.advance(30);
  assertRefused(watched, "deadline-exceeded");
  const after = call("c", callContext({ deadline: 30 }));
  await settle();
  assertRefused(after, "deadline-exceeded");
  calls[0].resolve("A");
  await settle();
  assert.deepEqual(requests(), ["a"]);
});

Deno.test("concurrencyLimit() hears of a cancel while a call waits (trap: undici#386, an abort while queued was ignored)", async () => {
  const { abortable, call, limit, queue, requests, calls } = setUp({ max: 1 });
  call("a");
  const { watched, abort } = abortable("b");
  const next = call("c");
  await abort();
  assertRefused(watched, "cancelled");
  assert.equal(limit.stats().waiting, 1);
  assert.equal(queue.size, 1);
  calls[0].resolve("A");
  await settle();
  assert.deepEqual(requests(), ["a", "c"]);
  assert.equal(next.settled, 0);
});

Deno.test("concurrencyLimit() refuses a call that was cancelled before it could wait (trap: @std Semaphore takes no signal)", async () => {
  const { call, limit } = setUp({ max: 1 });
  call();
  const controller = new AbortController();
  controller.abort();
  const watched = call("b", callContext({ signal: controller.signal }));
  await settle();
  assertRefused(watched, "cancelled");
  assert.equal(limit.stats().waiting, 0);
});

Deno.test("concurrencyLimit() gives the place of a cancelled waiter to who comes next (trap: cockatiel's aborted waiter held its slot)", async () => {
  const { abortable, call, calls, requests } = setUp({ max: 1, maxWaiting: 1 });
  call("a");
  const { abort } = abortable("b");
  await abort();
  const live = call("c");
  await settle();
  assert.equal(live.settled, 0, "there is room in the line again");
  calls[0].resolve("A");
  await settle();
  assert.deepEqual(requests(), ["a", "c"]);
});

Deno.test("concurrencyLimit() counts a call that timed out until its work has ended (trap: opossum, capacity 1, ran 5 at once)", async () => {
  const { clock, guarded, limit, requests, calls } = setUp({ max: 1 });
  const impatient = chain(guarded, timeout({ ms: 10, clock }));
  const watched: Watched<string>[] = [];
  for (let i = 0; i < 5; i++) {
    watched.push(new Watched(impatient(`${i}`)));
    await clock.advance(10);
  }
  assert.deepEqual(watched.map(({ code }) => code), Array(5).fill("deadline-exceeded"));
  assert.deepEqual(requests(), ["0"], "the others gave up in the line");
  assert.equal(limit.stats().inFlight, 1);
  calls[0].reject(new Error("aborted"));
  await settle();
  assert.equal(limit.stats().inFlight, 0);
});

Deno.test("concurrencyLimit() holds a place to the end of a response's body, however it ends", async () => {
  const { call, calls, limit } = limited<ReturnType<typeof concurrencyLimit>, Response>((common) =>
    concurrencyLimit({ ...common, max: 3 })
  );
  const watched = [call(), call(), call()];
  const bodies = calls.map(({ resolve }) => {
    const body = streamed();
    resolve(body.response);
    return body;
  });
  await settle();
  assert.equal(limit.stats().inFlight, 3);
  const read = watched[0].reply!.text();
  bodies[0].end();
  await read;
  assert.equal(limit.stats().inFlight, 2, "read");
  await watched[1].reply!.body!.cancel();
  assert.equal(limit.stats().inFlight, 1, "cancelled");
  const failing = new Watched(watched[2].reply!.text());
  bodies[2].fail(new Error("cut"));
  await settle();
  assert.equal(failing.settled, 1);
  assert.equal(limit.stats().inFlight, 0, "failed");
});

Deno.test("concurrencyLimit() holds no place for a response without a body", async () => {
  const { call, calls, limit } = limited<ReturnType<typeof concurrencyLimit>, Response>(concurrencyLimit);
  call();
  calls[0].resolve(new Response(null, { status: 204 }));
  await settle();
  assert.equal(limit.stats().inFlight, 0);
});

Deno.test("concurrencyLimit() gives a place back where the inner service throws at once, also to a long line of such calls", async () => {
  const first = Promise.withResolvers<string>();
  let made = 0;
  const service: Service<string, string> = () => {
    if (made++ === 0) return first.promise;
    throw new TypeError("broken");
  };
  const limit = concurrencyLimit({ max: 1, maxWaiting: 5000, clock: new ManualClock() });
  const call = limit(service);
  const watched = Array.from({ length: 5000 }, () => new Watched(call("question")));
  first.resolve("done");
  await settle();
  assert.equal(limit.stats().inFlight, 0);
  assert.ok(watched.slice(1).every(({ error }) => error instanceof TypeError));
});

Deno.test("concurrencyLimit() serves the newest first while more than half of the places are taken, by option", async () => {
  const { call, calls, requests } = setUp({ max: 1, maxWaiting: 4, queue: "adaptive-lifo" });
  for (const request of ["a", "b", "c", "d", "e"]) call(request);
  for (let i = 0; i < 4; i++) {
    calls[i].resolve("done");
    await settle();
  }
  assert.deepEqual(requests(), ["a", "e", "d", "b", "c"]);
});

Deno.test("concurrencyLimit() serves the most urgent first, by option, and lets the least urgent make room", async () => {
  const { call, calls, requests, limit } = setUp({ max: 1, maxWaiting: 3, queue: "priority" });
  const at = (priority: number) => callContext({ priority });
  call("a");
  const waiting = [call("b", at(3)), call("c", at(6)), call("d", at(3))];
  const refused = call("e", at(6));
  await settle();
  assert.equal(waiting[1].settled, 0, "it came first");
  const urgent = call("f", at(0));
  await settle();
  assertRefused(refused, "overloaded");
  assertRefused(waiting[1], "overloaded");
  assert.equal(urgent.settled, 0);
  assert.equal(limit.stats().waiting, 3);
  for (let i = 0; i < 3; i++) {
    calls[i].resolve("done");
    await settle();
  }
  assert.deepEqual(requests(), ["a", "f", "b", "d"]);
});

Deno.test("concurrencyLimit() can be changed while it runs", async () => {
  const { call, calls, requests, limit, events } = setUp({ max: 1 });
  for (const request of ["a", "b", "c", "d"]) call(request);
  limit.setMax(3);
  assert.deepEqual(requests(), ["a", "b", "c"]);
  limit.setMax(1);
  calls[0].resolve("A");
  calls[1].resolve("B");
  await settle();
  assert.deepEqual(requests(), ["a", "b", "c"], "one is still in flight");
  calls[2].resolve("C");
  await settle();
  assert.deepEqual(requests(), ["a", "b", "c", "d"]);
  assert.deepEqual(events, [
    { type: "limit-changed", policy: "concurrencyLimit", from: 1, to: 3 },
    { type: "limit-changed", policy: "concurrencyLimit", from: 3, to: 1 },
  ]);
  assert.throws(() => limit.setMax(0), { name: "TransportError", code: "invalid-option" });
});

Deno.test("concurrencyLimit() is one limit for all chains that it is put into, and says how long is waited", async () => {
  const { call, clock, limit, guarded } = setUp({ max: 1 });
  const other = chain(guarded, timeout({ ms: 500, clock }));
  assert.equal(limit.delayMs(), 0);
  call();
  const second = new Watched(limit(() => Promise.resolve("other"))("question"));
  assert.equal(limit.stats().waiting, 1);
  await clock.advance(40);
  assert.equal(limit.delayMs(), 40);
  assert.equal(second.settled, 0);
  assert.match(describe(other), /timeout/);
});

Deno.test("concurrencyLimit() passes the context and the inner reply on, and survives an observer that throws", async () => {
  const { clock } = setUp({});
  const limit = concurrencyLimit({
    max: 1,
    maxWaiting: 0,
    clock,
    observer: () => {
      throw new Error("the observer is broken");
    },
  });
  const context = callContext({ priority: 1 });
  const call = chain((_: string, given: CallContext) => given === context ? "same" : "other", limit);
  assert.equal(await call("question", context), "same");
  const stuck = limit(() => new Promise<string>(() => {}));
  void stuck("question");
  await assert.rejects(
    stuck("question"),
    (error) => error instanceof TransportError && error.code === "too-many-calls",
  );
});
