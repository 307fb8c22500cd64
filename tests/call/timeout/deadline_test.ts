/**
 * deadline(): keeps to the deadline that a call came with.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type CallContext,
  callContext,
  chain,
  deadline,
  type DeadlineOptions,
  deadlinesOf,
  ManualClock,
  timeout,
} from "../../../mod.ts";
import { failure, scripted, settle, Watched } from "../../support/calls.ts";

function setUp(options: DeadlineOptions = {}) {
  const clock = new ManualClock();
  const { service, calls } = scripted<string, string>();
  return { clock, calls, service, queue: deadlinesOf(clock), call: chain(service, deadline({ clock, ...options })) };
}

Deno.test("deadline() leaves a call without a deadline alone", async () => {
  const { call, calls, queue, clock } = setUp();
  const context = callContext();
  const promise = call("question", context);
  assert.equal(calls[0].context, context);
  assert.equal(queue.size, 0);
  await clock.advance(1e9);
  calls[0].resolve("answer");
  assert.equal(await promise, "answer");
});

Deno.test("deadline() ends a call at the deadline it came with, and cancels it", async () => {
  const { call, calls, clock, queue } = setUp();
  const watched = new Watched(call("question", callContext({ deadline: 70 })));
  await clock.advance(69);
  assert.equal(watched.settled, 0);
  await clock.advance(1);
  assert.equal(watched.code, "deadline-exceeded");
  assert.equal(calls[0].cancelled, watched.error);
  assert.equal(queue.size, 0);
  calls[0].reject(new Error("too late"));
});

Deno.test("deadline() does not run a call whose deadline has passed, and says that it was not processed", async () => {
  const { call, calls, clock } = setUp();
  await clock.advance(100);
  for (const at of [0, 50, 100]) {
    await failure(call("question", callContext({ deadline: at })), "deadline-exceeded", "no");
  }
  assert.equal(calls.length, 0);
});

Deno.test("deadline() says maybe of a call that it ended while it ran", async () => {
  const { call, clock } = setUp();
  const error = failure(call("question", callContext({ deadline: 70 })), "deadline-exceeded", "maybe");
  await clock.advance(70);
  await error;
});

Deno.test("deadline() gives a call without a deadline the default one", async () => {
  const { call, calls, clock } = setUp({ defaultMs: 40 });
  const error = failure(call("question"), "deadline-exceeded");
  assert.equal(calls[0].context.deadline, 40);
  await clock.advance(40);
  await error;
});

Deno.test("deadline() lets a caller's deadline go beyond the default, but not beyond the most that is allowed", async () => {
  const { call, calls, clock } = setUp({ defaultMs: 40, maxMs: 100 });
  const watched = [60, 500].map((at) => new Watched(call("question", callContext({ deadline: at }))));
  assert.deepEqual(calls.map(({ context }) => context.deadline), [60, 100]);
  await clock.advance(60);
  assert.deepEqual(watched.map(({ settled }) => settled), [1, 0]);
  await clock.advance(40);
  assert.deepEqual(watched.map(({ settled }) => settled), [1, 1]);
});

Deno.test("deadline() bounds a call without a deadline by the most that is allowed", async () => {
  const { call, calls, clock } = setUp({ maxMs: 100 });
  const error = failure(call("question"), "deadline-exceeded");
  assert.equal(calls[0].context.deadline, 100);
  await clock.advance(100);
  await error;
});

Deno.test("deadline() adds nothing where an outer layer ends the call in time already", async () => {
  const { service, calls, clock, queue } = setUp();
  const call = chain(service, deadline({ clock, maxMs: 100 }), timeout({ ms: 50, clock }));
  const error = failure(call("question"), "deadline-exceeded");
  assert.equal(queue.size, 1);
  assert.equal(calls[0].context.deadline, 50);
  await clock.advance(50);
  await error;
});

Deno.test("deadline() bounds a call that an outer layer would let run longer", async () => {
  const { service, clock, queue } = setUp();
  const call = chain(service, deadline({ clock, maxMs: 30 }), timeout({ ms: 50, clock }));
  const error = failure(call("question"), "deadline-exceeded");
  assert.equal(queue.size, 2);
  await clock.advance(30);
  await error;
  assert.equal(queue.size, 0);
});

Deno.test("deadline() lets the caller's own cancelling through, and leaves nothing behind", async () => {
  const { call, calls, queue } = setUp();
  const controller = new AbortController();
  const watched = new Watched(call("question", callContext({ deadline: 70, signal: controller.signal })));
  controller.abort();
  assert.equal(calls[0].cancelled?.code, "cancelled");
  calls[0].reject(calls[0].cancelled);
  await settle();
  assert.equal(watched.code, "cancelled");
  assert.equal(queue.size, 0);
});

Deno.test("deadline() rejects where the inner service throws at once, and leaves nothing behind", async () => {
  const clock = new ManualClock();
  const inner = (): Promise<string> => {
    throw new TypeError("broken");
  };
  await assert.rejects(deadline({ clock })(inner)("question", callContext({ deadline: 70 })), TypeError);
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("deadline() around a handler gives it the time its caller has left", async () => {
  const clock = new ManualClock();
  const call = chain(
    (_: string, context: CallContext) => `${context.timeLeftMs(clock)} ms`,
    deadline({ clock, defaultMs: 40 }),
  );
  await clock.advance(1000);
  assert.equal(await call("question"), "40 ms");
  assert.equal(await call("question", callContext({ deadline: 1015 })), "15 ms");
});

Deno.test("deadline() refuses options that make no sense, naming them", () => {
  const wrong: unknown[] = [{ defaultMs: -1 }, { maxMs: "10" }, { maxMs: NaN }, { clock: 1 }, { ms: 10 }];
  for (const options of wrong) {
    assert.throws(() => deadline(options as DeadlineOptions), { name: "TransportError", code: "invalid-option" });
  }
  assert.throws(() => deadline({ maxMs: -1 }), /option maxMs is -1/);
});
