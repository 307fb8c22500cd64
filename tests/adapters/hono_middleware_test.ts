/**
 * Call middleware of ours as Hono's, and Hono's as ours.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import {
  background,
  callContext,
  type CallMiddleware,
  chain,
  circuitBreaker,
  concurrencyLimit,
  contentEncoding,
  http,
  ManualClock,
  rateLimit,
  retry,
  serve,
  timeout,
  TransportError,
} from "../../mod.ts";
import { answer, callMiddleware, contextOf, honoContextOf, honoMiddleware } from "../../adapters/hono.ts";

/** An app as somebody has it already: its own routes, fields and middleware. */
function existing(): Hono<{ Variables: { user: string } }> {
  const app = new Hono<{ Variables: { user: string } }>();
  app.use(async (c, next) => {
    c.set("user", c.req.header("user") ?? "nobody");
    await next();
    c.header("served-by", "the app");
  });
  return app;
}

Deno.test("callMiddleware() limits the routes it is put on, and no others", async () => {
  const app = existing();
  app.use("/api/*", callMiddleware(rateLimit({ windows: [{ calls: 2, perMs: 60_000 }] })));
  app.get("/api/time", (c) => c.text(`for ${c.get("user")}`));
  app.get("/page", (c) => c.text("page"));
  for (let call = 0; call < 2; call++) {
    const response = await app.request("/api/time", { headers: { user: "ann" } });
    assert.deepEqual([response.status, await response.text()], [200, "for ann"]);
    assert.equal(response.headers.get("served-by"), "the app");
  }
  const refused = await app.request("/api/time");
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  assert.match(await refused.text(), /^rate-limited: /);
  assert.equal((await app.request("/page")).status, 200);
});

Deno.test("an app's onError sees the error of a middleware as the cause of an HTTPException", async () => {
  const app = existing();
  const seen: unknown[] = [];
  app.onError((error, c) => {
    seen.push(error instanceof HTTPException && error.cause);
    return c.json({ why: error.message }, 418);
  });
  app.use(callMiddleware(rateLimit({ windows: [{ calls: 1, perMs: 60_000 }] })));
  app.get("/", (c) => c.text("hello"));
  await app.request("/");
  const refused = await app.request("/");
  assert.equal(refused.status, 418);
  const [error] = seen;
  assert.ok(error instanceof TransportError && error.code === "rate-limited");
});

Deno.test("callMiddleware() answers 504 for a handler that takes too long", async () => {
  const clock = new ManualClock();
  const app = new Hono();
  app.use(callMiddleware(timeout({ ms: 100, clock })));
  const late = Promise.withResolvers<void>();
  app.get("/slow", async (c) => {
    await late.promise;
    return c.text("late");
  });
  const answer = app.request("/slow");
  await clock.advance(100);
  assert.equal((await answer).status, 504);
  late.resolve();
});

Deno.test("a breaker sees the failures of Hono's handlers, and answers 503 once it is open", async () => {
  const app = new Hono();
  let runs = 0;
  app.use(callMiddleware(circuitBreaker({ failures: 2 })));
  app.get("/", () => {
    runs++;
    throw new Error("boom");
  });
  const statuses: number[] = [];
  const { error } = console;
  console.error = () => {};
  for (let call = 0; call < 4; call++) statuses.push((await app.request("/")).status);
  console.error = error;
  assert.deepEqual([statuses, runs], [[500, 500, 503, 503], 2]);
});

Deno.test("what a middleware makes of a response replaces it, with its own fields alone", async () => {
  const app = existing();
  app.use(callMiddleware(contentEncoding()));
  app.get("/", (c) => c.json(Array.from({ length: 500 }, (_, id) => ({ id }))));
  const response = await app.request("/", { headers: { "accept-encoding": "gzip" } });
  assert.equal(response.headers.get("content-encoding"), "gzip");
  assert.equal(response.headers.get("content-length"), null);
  assert.equal(response.headers.get("served-by"), "the app");
  const plain = new Response(response.body!.pipeThrough(new DecompressionStream("gzip")));
  assert.equal((await plain.json()).length, 500);
});

