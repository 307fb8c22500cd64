/**
 * retry() of HTTP requests: what may be sent again, what is asked for, and
 * whose body is let go.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type CallContext,
  chain,
  circuitBreaker,
  httpRequest,
  retry,
  type RetryOptions,
  type Service,
  TransportError,
} from "../../../mod.ts";
import { settle, Watched } from "../../support/calls.ts";
import { world } from "../_policy.ts";

const url = "http://localhost/orders";

function setUp(options: RetryOptions = {}) {
  const made = world<Request, Response>();
  const call = chain(made.service, retry({ initialBackoffMs: 100, ...made.common, ...options }));
  return { ...made, call };
}

/** A response whose body tells of its cancelling. */
function response(status: number, headers: Record<string, string> = {}) {
  const cancelled: unknown[] = [];
  const body = new ReadableStream({ cancel: (reason) => void cancelled.push(reason) });
  return { response: new Response(body, { status, headers }), cancelled };
}

/** A service that answers with what a list says, reading bodies whole or in part. */
function reading(statuses: (number | "lost")[], bodies: string[], bytes = Infinity): Service<Request, Response> {
  return async (request) => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of request.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= bytes) break;
    }
    bodies.push(text);
    const status = statuses.shift()!;
    if (status === "lost") throw new TransportError("connection-lost", "Connection lost");
    return new Response(null, { status });
  };
}

Deno.test("requests are sent again by their method, or with an idempotency-key", async () => {
  const cases: [string, Record<string, string>, number][] = [
    ["GET", {}, 2],
    ["HEAD", {}, 2],
    ["OPTIONS", {}, 2],
    ["PUT", {}, 2],
    ["DELETE", {}, 2],
    ["POST", {}, 1],
    ["PATCH", {}, 1],
    ["POST", { "idempotency-key": "17" }, 2],
  ];
  for (const [method, headers, times] of cases) {
    const { call, calls, clock } = setUp();
    call(new Request(url, { method, headers })).catch(() => {});
    calls[0].resolve(new Response(null, { status: 503 }));
    await clock.advance(1000);
    assert.equal(calls.length, times, method);
  }
});

Deno.test("statuses of 500 and above and 429 are tried again, but not those that last", async () => {
  for (const [status, times] of [[200, 1], [404, 1], [429, 2], [500, 2], [501, 1], [502, 2], [503, 2], [505, 1]]) {
    const { call, calls, clock } = setUp();
    const watched = new Watched(call(new Request(url)));
    calls[0].resolve(new Response(null, { status }));
    await clock.advance(1000);
    assert.equal(calls.length, times, `${status}`);
    if (times === 1) assert.equal(watched.reply?.status, status);
  }
});

Deno.test("nodejs/node#51162: the body of a response that is not passed on is cancelled, of the one that is not", async () => {
  const { call, calls, clock } = setUp({ maxAttempts: 2 });
  const watched = new Watched(call(new Request(url)));
  const [first, second] = [response(503), response(503)];
  calls[0].resolve(first.response);
  await settle();
  assert.equal(first.cancelled.length, 1);
  await clock.advance(1000);
  calls[1].resolve(second.response);
  await settle();
  assert.equal(watched.reply, second.response);
  assert.equal(second.cancelled.length, 0);
});

Deno.test("Retry-After is kept, in seconds and as a date of the far side's clock, and none that is too long", async () => {
  const date = "Thu, 01 Jan 2026 00:00:00 GMT";
  const cases: [number, Record<string, string>, number | undefined][] = [
    [503, { "retry-after": "2" }, 2100],
    [429, { "retry-after": "0" }, 100],
    [503, { "retry-after": "Thu, 01 Jan 2026 00:00:03 GMT", date }, 3100],
    [503, { "retry-after": "Wed, 31 Dec 2025 23:59:00 GMT", date }, 100],
    [503, { "retry-after": "11" }, undefined],
    [503, { "retry-after": "soon" }, undefined],
    [503, { "retry-after": "-1" }, undefined],
    [502, { "retry-after": "11" }, 100],
  ];
  for (const [status, headers, ms] of cases) {
    const { call, calls, clock } = setUp();
    const watched = new Watched(call(new Request(url)));
    calls[0].resolve(new Response(null, { status, headers }));
    const what = JSON.stringify(headers);
    await clock.advance((ms ?? 1) - 1);
    assert.deepEqual([calls.length, watched.settled], [1, ms === undefined ? 1 : 0], what);
    await clock.advance(ms === undefined ? 20_000 : 1);
    assert.equal(calls.length, ms === undefined ? 1 : 2, what);
  }
});

