/**
 * Limits over real connections: TCP with mux(), and HTTP with bodies that are
 * streamed.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adaptiveTimeout,
  bulkhead,
  callContext,
  type CallMiddleware,
  chain,
  concurrencyLimit,
  type Handler,
  http,
  mux,
  pool,
  rateLimit,
  reconnect,
  serve,
  tcp,
  text,
  timeout,
  TransportError,
} from "../../../mod.ts";
import { failure } from "../../support/calls.ts";
import { until, within } from "../../support/channels.ts";

const wire = (port: number) => chain(tcp({ port, hostname: "127.0.0.1" }), mux(), text());

/** A handler whose replies the test gives. */
function held<Req>(): { handler: Handler<Req, string>; replies: ((reply: string) => void)[] } {
  const replies: ((reply: string) => void)[] = [];
  return { handler: () => new Promise<string>((resolve) => void replies.push(resolve)), replies };
}

/** A handler that never answers, and ends when it is cancelled. */
function hanging(): { handler: Handler<string, string>; gone: unknown[] } {
  const gone: unknown[] = [];
  const handler: Handler<string, string> = (_, { signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        gone.push(signal.reason);
        reject(signal.reason);
      });
    });
  return { handler, gone };
}

Deno.test("a server over TCP runs no more calls at once than it allows, and the client learns what was refused", async () => {
  const { handler, replies } = held<string>();
  const limit = concurrencyLimit({ max: 2, maxWaiting: 1 });
  await using server = await serve(wire(0), chain(handler, limit));
  await using call = chain(wire(server.addr.port!), reconnect());
  const calls = [call("a"), call("b"), call("c")];
  await until(() => limit.stats().waiting === 1, "calls that wait");
  assert.equal(replies.length, 2);
  const error = await failure(call("d"), "overloaded", "no");
  assert.equal(error.remote, true);
  replies[0]("A");
  await until(() => replies.length === 3, "the calls at the handler");
  replies[1]("B");
  replies[2]("C");
  assert.deepEqual(await within(Promise.all(calls), "the replies"), ["A", "B", "C"]);
  await until(() => limit.stats().inFlight === 0, "that the place is free");
});

Deno.test("a client that goes away frees the places of its calls on the server, in the line too", async () => {
  const { handler, gone } = hanging();
  const limit = concurrencyLimit({ max: 1, maxWaiting: 5, acquireTimeoutMs: Infinity });
  await using server = await serve(wire(0), chain(handler, limit));
  await using call = chain(wire(server.addr.port!), reconnect());
  const controller = new AbortController();
  const context = callContext({ signal: controller.signal });
  const calls = [call("a", context), call("b", context), call("c", context)].map((one) => failure(one, "cancelled"));
  await until(() => limit.stats().waiting === 2, "calls that wait");
  controller.abort();
  await Promise.all(calls);
  await until(() => limit.stats().inFlight === 0 && limit.stats().waiting === 0, "that all places are free");
  assert.equal(gone.length, 1, "the others never ran");
});

Deno.test("the limit of a client hears that a server is overloaded, over TCP", async () => {
  const overloaded: Handler<string, string> = () => {
    throw new TransportError("overloaded", "Busy: try later", { retryAfterMs: 50 });
  };
  await using server = await serve(wire(0), overloaded);
  const limit = concurrencyLimit({ algorithm: "aimd", initial: 10 });
  await using call = chain(wire(server.addr.port!), reconnect(), limit);
  const error = await failure(call("a"), "overloaded");
  assert.equal(error.retryAfterMs, 50);
  assert.equal(limit.stats().limit, 9);
});

Deno.test("rateLimit() and bulkhead() tell tenants apart by their metadata, over TCP", async () => {
  const { handler, replies } = held<string>();
  const tenants = bulkhead({ key: (_, context) => context.metadata.tenant ?? "", maxPerKey: 1, maxWaitingPerKey: 0 });
  const rates = rateLimit({
    windows: [{ calls: 2, perMs: 3_600_000 }],
    key: (_, context) => context.metadata.tenant ?? "",
  });
  await using server = await serve(wire(0), chain(handler, tenants, rates));
  await using call = chain(wire(server.addr.port!), reconnect());
  const as = (tenant: string) => callContext({ metadata: { tenant } });
  const first = call("a", as("acme"));
  await until(() => replies.length === 1, "the calls at the handler");
  await failure(call("b", as("acme")), "too-many-calls", "no");
  const error = await failure(call("c", as("acme")), "rate-limited", "no");
  assert.ok(error.retryAfterMs! > 1_000_000, `${error.retryAfterMs} ms`);
  const other = call("d", as("other"));
  await until(() => replies.length === 2, "the calls at the handler");
  for (const reply of replies) reply("done");
  assert.deepEqual(await within(Promise.all([first, other]), "the replies"), ["done", "done"]);
});

