/**
 * The Hono adapter, under Hono's own test client and under serve().
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Context, Hono } from "hono";
import { callContext, chain, http, httpCalls, reconnect, serve, text, TransportError } from "../../mod.ts";
import { type CallEnv, calls, contextOf, honoContextOf } from "../../adapters/hono.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

function app(): Hono<CallEnv> {
  const routes = new Hono<CallEnv>();
  routes.get("/tenant", (c) => c.text(contextOf(c).metadata.tenant ?? "none"));
  routes.post(
    "/call",
    calls((request, context) => {
      const line = decoder.decode(request);
      if (line === "refuse") throw new TransportError("rate-limited", "Too often", { retryAfterMs: 2000 });
      return encoder.encode(`${line} for ${context.metadata.tenant ?? "none"}`);
    }, { maxMessageBytes: 100 }),
  );
  return routes;
}

Deno.test("calls() answers a posted call under Hono's own test client", async () => {
  const response = await app().request("/call", { method: "POST", body: "hello" });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "hello for none");
});

Deno.test("calls() answers an error with its status, its code and when to come back", async () => {
  const response = await app().request("/call", { method: "POST", body: "refuse" });
  assert.equal(response.status, 429);
  assert.equal(response.headers.get("wireway-error"), "rate-limited");
  assert.equal(response.headers.get("retry-after"), "2");
  assert.equal((await response.json()).message, "Too often");
});

Deno.test("calls() refuses a body over the limit", async () => {
  const response = await app().request("/call", { method: "POST", body: "x".repeat(101) });
  assert.equal(response.status, 413);
  await response.body?.cancel();
});

Deno.test("contextOf() is the call's own context under serve(), and calls() speaks with httpCalls()", async () => {
  await using server = await serve(http({ port: 0 }), app().fetch);
  const port = server.addr.port!;
  await using call = chain(http({ port }), httpCalls(), text(), reconnect());
  assert.equal(await call("hello", callContext({ metadata: { tenant: "acme" } })), "hello for acme");
  await assert.rejects(call("refuse"), {
    code: "rate-limited",
    message: "Too often",
    retryAfterMs: 2000,
    remote: true,
  });
  const response = await fetch(`http://127.0.0.1:${port}/tenant`, {
    headers: { "meta-tenant": "acme", cookie: "tenant=evil" },
  });
  assert.equal(await response.text(), "acme");
});

Deno.test("contextOf() under another server follows the request's signal", async () => {
  const controller = new AbortController();
  const routes = new Hono().get("/", (c) => c.text(String(contextOf(c).signal.aborted)));
  controller.abort();
  const response = await routes.request("/", { signal: controller.signal });
  assert.equal(await response.text(), "true");
});

Deno.test("a handler of calls() reaches Hono's context, with what its middleware has set", async () => {
  const routes = new Hono<{ Variables: { user: string } }>();
  routes.use(async (c, next) => {
    c.set("user", "ann");
    await next();
  });
  routes.post("/call", calls((_, context) => encoder.encode(honoContextOf<Context>(context)?.get("user"))));
  assert.equal(await (await routes.request("/call", { method: "POST", body: "who" })).text(), "ann");
});
