/**
 * coalesce() around HTTP: one response for several callers.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, coalesce, type CoalesceOptions, type Service } from "../../../mod.ts";
import { scripted, settle, Watched } from "../../support/calls.ts";

const url = "http://test/page";

function setUp(options: CoalesceOptions<Request> = {}) {
  const { service, calls } = scripted<Request, Response>();
  const call: Service<Request, Response> = chain(service, coalesce(options));
  return { calls, call, get: (init?: RequestInit) => call(new Request(url, init)) };
}

/** A body that tells when it is cancelled. */
function body(chunks: string[], end: "close" | "hang" | "fail" = "close") {
  const state = { cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller): void | Promise<void> {
      const chunk = chunks.shift();
      if (chunk !== undefined) controller.enqueue(new TextEncoder().encode(chunk));
      else if (end === "close") controller.close();
      else if (end === "fail") controller.error(new Error("torn"));
      else return new Promise(() => {});
    },
    cancel(): void {
      state.cancelled = true;
    },
  }, { highWaterMark: 0 });
  return { stream, state };
}

Deno.test("coalesce() gives each caller a response of its own, which it may read and change", async () => {
  const { calls, get } = setUp();
  const all = [get(), get(), get()];
  assert.equal(calls.length, 1);
  calls[0].resolve(new Response(body(["hel", "lo"]).stream, { status: 201, headers: { "x-a": "b" } }));
  const responses = await Promise.all(all);
  assert.equal(new Set(responses).size, 3);
  const bytes = await responses[0].bytes();
  bytes.fill(0);
  for (const response of responses.slice(1)) {
    assert.equal(await response.text(), "hello");
    assert.equal(response.headers.get("x-a"), "b");
    assert.equal(response.status, 201);
  }
});

Deno.test("coalesce() gives each caller a response that has no body", async () => {
  const { calls, get } = setUp();
  const all = [get(), get()];
  calls[0].resolve(new Response(null, { status: 204 }));
  for (const response of await Promise.all(all)) assert.equal(response.status, 204);
});

Deno.test("coalesce() joins GET and HEAD alone, and never a body", () => {
  const { calls, get } = setUp();
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    get({ method }).catch(() => {});
    get({ method }).catch(() => {});
  }
  assert.equal(calls.length, 10);
  get({ method: "HEAD" }).catch(() => {});
  get({ method: "HEAD" }).catch(() => {});
  get().catch(() => {});
  assert.equal(calls.length, 12);
});

Deno.test("coalesce() keeps callers of other credentials, languages and ranges apart", () => {
  const { calls, get } = setUp();
  for (const headers of [{}, { authorization: "a" }, { authorization: "b" }, { cookie: "c" }, { range: "bytes=0-1" }]) {
    get({ headers: headers as HeadersInit }).catch(() => {});
  }
  get({ headers: { authorization: "a" } }).catch(() => {});
  assert.equal(calls.length, 5);
});

Deno.test("coalesce() passes a body on as it comes where one caller waits, and lets later ones call", async () => {
  const { calls, get } = setUp();
  const first = get();
  const { stream, state } = body(["begun"], "hang");
  calls[0].resolve(new Response(stream));
  const reader = (await first).body!.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "begun");
  get().catch(() => {});
  assert.equal(calls.length, 2);
  await reader.cancel();
  assert.equal(state.cancelled, true);
});

Deno.test("coalesce() lets the others call for themselves where a body is too large to be kept", async () => {
  const { calls, get } = setUp({ maxBodyBytes: 5 });
  const all = [get(), get(), get()];
  calls[0].resolve(new Response(body(["four", "five+", "rest"]).stream));
  await settle(200);
  assert.equal(calls.length, 3);
  calls[1].resolve(new Response("second"));
  calls[2].resolve(new Response("third"));
  const texts = await Promise.all((await Promise.all(all)).map((response) => response.text()));
  assert.deepEqual(texts, ["fourfive+rest", "second", "third"]);
});

Deno.test("coalesce() never waits for the end of an event stream, or of what says that it is too large", async () => {
  const of: HeadersInit[] = [{ "content-type": "text/event-stream" }, { "content-length": "2000000" }];
  for (const headers of of) {
    const { calls, get } = setUp();
    const all = [get(), get()];
    const { stream, state } = body(["data: 1\n\n"], "hang");
    calls[0].resolve(new Response(stream, { headers }));
    const first = await all[0];
    assert.equal(calls.length, 2);
    calls[1].resolve(new Response("own"));
    assert.equal(await (await all[1]).text(), "own");
    const reader = first.body!.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "data: 1\n\n");
    await reader.cancel();
    assert.equal(state.cancelled, true);
  }
});

Deno.test("coalesce() gives the error of a torn body to all who wait for it", async () => {
  const { calls, get } = setUp();
  const all = [new Watched(get()), new Watched(get())];
  calls[0].resolve(new Response(body(["a"], "fail").stream));
  await settle(200);
  assert.deepEqual(all.map(({ error }) => (error as Error).message), ["torn", "torn"]);
});

Deno.test("coalesce() cancels a body that nobody waits for any more (an unread body leaks its connection)", async () => {
  const { calls, call } = setUp();
  const controllers = [new AbortController(), new AbortController()];
  const all = controllers.map(({ signal }) => new Watched(call(new Request(url), callContext({ signal }))));
  const { stream, state } = body(["a"], "hang");
  calls[0].resolve(new Response(stream));
  await settle();
  controllers[0].abort();
  await settle();
  assert.equal(state.cancelled, false);
  controllers[1].abort();
  await settle();
  assert.equal(state.cancelled, true);
  assert.deepEqual(all.map(({ code }) => code), ["cancelled", "cancelled"]);
});

Deno.test("coalesce() cancels a response that comes when nobody waits any more", async () => {
  const { calls, call } = setUp();
  const controller = new AbortController();
  const watched = new Watched(call(new Request(url), callContext({ signal: controller.signal })));
  controller.abort();
  const { stream, state } = body([], "hang");
  calls[0].resolve(new Response(stream));
  await settle();
  assert.equal(watched.code, "cancelled");
  assert.equal(state.cancelled, true);
});

Deno.test("coalesce() does not end the call of all with the signal in one caller's request", async () => {
  const { calls, call } = setUp();
  const controller = new AbortController();
  const first = new Watched(call(new Request(url, { signal: controller.signal })));
  const second = call(new Request(url));
  controller.abort();
  await settle();
  assert.equal(calls[0].request.signal.aborted, false);
  assert.equal(first.code, "cancelled");
  calls[0].resolve(new Response("both"));
  assert.equal(await (await second).text(), "both");
});

Deno.test("coalesce() still cancels the call of one caller while it reads the body", async () => {
  const { calls, call } = setUp();
  const controller = new AbortController();
  const reply = call(new Request(url), callContext({ signal: controller.signal }));
  calls[0].resolve(new Response(body(["a"], "hang").stream));
  await reply;
  controller.abort();
  assert.equal(calls[0].cancelled?.code, "cancelled");
});

Deno.test("coalesce() cancels the response of one who gave up after it had to call for itself", async () => {
  const { calls, call } = setUp({ maxBodyBytes: 1 });
  const controller = new AbortController();
  const first = call(new Request(url));
  const second = new Watched(call(new Request(url), callContext({ signal: controller.signal })));
  calls[0].resolve(new Response(body(["large"]).stream));
  assert.equal(await (await first).text(), "large");
  controller.abort();
  const { stream, state } = body([], "hang");
  calls[1].resolve(new Response(stream));
  await settle();
  assert.equal(second.code, "cancelled");
  assert.equal(state.cancelled, true);
});
