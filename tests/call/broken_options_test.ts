/**
 * What a function in the options of a policy throws is its call's error: at no
 * time is it thrown at the caller at once, and what the call has brought already
 * is let go of.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  balance,
  type CallMiddleware,
  chain,
  circuitBreakers,
  fallback,
  hedge,
  type Middleware,
  retry,
  type Service,
  shapeBodies,
  Streamed,
  validate,
} from "../../mod.ts";
import { settle } from "../support/calls.ts";

const fault = new Error("the function is broken");

const breaks = (): never => {
  throw fault;
};

/** A reply that says when it was let go of. */
function held(status: number): { reply: Response; cancelled: () => number } {
  let cancelled = 0;
  const body = new ReadableStream({ cancel: () => void cancelled++ }, { highWaterMark: 0 });
  return { reply: new Response(body, { status }), cancelled: () => cancelled };
}

const beforeTheCall: [string, CallMiddleware | Middleware<Service<Request, Response>>][] = [
  ["hedge() idempotent", hedge({ idempotent: breaks })],
  ["circuitBreakers() key", circuitBreakers({ key: breaks })],
  ["shapeBodies() classOf", shapeBodies({ classOf: breaks })],
];

for (const [name, policy] of beforeTheCall) {
  Deno.test(`${name} that throws has its call rejected, which is not made`, async () => {
    let calls = 0;
    const call = (policy as Middleware<Service<Request, Response>>)(() => {
      calls++;
      return Promise.resolve(new Response());
    });
    await assert.rejects(call(new Request("http://localhost/")), fault);
    assert.equal(calls, 0);
  });
}

Deno.test("balance() hashKey that throws has its call rejected, and no other", async () => {
  await using call = balance<string, string, string>({
    endpoints: ["a", "b"],
    connect: () => Object.assign((request: string) => Promise.resolve(request)),
    strategy: "consistent-hash",
    hashKey: (request) => request === "bad" ? breaks() : request,
  });
  await assert.rejects(call("bad"), fault);
  assert.equal(await call("good"), "good");
});

const afterTheCall: [string, Middleware<Service<Request, Response>>][] = [
  ["retry() retryOn", retry({ retryOn: breaks })],
  ["retry() idempotent", retry({ idempotent: breaks })],
  ["retry() random", retry({ random: breaks })],
  ["fallback() when", fallback({ to: () => new Response(), when: breaks })],
];

for (const [name, policy] of afterTheCall) {
  Deno.test(`${name} that throws has its call rejected, and the reply and the request's body let go of`, async () => {
    const { reply, cancelled } = held(503);
    let left = 0;
    const source = new ReadableStream<Uint8Array>({ cancel: () => void left++ }, { highWaterMark: 0 });
    const init: RequestInit & { duplex: "half" } = { method: "PUT", body: source, duplex: "half" };
    const call = chain(async (request: Request) => {
      await request.body?.cancel();
      return reply;
    }, policy);
    await assert.rejects(call(new Request("http://localhost/", init)), fault);
    await settle();
    assert.deepEqual([cancelled(), left], [1, 1]);
  });
}

Deno.test("validate() lets go of a reply that it refuses, or whose schema throws", async () => {
  const schemas = [() => ({ issues: [{ message: "is wrong" }] }), () => Promise.resolve({ issues: [] }), breaks];
  for (const check of schemas) {
    const reply = { "~standard": { version: 1, vendor: "test", validate: check } } as const;
    const response = held(200);
    await assert.rejects(chain((_: string) => response.reply, validate<string, string, unknown>({ reply }))("x"));
    let left = 0;
    const streamed = new Streamed("head", {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: true as const, value: undefined }),
        return: () => Promise.resolve({ done: true as const, value: void left++ }),
      }),
    });
    await assert.rejects(chain((_: string) => streamed, validate<string, string, unknown>({ reply }))("x"));
    await settle();
    assert.deepEqual([response.cancelled(), left], [1, 1]);
  }
});
