/**
 * timeout(): bounds the time of a call.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  type CallContext,
  callContext,
  Cancellation,
  chain,
  deadlinesOf,
  ManualClock,
  type Service,
  timeout,
  TransportError,
} from "../../../mod.ts";
import { failure, scripted, settle, Watched } from "../../support/calls.ts";

function setUp(ms: number) {
  const clock = new ManualClock();
  const { service, calls } = scripted<string, string>();
  const queue = deadlinesOf(clock);
  return { clock, calls, queue, service, call: chain(service, timeout({ ms, clock })) };
}

Deno.test("timeout() passes a reply on and leaves nothing in the deadline queue", async () => {
  const { call, calls, queue, clock } = setUp(100);
  const watched = new Watched(call("question"));
  assert.equal(queue.size, 1);
  assert.equal(calls[0].request, "question");
  calls[0].resolve("answer");
  await settle();
  assert.equal(watched.reply, "answer");
  assert.equal(queue.size, 0);
  await clock.advance(1000);
  assert.equal(calls[0].cancelled, undefined);
});

Deno.test("timeout() passes the inner call's own error on, untouched", async () => {
  const { call, calls, queue } = setUp(100);
  const error = new RangeError("no such thing");
  const watched = new Watched(call("question"));
  calls[0].reject(error);
  await settle();
  assert.equal(watched.error, error);
  assert.equal(queue.size, 0);
});

Deno.test("timeout() ends a call on time, not a millisecond before", async () => {
  const { call, calls, clock, queue } = setUp(100);
  const watched = new Watched(call("question"));
  await clock.advance(99);
  assert.equal(watched.settled, 0);
  assert.equal(calls[0].cancelled, undefined);
  await clock.advance(1);
  assert.equal(watched.settled, 1);
  assert.ok(watched.error instanceof TransportError);
  assert.equal(watched.error.code, "deadline-exceeded");
  assert.equal(watched.error.processed, "maybe");
  assert.equal(watched.error.remote, false);
  assert.match(watched.error.message, /longer than 100 ms/);
  assert.equal(queue.size, 0);
});

Deno.test("timeout() cancels the inner call, whose signal aborts with the reason", async () => {
  const { call, calls, clock } = setUp(100);
  const error = failure(call("question"), "deadline-exceeded");
  const { signal } = calls[0].context;
  assert.equal(signal.aborted, false);
  await clock.advance(100);
  assert.equal(signal.aborted, true);
  assert.equal(signal.reason, await error);
  assert.equal(calls[0].cancelled, await error);
});

Deno.test("timeout() rejects the caller although the inner call ignores its cancellation", async () => {
  const { clock } = setUp(0);
  const call = chain(() => new Promise<string>(() => {}), timeout({ ms: 50, clock }));
  const error = failure(call("question"), "deadline-exceeded");
  await clock.advance(50);
  await error;
});

Deno.test("timeout() takes no notice of an inner call that settles late", async () => {
  const { call, calls, clock, queue } = setUp(50);
  const watched = [new Watched(call("a")), new Watched(call("b"))];
  await clock.advance(50);
  calls[0].resolve("too late");
  calls[1].reject(new Error("too late"));
  await settle();
  for (const { settled, code } of watched) assert.deepEqual([settled, code], [1, "deadline-exceeded"]);
  assert.equal(queue.size, 0);
});

Deno.test("timeout() tells the caller of the timeout where the inner call fails because of its cancelling", async () => {
  const clock = new ManualClock();
  const call = chain((_: string, context: CallContext) =>
    new Promise<string>((_, reject) => {
      context.cancellation!.subscribe({ cancelled: () => reject(new Error("aborted")) });
    }), timeout({ ms: 50, clock }));
  const error = failure(call("question"), "deadline-exceeded");
  await clock.advance(50);
  assert.match((await error).message, /50 ms/);
});

Deno.test("timeout() rejects where the inner service throws at once, and leaves nothing behind", async () => {
  const clock = new ManualClock();
  const fault = new TypeError("broken");
  const inner = (): Promise<string> => {
    throw fault;
  };
  const watched = new Watched(timeout({ ms: 50, clock })(inner)("question"));
  await settle();
  assert.equal(watched.error, fault);
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("timeout() gives the inner call its deadline, and says that it is seen to", () => {
  const { call, calls } = setUp(100);
  void call("question");
  assert.equal(calls[0].context.deadline, 100);
  assert.equal(calls[0].context.deadlineEnforced, true);
});

Deno.test("timeout() keeps an earlier deadline of the caller, and ends the call then", async () => {
  const { call, calls, clock } = setUp(100);
  const error = failure(call("question", callContext({ deadline: 30 })), "deadline-exceeded");
  assert.equal(calls[0].context.deadline, 30);
  await clock.advance(30);
  await error;
});

Deno.test("timeout() ends a call before a later deadline of the caller", async () => {
  const { call, calls, clock } = setUp(100);
  const error = failure(call("question", callContext({ deadline: 500 })), "deadline-exceeded");
  assert.equal(calls[0].context.deadline, 100);
  await clock.advance(100);
  await error;
});

Deno.test("timeout() inside one that ends earlier adds nothing: no entry, the inner promise untouched", async () => {
  const { service, calls, clock, queue } = setUp(0);
  let inside: Promise<string> | undefined;
  const call = chain(
    service,
    timeout({ ms: 500, clock }),
    (next: Service<string, string>): Service<string, string> => (request, context) => {
      return inside = next(request, context);
    },
    timeout({ ms: 100, clock }),
  );
  const error = failure(call("question"), "deadline-exceeded");
  assert.equal(queue.size, 1);
  assert.ok(inside instanceof Promise);
  assert.equal(calls[0].context.deadline, 100);
  await clock.advance(100);
  await error;
  assert.equal(calls[0].cancelled?.code, "deadline-exceeded");
  calls[0].resolve("late");
});

Deno.test("timeout() around one that ends earlier lets the inner one end the call", async () => {
  const { service, calls, clock, queue } = setUp(0);
  const call = chain(service, timeout({ ms: 100, clock }), timeout({ ms: 500, clock }));
  const error = failure(call("question"), "deadline-exceeded");
  assert.equal(queue.size, 2);
  await clock.advance(100);
  assert.match((await error).message, /100 ms/);
  assert.equal(calls[0].cancelled?.code, "deadline-exceeded");
  assert.equal(queue.size, 0);
});

Deno.test("timeout() lets the caller's own cancelling through to the inner call", async () => {
  const { call, calls, queue } = setUp(100);
  const controller = new AbortController();
  const watched = new Watched(call("question", callContext({ signal: controller.signal })));
  const { signal } = calls[0].context;
  controller.abort(new Error("the user left"));
  assert.equal(calls[0].cancelled?.code, "cancelled");
  assert.match(calls[0].cancelled!.message, /the user left/);
  assert.equal(signal.aborted, true);
  calls[0].reject(calls[0].cancelled);
  await settle();
  assert.equal(watched.code, "cancelled");
  assert.equal(queue.size, 0);
});

Deno.test("timeout() hangs nothing onto a caller's signal once the call has ended", async () => {
  const { call, calls, clock } = setUp(100);
  const controller = new AbortController();
  const context = callContext({ signal: controller.signal });
  const answered = new Watched(call("a", context));
  const expired = new Watched(call("b", context));
  calls[0].resolve("done");
  await clock.advance(100);
  const before = calls[1].cancelled;
  controller.abort();
  assert.equal(calls[0].cancelled, undefined);
  assert.equal(calls[1].cancelled, before);
  assert.deepEqual([answered.reply, expired.code], ["done", "deadline-exceeded"]);
});

Deno.test("timeout() keeps what else the caller's context says", async () => {
  const { call, calls } = setUp(100);
  const watched = new Watched(call("question", background.with({ priority: 1, metadata: { tenant: "acme" } })));
  assert.equal(calls[0].context.priority, 1);
  assert.equal(calls[0].context.metadata.tenant, "acme");
  calls[0].resolve("done");
  await settle();
  assert.equal(watched.reply, "done");
});

Deno.test("timeout() keeps each of a thousand calls to its own time", async () => {
  const { clock } = setUp(0);
  const { service, calls } = scripted<number, number>();
  const call = chain(service, timeout({ ms: 1000, clock }));
  const watched: Watched<number>[] = [];
  for (let i = 0; i < 1000; i++) {
    watched.push(new Watched(call(i)));
    await clock.advance(1);
  }
  for (let i = 0; i < 1000; i++) {
    assert.equal(watched.filter(({ settled }) => settled === 1).length, i + 1);
    if (i % 2 === 1) assert.equal(calls[i].cancelled?.code, "deadline-exceeded");
    await clock.advance(1);
    if (i % 100 === 0) assert.equal(deadlinesOf(clock).size, 1000 - i - 2);
  }
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("timeout() refuses options that make no sense, naming them", () => {
  const wrong: unknown[] = [{}, { ms: -1 }, { ms: "10" }, { ms: NaN }, { ms: 10, clock: 3 }, { ms: 10, sec: 1 }];
  for (const options of wrong) {
    assert.throws(() => timeout(options as { ms: number }), { name: "TransportError", code: "invalid-option" });
  }
  assert.throws(() => timeout({} as { ms: number }), /option ms/);
});

Deno.test("timeout() lets a caller cancel the body of a response as long as it comes, and holds nothing after", async () => {
  for (const end of ["abort", "read", "cancel"]) {
    const spy = new AbortController();
    const source = new Cancellation(undefined, spy.signal);
    let told: unknown = undefined;
    const call = chain((_: string, { cancellation }: CallContext) => {
      const body = new ReadableStream<Uint8Array>({
        start(controller): void {
          cancellation!.subscribe({ cancelled: (reason) => controller.error(told = reason) });
          if (end === "read") controller.close();
        },
      });
      return new Response(body);
    }, timeout({ ms: 50, clock: new ManualClock() }));
    const reply = await call("question", background.cancellable(source));
    if (end === "abort") {
      spy.abort();
      await assert.rejects(reply.text(), { code: "cancelled" });
    } else {
      await (end === "read" ? reply.text() : reply.body!.cancel());
      await settle();
      assert.equal(source.heard, false, end);
      spy.abort();
    }
    assert.equal(told !== undefined, end === "abort", end);
  }
});
