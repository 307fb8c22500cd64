/**
 * retry(): makes a failed call again, where that is safe and may help.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  attempt,
  background,
  callContext,
  chain,
  idempotent,
  isFinal,
  type Processed,
  retry,
  RetryBudget,
  type RetryOptions,
  timeout,
  TransportError,
} from "../../../mod.ts";
import { settle, Watched } from "../../support/calls.ts";
import { broken, world } from "../_policy.ts";

/** Retries calls that may be made more than once; all random numbers are 1, so that a back-off is as long as it can be. */
function setUp(options: RetryOptions = {}) {
  const made = world();
  const settings = { idempotent: true, initialBackoffMs: 100, maxBackoffMs: 300, ...made.common, ...options };
  const call = chain(made.service, retry(settings));
  return { ...made, call };
}

Deno.test("a reply is passed on, and nothing is made again", async () => {
  const { call, calls, clock, queue } = setUp();
  const context = callContext();
  const reply = call("question", context);
  assert.equal(calls[0].context, context);
  calls[0].resolve("answer");
  assert.equal(await reply, "answer");
  await clock.advance(10_000);
  assert.deepEqual([calls.length, queue.size], [1, 0]);
});

Deno.test("a failed call is made again after a back-off that grows, and its reply is the call's", async () => {
  const { call, calls, clock, queue } = setUp({ maxAttempts: 5 });
  const watched = new Watched(call("question"));
  for (const ms of [100, 200, 300, 300]) {
    calls.at(-1)!.reject(broken());
    const made = calls.length;
    await clock.advance(ms - 1);
    assert.equal(calls.length, made, `before ${ms}`);
    await clock.advance(1);
    assert.equal(calls.length, made + 1, `after ${ms}`);
  }
  assert.equal(watched.settled, 0);
  calls[4].resolve("answer");
  await settle();
  assert.equal(watched.reply, "answer");
  assert.deepEqual([queue.size, clock.pending], [0, 0]);
});

Deno.test("the back-off is drawn from its whole range", async () => {
  const { call, calls, clock } = setUp({ random: () => 0.25 });
  call("question").catch(() => {});
  calls[0].reject(broken());
  await clock.advance(24);
  assert.equal(calls.length, 1);
  await clock.advance(1);
  assert.equal(calls.length, 2);
});

Deno.test("after so many attempts the last one's error is the call's", async () => {
  const { call, calls, clock } = setUp({ maxAttempts: 3 });
  const watched = new Watched(call("question"));
  for (let i = 0; i < 3; i++) {
    calls[i].reject(new TransportError("remote", `attempt ${i + 1}`));
    await clock.advance(1000);
  }
  assert.equal((watched.error as Error).message, "attempt 3");
  await clock.advance(10_000);
  assert.equal(calls.length, 3);
});

Deno.test("a call that may be made once only is made again where it was certainly not processed", async () => {
  for (const [processed, times] of [["no", 2], ["maybe", 1], ["yes", 1]] as [Processed, number][]) {
    const { call, calls, clock } = setUp({ idempotent: undefined });
    const watched = new Watched(call("question"));
    calls[0].reject(new TransportError("connection-lost", "Connection lost", { processed }));
    await clock.advance(1000);
    assert.equal(calls.length, times, processed);
    assert.equal(watched.settled, times === 1 ? 1 : 0);
  }
});

Deno.test("whether a call may be made more than once its context says, else the option, for each or for all", async () => {
  const cases: [RetryOptions["idempotent"], boolean | undefined, number][] = [
    [undefined, undefined, 1],
    [undefined, true, 2],
    [undefined, false, 1],
    [true, undefined, 2],
    [true, false, 1],
    [false, true, 2],
    [(request) => request === "question", undefined, 2],
    [(request) => request === "order", undefined, 1],
  ];
  for (const [option, said, times] of cases) {
    const { call, calls, clock } = setUp({ idempotent: option });
    call("question", background.set(idempotent, said)).catch(() => {});
    calls[0].reject(broken());
    await clock.advance(1000);
    assert.equal(calls.length, times, `${option}, ${said}`);
  }
});