Deno.test("a response that was passed on is not made again, whatever becomes of its body", async () => {
  const { call, calls, clock } = setUp();
  const reply = call(new Request(url));
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  calls[0].resolve(new Response(new ReadableStream({ start: (given) => void (controller = given) })));
  const { body } = await reply;
  const torn = new TransportError("connection-lost", "Torn");
  controller.error(torn);
  await assert.rejects(body!.getReader().read(), torn);
  await clock.advance(10_000);
  assert.equal(calls.length, 1);
});

Deno.test("a body is sent again as it was, with the request's other parts", async () => {
  const { clock, common } = world();
  const bodies: string[] = [];
  const seen: string[] = [];
  const inner = reading([503, "lost", 200], bodies);
  const call = retry(common)((request: Request) => {
    seen.push(`${request.method} ${request.url} ${request.headers.get("x-tenant")}`);
    return inner(request);
  });
  const init = { method: "PUT", body: "all of it", headers: { "x-tenant": "acme" } };
  const watched = new Watched(call(new Request(url, init)));
  await clock.advance(1000);
  await clock.advance(1000);
  assert.equal(watched.reply?.status, 200);
  assert.deepEqual(bodies, Array(3).fill("all of it"));
  assert.deepEqual(seen, Array(3).fill(`PUT ${url} acme`));
});

Deno.test("a body that was read in part only is sent again from its beginning", async () => {
  const { clock, common } = world();
  const bodies: string[] = [];
  let pulls = 0;
  const body = new ReadableStream({
    pull(controller): void {
      if (pulls++ === 3) controller.close();
      else controller.enqueue(new TextEncoder().encode(`part ${pulls} `));
    },
  }, { highWaterMark: 0 });
  const inner = reading(["lost", 200], bodies, 1);
  const whole = reading([200], bodies);
  let times = 0;
  const call = retry(common)((request: Request) => times++ === 0 ? inner(request) : whole(request));
  const init: RequestInit & { duplex: "half" } = { method: "PUT", body, duplex: "half" };
  const watched = new Watched(call(new Request(url, init)));
  await clock.advance(1000);
  assert.equal(watched.reply?.status, 200);
  assert.deepEqual(bodies, ["part 1 ", "part 1 part 2 part 3 "]);
});

Deno.test("a body of which more was read than is kept is sent once, and reaches the far side whole", async () => {
  for (const maxReplayBytes of [0, 10, 19]) {
    const { clock, common } = world();
    const bodies: string[] = [];
    const call = retry({ ...common, maxReplayBytes })(reading([503, 200], bodies));
    const parts = ["12345", "67890", "abcde", "fghij"];
    const body = new ReadableStream({
      pull(controller): void {
        const part = parts.shift();
        if (part === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(part));
      },
    });
    const init: RequestInit & { duplex: "half" } = { method: "PUT", body, duplex: "half" };
    const watched = new Watched(call(new Request(url, init)));
    await clock.advance(1000);
    assert.equal(watched.reply?.status, 503);
    assert.deepEqual(bodies, ["1234567890abcdefghij"], `${maxReplayBytes}`);
  }
});

