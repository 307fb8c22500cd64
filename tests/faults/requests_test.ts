/**
 * resilient() with the requests and responses of HTTP themselves: what the
 * method says about sending again, and bodies that break off.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { http, resilient, type ResilientClient, serve, TransportError } from "../../mod.ts";
import { until, within } from "../support/channels.ts";
import { type FaultProxy, faultProxy } from "../support/fault_proxy.ts";

interface Ends {
  readonly call: ResilientClient<Request, Response>;
  readonly proxy: FaultProxy;
  readonly origin: string;
  /** Requests that the server saw, by method. */
  readonly seen: Record<string, number>;
}

async function requestWorld(run: (ends: Ends) => Promise<void>): Promise<void> {
  const seen: Record<string, number> = {};
  const server = await serve(http({ port: 0 }), async (request) => {
    seen[request.method] = (seen[request.method] ?? 0) + 1;
    const body = await request.text();
    return new Response(request.url.endsWith("/long") ? "x".repeat(200_000) : `${request.method} ${body}`);
  }, { graceMs: 1000 });
  const proxy = await faultProxy({ upstreamPort: server.addr.port! });
  const origin = `http://127.0.0.1:${proxy.port}`;
  const call = resilient(http({ origin }), { timeoutMs: 2000 });
  try {
    await within(run({ call, proxy, origin, seen }), "the end of the test");
  } finally {
    await proxy[Symbol.asyncDispose]();
    await within(call.close(), "the end of the client");
    await within(server.shutdown(), "the end of the server");
  }
}

Deno.test("a GET whose connection is cut before the reply is sent again, a POST is not, and a PUT is with its body", async () => {
  await requestWorld(async ({ call, proxy, origin, seen }) => {
    // The reply is thrown away: the server has worked on the request.
    const cutReply = () => proxy.cutAfterBytes(0, "down");
    cutReply();
    assert.equal(await (await call(new Request(origin))).text(), "GET ");
    cutReply();
    const post = call(new Request(origin, { method: "POST", body: "order" }));
    const error = await post.then(() => undefined, (error) => error);
    assert.ok(error instanceof TransportError);
    assert.deepEqual([error.code, error.processed], ["connection-lost", "maybe"]);
    cutReply();
    assert.equal(await (await call(new Request(origin, { method: "PUT", body: "address" }))).text(), "PUT address");
    assert.deepEqual(seen, { GET: 2, POST: 1, PUT: 2 });
  });
});

Deno.test("a POST on a connection that breaks as soon as it is there is worked on once at the most", async () => {
  await requestWorld(async ({ call, proxy, origin, seen }) => {
    proxy.refuse(true);
    const attempt = call(new Request(origin, { method: "POST", body: "order" }));
    await until(() => call.stats().pool.total + call.stats().pool.dialling > 0, "a connection");
    proxy.refuse(false);
    // Whether the cut came before the request was written is the kernel's affair: it may not be sent twice.
    await attempt.then((response) => response.text(), () => {});
    assert.ok((seen.POST ?? 0) <= 1);
    assert.equal(await (await call(new Request(origin, { method: "POST", body: "order" }))).text(), "POST order");
  });
});

Deno.test("a response that breaks off fails where it is read, and holds its place until then", async () => {
  await requestWorld(async ({ call, proxy, origin, seen }) => {
    proxy.cutAfterBytes(50_000, "down");
    const response = await call(new Request(`${origin}/long`));
    assert.equal(call.stats().pool.active, 1);
    await assert.rejects(response.text());
    assert.equal(seen.GET, 1, "what was passed on is not asked for again");
    await until(() => call.stats().pool.active === 0, "a free place");
    assert.equal((await (await call(new Request(`${origin}/long`))).text()).length, 200_000);
  });
});