Deno.test("what another attempt can't mend is not made again", async () => {
  const codes = ["invalid-request", "invalid-reply", "protocol", "version-mismatch", "message-too-large"] as const;
  for (const code of [...codes, "unsupported", "closed", "cancelled", "superseded"] as const) {
    const { call, calls, clock } = setUp();
    const error = new TransportError(code, "No");
    const watched = new Watched(call("question"));
    calls[0].reject(error);
    await clock.advance(1000);
    assert.deepEqual([calls.length, watched.error], [1, error], code);
  }
});

Deno.test("what this side refused for the moment is made again", async () => {
  for (const code of ["acquire-timeout", "too-many-calls", "overloaded", "draining", "circuit-open"] as const) {
    const { call, calls, clock } = setUp({ idempotent: undefined });
    call("question").catch(() => {});
    calls[0].reject(new TransportError(code, "Not now"));
    await clock.advance(1000);
    assert.equal(calls.length, 2, code);
  }
});

Deno.test("retryOn decides instead, of replies too, but never where it would not be safe", async () => {
  const { call, calls, clock } = setUp({
    retryOn: (_outcome, result) => result === "not yet" || result instanceof RangeError,
  });
  const watched = new Watched(call("question"));
  calls[0].resolve("not yet");
  await clock.advance(1000);
  calls[1].reject(new RangeError("odd"));
  await clock.advance(1000);
  calls[2].resolve("answer");
  await settle();
  assert.equal(watched.reply, "answer");
  await assert.rejects(async () => {
    const reply = call("question");
    calls[3].reject(broken());
    await reply;
  }, { code: "remote" });
  const once = setUp({ retryOn: () => true, idempotent: false });
  new Watched(once.call("question"));
  once.calls[0].reject(broken());
  await once.clock.advance(1000);
  assert.equal(once.calls.length, 1);
});

Deno.test("the wait that the far side asks for is kept, and comes on top of the back-off", async () => {
  const { call, calls, clock } = setUp();
  call("question").catch(() => {});
  calls[0].reject(new TransportError("overloaded", "Busy", { remote: true, retryAfterMs: 2000 }));
  await clock.advance(2099);
  assert.equal(calls.length, 1);
  await clock.advance(1);
  assert.equal(calls.length, 2);
});

Deno.test("where the far side asks for too long a wait, or for none at all, the failure is passed on at once", async () => {
  for (const retryAfterMs of [10_001, Infinity, -1, NaN]) {
    const { call, calls } = setUp();
    const watched = new Watched(call("question"));
    calls[0].reject(new TransportError("overloaded", "Busy", { remote: true, retryAfterMs }));
    await settle();
    assert.equal(watched.code, "overloaded", `${retryAfterMs}`);
  }
});

Deno.test("no attempt is waited for that would come too late for the deadline", async () => {
  for (const [deadline, again] of [[110, false], [111, true]] as [number, boolean][]) {
    const { call, calls, clock, queue } = setUp({ minAttemptMs: 10 });
    const watched = new Watched(call("question", callContext({ deadline })));
    calls[0].reject(broken());
    await settle();
    assert.deepEqual([watched.settled, queue.size], again ? [0, 1] : [1, 0], `${deadline}`);
    await clock.advance(100);
    assert.equal(calls.length, again ? 2 : 1);
  }
});

Deno.test("a timeout around retries bounds them all, in the back-off too", async () => {
  const { service, calls, clock, queue, common } = world();
  const call = chain(service, retry({ ...common, idempotent: true }), timeout({ ms: 500, clock }));
  const watched = new Watched(call("question"));
  calls[0].reject(broken());
  await clock.advance(100);
  assert.equal(calls.length, 2);
  await clock.advance(400);
  assert.equal(watched.code, "deadline-exceeded");
  assert.equal(calls[1].cancelled?.code, "deadline-exceeded");
  calls[1].reject(calls[1].cancelled);
  await clock.advance(1000);
  assert.deepEqual([calls.length, queue.size], [2, 0]);
});