Deno.test("adaptiveTimeout() learns over TCP how long calls take, and ends one that takes longer on the server, too", async () => {
  const { handler: hang, gone } = hanging();
  const handler: Handler<string, string> = (request, context) => request === "hang" ? hang(request, context) : request;
  await using server = await serve(wire(0), handler);
  const patience = adaptiveTimeout({ minMs: 50, minSamples: 10 });
  await using call = chain(wire(server.addr.port!), reconnect(), patience);
  for (let i = 0; i < 10; i++) await call("quick");
  assert.ok(patience.stats().timeoutMs >= 50 && patience.stats().timeoutMs < 5000, `${patience.stats().timeoutMs} ms`);
  await failure(call("hang"), "deadline-exceeded", "maybe");
  await until(() => gone.length === 1, "the handler's cancelling");
});

/** An HTTP server whose bodies end when the test says so, and a client of it. */
async function streaming(
  side: "client" | "server",
  middleware: CallMiddleware,
  run: (call: (request: Request) => Promise<Response>, ends: (() => void)[], url: string) => Promise<void>,
): Promise<void> {
  const ends: (() => void)[] = [];
  const handler: Handler<Request, Response> = () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("first "));
        ends.push(() => {
          controller.enqueue(new TextEncoder().encode("last"));
          controller.close();
        });
      },
    });
    return new Response(body);
  };
  await using server = await serve(http({ port: 0 }), side === "server" ? chain(handler, middleware) : handler);
  const origin = `http://127.0.0.1:${server.addr.port}`;
  await using plain = chain(http({ origin }), pool());
  await within(run(side === "client" ? middleware(plain) : plain, ends, origin), "the end of the test");
}

for (const side of ["client", "server"] as const) {
  Deno.test(`concurrencyLimit() on an HTTP ${side} holds a place while a body is streamed`, async () => {
    const limit = concurrencyLimit({ max: 1, maxWaiting: 1 });
    await streaming(side, limit, async (call, ends, url) => {
      const first = await call(new Request(url));
      const second = call(new Request(url));
      await until(() => limit.stats().waiting === 1, "calls that wait");
      assert.deepEqual([limit.stats().inFlight, ends.length], [1, 1]);
      ends[0]();
      assert.equal(await first.text(), "first last");
      const response = await second;
      assert.equal(limit.stats().inFlight, 1);
      await response.body!.cancel();
      await until(() => limit.stats().inFlight === 0, "that the place is free");
    });
  });
}

Deno.test("an HTTP server says 503 for what a limit refuses, and 429 with retry-after for a rate", async () => {
  const limit = concurrencyLimit({ max: 1, maxWaiting: 0 });
  await streaming("server", limit, async (call, ends, url) => {
    const first = await call(new Request(url));
    const refused = await call(new Request(url));
    assert.equal(refused.status, 503);
    await refused.body?.cancel();
    ends[0]();
    await first.text();
  });
  const rate = rateLimit({ windows: [{ calls: 1, perMs: 60_000 }] });
  await streaming("server", rate, async (call, ends, url) => {
    const first = await call(new Request(url));
    const refused = await call(new Request(url));
    assert.equal(refused.status, 429);
    assert.match(refused.headers.get("retry-after")!, /^(59|60)$/);
    await refused.body?.cancel();
    ends[0]();
    await first.text();
  });
});

Deno.test("a place on a client is free once a timeout outside of the limit has ended the call (opossum's trap, on a socket)", async () => {
  const { handler } = hanging();
  await using server = await serve(wire(0), handler);
  const limit = concurrencyLimit({ max: 1, maxWaiting: 0 });
  await using call = chain(wire(server.addr.port!), reconnect(), limit, timeout({ ms: 20 }));
  await failure(call("hang"), "deadline-exceeded");
  await until(() => limit.stats().inFlight === 0, "that the place is free");
  await failure(call("hang"), "deadline-exceeded");
});
