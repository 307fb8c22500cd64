/**
 * retry(): calls that are given up, and what others got wrong there.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callContext,
  chain,
  hedge,
  isFinal,
  retry,
  RetryBudget,
  type RetryOptions,
  TransportError,
} from "../../../mod.ts";
import { failure, settle, Watched } from "../../support/calls.ts";
import { broken, world } from "../_policy.ts";

function setUp(options: RetryOptions = {}) {
  const made = world();
  const call = chain(made.service, retry({ idempotent: true, initialBackoffMs: 100, ...made.common, ...options }));
  return { ...made, call };
}

Deno.test("nodejs/undici#5675: a call that is given up in the back-off ends at once, and calls nobody", async () => {
  const { call, calls, clock, queue } = setUp();
  const controller = new AbortController();
  const watched = new Watched(call("question", callContext({ signal: controller.signal })));
  calls[0].reject(broken());
  await settle();
  assert.equal(queue.size, 1);
  controller.abort();
  await settle();
  assert.equal(watched.code, "cancelled");
  assert.equal(queue.size, 0);
  await clock.advance(10_000);
  assert.equal(calls.length, 1);
});

Deno.test("a call that was given up in the back-off says what its attempts may have done", async () => {
  for (const processed of ["no", "maybe", "yes"] as const) {
    const { call, calls } = setUp();
    const controller = new AbortController();
    const end = failure(call("question", callContext({ signal: controller.signal })), "cancelled", processed);
    calls[0].reject(new TransportError("connection-lost", "Connection lost", { processed }));
    await settle();
    controller.abort();
    await end;
  }
});

Deno.test("denoland/deno#24842: a long-lived signal keeps nothing of the calls that waited", async () => {
  const { call, calls, clock } = setUp({ maxAttempts: 2 });
  const { signal } = new AbortController();
  let listeners = 0;
  const count = (by: number, name: "addEventListener" | "removeEventListener") => {
    const method = signal[name].bind(signal) as (...args: unknown[]) => void;
    Object.defineProperty(signal, name, {
      value: (...args: unknown[]) => {
        listeners += by;
        method(...args);
      },
    });
  };
  count(1, "addEventListener");
  count(-1, "removeEventListener");
  for (let i = 0; i < 100; i++) {
    const watched = new Watched(call("question", callContext({ signal })));
    calls.at(-1)!.reject(broken());
    await clock.advance(1000);
    calls.at(-1)!.resolve("answer");
    await settle();
    assert.equal(watched.reply, "answer");
  }
  // Those of the scripted service, which hears each attempt, and none of a wait.
  assert.equal(listeners, 100);
});

Deno.test("nodejs/undici#5675: the signal of an HTTP request ends the back-off, too", async () => {
  const { clock, queue, common, service, calls } = world<Request, Response>();
  const call = chain(service, retry(common));
  const controller = new AbortController();
  const watched = new Watched(call(new Request("http://localhost/", { signal: controller.signal })));
  calls[0].resolve(new Response(null, { status: 503 }));
  await settle();
  assert.equal(queue.size, 1);
  controller.abort();
  await settle();
  assert.deepEqual([watched.code, queue.size], ["cancelled", 0]);
  await clock.advance(10_000);
  assert.equal(calls.length, 1);
});

Deno.test("coopernurse/node-pool#175: what fails for ever is not tried for ever, for all callers together", async () => {
  const { service, calls, clock, common } = world();
  const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 1, windowMs: 10_000, clock });
  const call = chain(service, retry({ ...common, budget, idempotent: true, maxAttempts: 1000 }));
  const watched: Watched<string>[] = [];
  for (let i = 0; i < 160; i++) watched.push(new Watched(call("question")));
  for (let made = 0; watched.some(({ settled }) => settled === 0);) {
    for (; made < calls.length; made++) calls[made].reject(broken());
    await clock.advance(20);
    assert.ok(clock.now() < 9000, "they all end within the window");
  }
  // 160 calls, a fifth of that, and ten seconds' reserve.
  assert.equal(calls.length, 160 + 32 + 10);
});

Deno.test("a call that was cancelled during an attempt is not made again", async () => {
  const { call, calls, clock } = setUp();
  const controller = new AbortController();
  const reply = call("question", callContext({ signal: controller.signal }));
  controller.abort();
  const end = failure(reply, "cancelled");
  calls[0].reject(new TransportError("cancelled", "Gone"));
  await end;
  const other = new Watched(call("question", callContext({ signal: controller.signal })));
  calls[1].reject(broken());
  await clock.advance(1000);
  assert.equal(other.code, "remote");
  assert.equal(calls.length, 2);
});

Deno.test("a reply that came for a caller who had gone is passed on, and costs no budget", async () => {
  const { service, calls, clock, common } = world<string, Response>();
  const budget = new RetryBudget({ clock });
  const call = chain(service, retry({ ...common, budget, idempotent: true }));
  const controller = new AbortController();
  const watched = new Watched(call("question", callContext({ signal: controller.signal })));
  controller.abort();
  calls[0].resolve(new Response(null, { status: 503 }));
  await clock.advance(1000);
  assert.equal(watched.reply?.status, 503);
  assert.equal(budget.balance, 100.2);
});

Deno.test("a request whose signal was aborted during an attempt is not made again", async () => {
  const { service, calls, clock, common, queue } = world<Request, Response>();
  const call = chain(service, retry(common));
  const controller = new AbortController();
  const watched = new Watched(call(new Request("http://localhost/", { signal: controller.signal })));
  controller.abort();
  calls[0].resolve(new Response(null, { status: 503 }));
  await clock.advance(1000);
  assert.deepEqual([watched.code, calls.length, queue.size], ["cancelled", 1, 0]);
});

Deno.test("a call that is given up in the back-off lets its body go", async () => {
  const { service, calls, common } = world<Request, Response>();
  const call = chain(service, retry(common));
  const controller = new AbortController();
  let cancelled = 0;
  const body = new ReadableStream({ cancel: () => void cancelled++ });
  const init: RequestInit & { duplex: "half" } = { method: "PUT", body, duplex: "half" };
  const watched = new Watched(call(new Request("http://localhost/", init), callContext({ signal: controller.signal })));
  await calls[0].request.body!.cancel();
  calls[0].resolve(new Response(null, { status: 503 }));
  await settle();
  assert.equal(cancelled, 0);
  controller.abort();
  await settle();
  assert.deepEqual([watched.code, cancelled], ["cancelled", 1]);
});

Deno.test("what is final stays so where it is told more honestly", async () => {
  const { clock, calls, service, common } = world();
  const budget = new RetryBudget({ ratio: 0, minPerSecond: 0.1, clock });
  const call = chain(service, retry({ ...common, budget, idempotent: true }));
  const watched = new Watched(call("question"));
  calls[0].reject(broken());
  await clock.advance(1000);
  calls[1].reject(new TransportError("connect-failed", "Cannot connect"));
  await settle();
  assert.equal((watched.error as TransportError).processed, "yes");
  assert.ok(isFinal(watched.error));
});

Deno.test("further attempts are no calls of their own, and earn nothing", async () => {
  const { service, calls, clock, common } = world();
  const budget = new RetryBudget({ ratio: 1, minPerSecond: 0, clock });
  const inner = { ...common, idempotent: true, budget };
  const once = retry({ ...inner, maxAttempts: 1 })(
    hedge({ idempotent: true, budget, delayMs: 5000, clock })(service),
  );
  const call = retry({ ...common, idempotent: true, maxAttempts: 20, maxBackoffMs: 1 })(once);
  new Watched(call("question"));
  for (let i = 0; i < 20; i++) {
    calls.at(-1)!.reject(broken());
    await clock.advance(10);
  }
  assert.equal(calls.length, 20);
  assert.equal(budget.balance, 2);
});