Deno.test("each further attempt carries its number, and all else of its context", async () => {
  const { call, calls, clock } = setUp({ maxAttempts: 3 });
  call("question", callContext({ metadata: { tenant: "acme" }, priority: 1 })).catch(() => {});
  for (let i = 0; i < 2; i++) {
    calls[i].reject(broken());
    await clock.advance(1000);
  }
  assert.deepEqual(calls.map(({ context }) => context.get(attempt)), [1, 2, 3]);
  assert.deepEqual(calls.map(({ context }) => context.metadata.tenant), Array(3).fill("acme"));
  assert.deepEqual(calls.map(({ context }) => context.priority), [1, 1, 1]);
});

Deno.test("where the budget has nothing left the failure is passed on at once, and no retry further out takes it up", async () => {
  const { service, calls, clock, common } = world();
  const budget = new RetryBudget({ ratio: 0, minPerSecond: 0.1, clock });
  const settings = { ...common, idempotent: true };
  // chain() would refuse one around the other; nothing refuses one in a service that another is put around.
  const call = retry({ ...settings, maxAttempts: 10 })(retry({ ...settings, budget })(service));
  const watched = new Watched(call("question"));
  calls[0].reject(broken());
  await clock.advance(1000);
  assert.equal(calls.length, 2);
  const error = broken();
  calls[1].reject(error);
  await settle();
  assert.equal(watched.error, error);
  assert.ok(isFinal(error));
  assert.equal(budget.refused, 1);
  await clock.advance(60_000);
  assert.equal(calls.length, 2);
});

Deno.test("an error never says that nothing was done where an earlier attempt may have done something", async () => {
  const { call, calls, clock } = setUp();
  const watched = new Watched(call("question"));
  calls[0].reject(new TransportError("connection-lost", "Connection lost"));
  await clock.advance(1000);
  for (const i of [1, 2]) {
    calls[i].reject(new TransportError("connect-failed", "Cannot connect", { retryAfterMs: 5 }));
    await clock.advance(1000);
  }
  const error = watched.error as TransportError;
  assert.deepEqual([error.code, error.message, error.processed, error.retryAfterMs], [
    "connect-failed",
    "Cannot connect",
    "maybe",
    5,
  ]);
});

Deno.test("an observer hears of each attempt before it is waited for", async () => {
  const { call, calls, clock, events } = setUp({ name: "orders" });
  call("question").catch(() => {});
  const error = broken();
  calls[0].reject(error);
  await settle();
  assert.deepEqual(events, [{ type: "call-retried", policy: "orders", attempt: 2, delayMs: 100, error }]);
  await clock.advance(100);
  assert.equal(events.length, 1);
});

Deno.test("a service that throws instead of rejecting is called again, too", async () => {
  const { clock, common } = world();
  let times = 0;
  const call = retry({ ...common, idempotent: true, maxAttempts: 2 })((): Promise<string> => {
    times++;
    throw new RangeError("broken");
  });
  const watched = new Watched(call("question"));
  await clock.advance(1000);
  assert.ok(watched.error instanceof RangeError);
  assert.equal(times, 2);
});

Deno.test("retry() refuses options that make no sense, naming them", () => {
  const wrong: unknown[] = [{ maxAttempts: 0 }, { initialBackoffMs: -1 }, { idempotent: "yes" }, { budget: 5 }, {
    retries: 3,
  }];
  for (const options of wrong) {
    const message = new RegExp(Object.keys(options as object)[0]);
    assert.throws(() => retry(options as RetryOptions), { code: "invalid-option", message });
  }
});