Deno.test("a body that nobody reads is let go when the call has failed, and only then", async () => {
  const { call, calls, clock } = setUp({ maxAttempts: 2 });
  const cancelled: unknown[] = [];
  const body = new ReadableStream({ cancel: (reason) => void cancelled.push(reason) });
  const init: RequestInit & { duplex: "half" } = { method: "PUT", body, duplex: "half" };
  const watched = new Watched(call(new Request(url, init)));
  for (const i of [0, 1]) {
    assert.equal(cancelled.length, 0);
    await calls[i].request.body!.cancel();
    calls[i].reject(new TransportError("connect-failed", "Cannot connect"));
    await clock.advance(1000);
  }
  assert.equal(watched.code, "connect-failed");
  assert.equal(cancelled.length, 1);
});

Deno.test("a refusal with processed no sends a POST again, with its body", async () => {
  const { clock, common } = world();
  const bodies: string[] = [];
  const answering = reading([200], bodies);
  const { service: refusing, calls } = world<Request, Response>();
  let times = 0;
  const call = chain(
    (request: Request, context: CallContext) => times++ === 0 ? refusing(request, context) : answering(request),
    circuitBreaker({ clock }),
    retry(common),
  );
  const watched = new Watched(call(new Request(url, { method: "POST", body: "order" })));
  calls[0].reject(new TransportError("connect-failed", "Cannot connect"));
  await clock.advance(1000);
  assert.equal(watched.reply?.status, 200);
  assert.deepEqual(bodies, ["order"]);
});

Deno.test("an attempt that is over can't take anything of the body from the next one", async () => {
  const { call, calls, clock } = setUp();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  const init: RequestInit & { duplex: "half" } = { method: "PUT", body, duplex: "half" };
  const watched = new Watched(call(new Request(url, init)));
  const stale = calls[0].request.body!.getReader();
  controller.enqueue(new TextEncoder().encode("one "));
  await stale.read();
  // It reads on while the call fails.
  const late = new Watched(stale.read());
  calls[0].reject(new TransportError("connection-lost", "Connection lost"));
  await clock.advance(1000);
  const fresh = calls[1].request.body!.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await fresh.read()).value, "one ");
  controller.enqueue(new TextEncoder().encode("two"));
  assert.equal((await fresh.read()).value, "two");
  controller.close();
  assert.ok((await fresh.read()).done);
  assert.ok(late.error instanceof TypeError);
  calls[1].resolve(new Response(null));
  await settle();
  assert.equal(watched.reply?.status, 200);
});

Deno.test("a body that a service answered without reading is let go", async () => {
  const { call, calls } = setUp();
  let cancelled = 0;
  const body = new ReadableStream({ cancel: () => void cancelled++ });
  const init: RequestInit & { duplex: "half" } = { method: "PUT", body, duplex: "half" };
  const watched = new Watched(call(new Request(url, init)));
  await calls[0].request.body!.cancel();
  calls[0].resolve(new Response(null));
  await settle();
  assert.deepEqual([watched.reply?.status, cancelled], [200, 1]);
});

Deno.test("a request of httpRequest() stays whole, is sent again whatever its size, and is used up", async () => {
  const { call, calls, clock } = setUp({ maxReplayBytes: 10 });
  const body = "x".repeat(1000);
  const request = httpRequest(url, { method: "PUT", body });
  const watched = new Watched(call(request));
  for (const status of [503, 200]) {
    const sent = calls.at(-1)!.request;
    assert.equal(await sent.text(), body);
    assert.equal(sent.headers.get("content-type"), "text/plain;charset=UTF-8");
    calls.at(-1)!.resolve(new Response(null, { status }));
    await clock.advance(1000);
  }
  assert.equal(calls.length, 2);
  assert.equal(watched.reply?.status, 200);
  assert.equal(request.bodyUsed, true);
  await assert.rejects(request.text(), TypeError);

  const once = setUp({ maxReplayBytes: 0 });
  once.call(httpRequest(url, { method: "PUT", body })).catch(() => {});
  once.calls[0].resolve(new Response(null, { status: 503 }));
  await once.clock.advance(1000);
  assert.equal(once.calls.length, 1);
});
