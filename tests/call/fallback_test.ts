/**
 * fallback(): answers in another way where a call fails.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, fallback, type FallbackOptions, timeout, TransportError } from "../../mod.ts";
import { settle, Watched } from "../support/calls.ts";
import { broken, world } from "./_policy.ts";

function setUp(options: FallbackOptions<string, string>) {
  const made = world();
  const call = chain(made.service, fallback<string, string>({ observer: made.common.observer, ...options }));
  return { ...made, call };
}

Deno.test("a reply is passed on, and nothing else is asked", async () => {
  let asked = 0;
  const { call, calls, events } = setUp({ to: () => `${++asked}` });
  const context = callContext();
  const reply = call("question", context);
  assert.equal(calls[0].context, context);
  calls[0].resolve("answer");
  assert.equal(await reply, "answer");
  assert.deepEqual([asked, events.length], [0, 0]);
});

Deno.test("a failed call is answered with a value, and an observer hears of it", async () => {
  const { call, calls, events } = setUp({ value: "unknown", name: "orders" });
  const reply = call("question");
  calls[0].reject(broken());
  assert.equal(await reply, "unknown");
  assert.deepEqual(events, [{ type: "call-answered", policy: "orders", from: "fallback" }]);
});

Deno.test("a failed call is answered by another service, given the same request and context", async () => {
  const other = world();
  const { call, calls } = setUp({ to: other.service });
  const context = callContext({ metadata: { tenant: "acme" } });
  const reply = call("question", context);
  calls[0].reject(broken());
  await settle();
  assert.equal(other.calls[0].request, "question");
  assert.equal(other.calls[0].context, context);
  other.calls[0].resolve("another answer");
  assert.equal(await reply, "another answer");
});

Deno.test("a function is told the cause; what it throws is the call's error, at once or later", async () => {
  const error = broken();
  const { call, calls } = setUp({
    to: (request, _context, cause) => {
      if (request === "later") return Promise.reject(cause);
      throw cause;
    },
  });
  for (const request of ["now", "later"]) {
    const reply = call(request);
    calls.at(-1)!.reject(error);
    await assert.rejects(reply, error);
  }
});

Deno.test("what this side refused and what timed out is answered, too", async () => {
  const { call, calls } = setUp({ value: "unknown" });
  const refused = call("question");
  calls[0].reject(new TransportError("circuit-open", "Refused"));
  assert.equal(await refused, "unknown");
  const { service, clock } = world();
  const bounded = chain(service, timeout({ ms: 50, clock }), fallback({ value: "unknown" }));
  const late = new Watched(bounded("question"));
  await clock.advance(50);
  assert.equal(late.reply, "unknown");
});

Deno.test("a caller that gave up gets no other answer, whatever the options say, and whatever the error", async () => {
  for (const error of [new TransportError("cancelled", "Gone"), new DOMException("Aborted", "AbortError"), broken()]) {
    let asked = 0;
    const { call, calls } = setUp({ to: () => `${++asked}`, when: () => true });
    const controller = new AbortController();
    const reply = call("question", callContext({ signal: controller.signal }));
    controller.abort();
    calls[0].reject(error);
    await assert.rejects(reply, error);
    assert.equal(asked, 0);
  }
});

Deno.test("an attempt that was superseded gets no other answer", async () => {
  const { call, calls } = setUp({ value: "unknown", when: () => true });
  const error = new TransportError("superseded", "Another attempt won");
  const reply = call("question");
  calls[0].reject(error);
  await assert.rejects(reply, error);
});

Deno.test("when says which ends are answered in another way, replies too", async () => {
  const { call, calls } = setUp({
    value: "unknown",
    when: (outcome, result) => (outcome === "success" && result === "") || result instanceof RangeError,
  });
  const empty = call("question");
  calls[0].resolve("");
  assert.equal(await empty, "unknown");
  const odd = call("question");
  calls[1].reject(new RangeError("odd"));
  assert.equal(await odd, "unknown");
  const failed = call("question");
  const error = broken();
  calls[2].reject(error);
  await assert.rejects(failed, error);
});

Deno.test("a response that reports a failure is replaced, and its body cancelled", async () => {
  const { service, calls } = world<string, Response>();
  const call = chain(service, fallback<string, Response>({ to: () => new Response("kept copy") }));
  const cancelled: unknown[] = [];
  const reply = call("question");
  const body = new ReadableStream({ cancel: (reason) => void cancelled.push(reason) });
  calls[0].resolve(new Response(body, { status: 503 }));
  assert.equal(await (await reply).text(), "kept copy");
  assert.equal(cancelled.length, 1);
  const found = call("question");
  calls[1].resolve(new Response(null, { status: 404 }));
  assert.equal((await found).status, 404);
});

Deno.test("a request whose body is used up is not sent to another service", async () => {
  const other = world<Request, Response>();
  const call = chain(async (request: Request): Promise<Response> => {
    await request.text();
    throw broken();
  }, fallback<Request, Response>({ to: other.service }));
  await assert.rejects(call(new Request("http://localhost/", { method: "POST", body: "order" })), { code: "remote" });
  assert.equal(other.calls.length, 0);
});

Deno.test("a service that throws instead of rejecting is answered for, too", async () => {
  const call = fallback<string, string>({ value: "unknown" })(() => {
    throw new RangeError("broken");
  });
  assert.equal(await call("question"), "unknown");
});

Deno.test("fallback() refuses options that make no sense, naming them", () => {
  const wrong: [unknown, RegExp][] = [
    [{}, /option to /],
    [{ to: () => "", value: "" }, /option to /],
    [{ to: "unknown" }, /option to /],
    [{ value: new Response("once") }, /option value .*more than once/],
    [{ value: "", when: true }, /when/],
    [{ value: "", then: 1 }, /then/],
  ];
  for (const [options, message] of wrong) {
    const make = () => fallback(options as FallbackOptions<unknown, unknown>);
    assert.throws(make, { code: "invalid-option", message });
  }
});

Deno.test("a reply that reports a failure is passed on where its caller has gone", async () => {
  const { service, calls } = world<string, Response>();
  const call = chain(service, fallback<string, Response>({ to: () => new Response("kept copy") }));
  const controller = new AbortController();
  const reply = call("question", callContext({ signal: controller.signal }));
  controller.abort();
  calls[0].resolve(new Response(null, { status: 503 }));
  assert.equal((await reply).status, 503);
});