Deno.test("a slot is held to the end of a body that Hono streams", async () => {
  const app = new Hono();
  app.use(callMiddleware(concurrencyLimit({ max: 1, maxWaiting: 0 })));
  let finish: () => void = () => {};
  app.get("/", () => {
    const body = new ReadableStream({
      start(controller): void {
        finish = () => controller.close();
      },
    });
    return new Response(body);
  });
  const first = await app.request("/");
  assert.equal((await app.request("/")).status, 503);
  finish();
  await first.text();
  const again = await app.request("/");
  assert.equal(again.status, 200);
  await again.body?.cancel();
});

Deno.test("Hono's context is reachable from a middleware of ours", async () => {
  const app = existing();
  const asUser: CallMiddleware = (inner) => (request, context = background) => {
    const user = honoContextOf<Context>(context)?.get("user");
    return user === "nobody"
      ? Promise.reject(new TransportError("invalid-request", "Who are you?"))
      : inner(request, context);
  };
  app.use(callMiddleware(asUser));
  app.get("/", (c) => c.text("hello"));
  assert.equal((await app.request("/")).status, 400);
  assert.equal((await app.request("/", { headers: { user: "ann" } })).status, 200);
});

Deno.test("callMiddleware() twice on one route, and in a route's own chain", async () => {
  const app = new Hono();
  const order: string[] = [];
  const note = (name: string): CallMiddleware => (inner) => async (request, context) => {
    order.push(`${name} in`);
    const reply = await inner(request, context);
    order.push(`${name} out`);
    return reply;
  };
  app.use(callMiddleware(note("inner"), note("outer")));
  app.get("/", callMiddleware(note("route")), (c) => c.text("hello"));
  assert.equal(await (await app.request("/")).text(), "hello");
  assert.deepEqual(order, ["outer in", "inner in", "route in", "route out", "inner out", "outer out"]);
  assert.equal((await app.request("/missing")).status, 404);
});

Deno.test("callMiddleware() refuses what would run the rest of the app again", () => {
  assert.throws(() => callMiddleware(retry()), { code: "invalid-option", message: /retry\(\) makes a call again/ });
});

Deno.test("honoMiddleware() puts Hono's middleware around our handlers, under serve()", async () => {
  const handler = (request: Request): Response => new Response(`hello ${new URL(request.url).pathname}`);
  const chained = chain(handler, honoMiddleware(secureHeaders(), cors({ origin: "https://page.example" })));
  await using server = await serve(http({ port: 0 }), chained);
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/a`, {
    headers: { origin: "https://page.example" },
  });
  assert.equal(await response.text(), "hello /a");
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  assert.equal(response.headers.get("access-control-allow-origin"), "https://page.example");
});

Deno.test("honoMiddleware() passes our context on, answers in place of the service, and hides no error", async () => {
  let context: unknown;
  const guard = honoMiddleware(async (c, next) => {
    context = contextOf(c);
    return c.req.header("key") === "good" ? await next() : c.text("no", 401);
  });
  const fault = new TransportError("overloaded", "Too much");
  const call = chain((_: Request) => Promise.reject<Response>(fault), guard);
  const ours = callContext({ metadata: { tenant: "acme" } });
  assert.equal((await call(new Request("http://a.test/"), ours)).status, 401);
  assert.equal(context, ours);
  await assert.rejects(call(new Request("http://a.test/", { headers: { key: "good" } }), ours), fault);
});

Deno.test("answer() runs a handler of ours on a route, with Hono's context in reach", async () => {
  const app = existing();
  app.get(
    "/who",
    answer((request, context) => {
      const user = honoContextOf<Context>(context)?.get("user");
      return new Response(`${user} asks for ${new URL(request.url).pathname}`);
    }),
  );
  const response = await app.request("/who", { headers: { user: "ann" } });
  assert.equal(await response.text(), "ann asks for /who");
  assert.equal(response.headers.get("served-by"), "the app");
});
