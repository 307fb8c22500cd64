/**
 * http(): the server, as a client that is not ours sees it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Hono } from "hono";
import {
  type CallContext,
  chain,
  type Handler,
  http,
  serve,
  serverMetrics,
  timeout,
  TransportError,
} from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { until } from "../support/channels.ts";
import { httpWorld } from "./_world.ts";

Deno.test("http() answers with what a handler gives, at once or later", async () => {
  const handler: Handler<Request, Response> = (request) => {
    return request.url.endsWith("/later")
      ? Promise.resolve(new Response("later", { status: 201, headers: { "x-a": "b" } }))
      : new Response(`at once: ${request.method}`);
  };
  await httpWorld(handler, async ({ origin, server }) => {
    assert.equal(await (await fetch(origin)).text(), "at once: GET");
    const later = await fetch(`${origin}/later`, { method: "POST", body: "x" });
    assert.deepEqual([later.status, later.headers.get("x-a"), await later.text()], [201, "b", "later"]);
    assert.deepEqual(server.calls, { inFlight: 0, started: 2, failed: 0, refused: 0 });
  });
});

Deno.test("http() counts calls, and says nothing of connections and bytes, which it can't know", async () => {
  await httpWorld(() => new Response("hello"), async ({ origin, server }) => {
    await (await fetch(origin)).text();
    assert.deepEqual(server.channels, {});
    const metrics = serverMetrics(server)().map(({ name, series }) => [name, series[0].value]);
    assert.deepEqual(metrics, [
      ["wireway.server.active_calls", 0],
      ["wireway.server.calls", 1],
      ["wireway.server.call_failures", 0],
      ["wireway.server.call_refusals", 0],
    ]);
  });
});

Deno.test("http() serves a Hono app's fetch", async () => {
  const app = new Hono()
    .get("/hello/:name", (c) => c.text(`hello ${c.req.param("name")}`))
    .post("/sum", async (c) => c.json({ sum: (await c.req.json<number[]>()).reduce((a, b) => a + b) }));
  await httpWorld(app.fetch, async ({ origin }) => {
    assert.equal(await (await fetch(`${origin}/hello/world`)).text(), "hello world");
    const sum = await fetch(`${origin}/sum`, { method: "POST", body: "[1,2,3]" });
    assert.deepEqual(await sum.json(), { sum: 6 });
    const missing = await fetch(`${origin}/nothing`);
    assert.equal(missing.status, 404);
    await missing.body?.cancel();
  });
});

Deno.test("http() takes a chain of call middleware around requests", async () => {
  let cancelled: unknown;
  const slow = (_: Request, context: CallContext): Promise<Response> => {
    context.cancellation!.subscribe({ cancelled: (reason) => cancelled = reason.code });
    return new Promise(() => {});
  };
  await httpWorld(chain(slow, timeout({ ms: 20 })), async ({ origin }) => {
    const response = await fetch(origin);
    assert.equal(response.status, 504);
    assert.match(await response.text(), /^deadline-exceeded: .*20 ms/);
    assert.equal(cancelled, "deadline-exceeded");
  });
});

Deno.test("http() answers an error of ours with the status that says the same, and when to come again", async () => {
  const expected = {
    "invalid-request": 400,
    "message-too-large": 413,
    "rate-limited": 429,
    "unsupported": 501,
    "remote": 502,
    "deadline-exceeded": 504,
    "overloaded": 503,
    "circuit-open": 503,
    "protocol": 500,
  } as const;
  const handler = (request: Request): Response => {
    const code = new URL(request.url).pathname.slice(1) as keyof typeof expected;
    throw new TransportError(code, `Not today: ${code}`, { retryAfterMs: code === "overloaded" ? 1200 : undefined });
  };
  await httpWorld(handler, async ({ origin, server }) => {
    for (const [code, status] of Object.entries(expected)) {
      const response = await fetch(`${origin}/${code}`);
      assert.equal(response.status, status, code);
      assert.equal(response.headers.get("retry-after"), code === "overloaded" ? "2" : null);
      assert.equal(await response.text(), `${code}: Not today: ${code}\n`);
    }
    assert.equal(server.calls.failed, Object.keys(expected).length);
    assert.equal(server.calls.inFlight, 0);
  });
});

Deno.test("http() answers 500 to any other failure of a handler, thrown at once or later", async () => {
  await httpWorld((request) => {
    if (request.url.endsWith("/later")) return Promise.reject(new Error("secret"));
    throw new Error("secret");
  }, async ({ origin, server }) => {
    for (const path of ["/", "/later"]) {
      const response = await fetch(origin + path);
      assert.equal(response.status, 500);
      assert.doesNotMatch(await response.text(), /secret/);
    }
    assert.deepEqual([server.calls.inFlight, server.calls.failed], [0, 2]);
  });
});

Deno.test("http() reads metadata from its own fields only: cookies and credentials are none", async () => {
  const seen: Record<string, string>[] = [];
  let late: CallContext | undefined;
  await httpWorld((_, context) => {
    seen.push({ ...context.metadata });
    late = context;
    return new Response();
  }, async ({ origin }) => {
    const headers = {
      "meta-tenant": "acme",
      traceparent: "00-1-2-01",
      tracestate: "a=b",
      baggage: "k=v",
      cookie: "session=1",
      authorization: "Bearer secret",
      "x-other": "1",
    };
    await (await fetch(origin, { headers })).text();
    await (await fetch(origin)).text();
  });
  assert.deepEqual(seen, [{ tenant: "acme", traceparent: "00-1-2-01", tracestate: "a=b", baggage: "k=v" }, {}]);
  assert.equal(late!.metadata.tenant, undefined);
});

Deno.test("http() gives metadata that was never read while the request lasted as none, without failing", async () => {
  let late: CallContext | undefined;
  await httpWorld((_, context) => {
    late = context;
    return new Response();
  }, async ({ origin }) => {
    await (await fetch(origin, { headers: { "meta-tenant": "acme" } })).text();
    assert.deepEqual({ ...late!.metadata }, {});
    assert.equal(late!.with({ metadata: { a: "b" } }).metadata.a, "b");
  });
});

Deno.test("http() tells a handler who calls, and that HTTP can't be called back", async () => {
  const told: unknown[] = [];
  await httpWorld(async (_, context) => {
    const peer = context.peer!;
    told.push({ ...peer.remote }, { ...peer.local });
    await failure(peer.call("x"), "unsupported", "no");
    await failure(peer.ping(), "unsupported", "no");
    assert.throws(() => peer.send("x"), { code: "unsupported" });
    return new Response();
  }, async ({ origin, server }) => {
    const connection = await Deno.connect({ port: server.addr.port! });
    const { port } = connection.localAddr as Deno.NetAddr;
    connection.close();
    await (await fetch(origin)).text();
    const [remote, local] = told as { transport: string; hostname: string; port: number }[];
    assert.deepEqual([remote.transport, remote.hostname], ["tcp", "127.0.0.1"]);
    assert.ok(remote.port > 0 && remote.port !== port);
    assert.deepEqual(local, { ...server.addr });
  });
});

Deno.test("http() refuses to listen on a taken port as address-in-use", async () => {
  await httpWorld(() => new Response(), async ({ server }) => {
    const { port } = server.addr;
    const error = await failure(serve(http({ port }), () => new Response()), "address-in-use", "no");
    assert.match(error.message, new RegExp(`127.0.0.1:${port}`));
  });
});

Deno.test("http() needs a port to listen, and says so", async () => {
  await failure(serve(http({ origin: "http://127.0.0.1:1" }), () => new Response()), "invalid-option");
});

Deno.test("http() takes a request whose body it never reads, and goes on", async () => {
  await httpWorld(() => new Response("thanks"), async ({ origin, server }) => {
    for (let i = 0; i < 3; i++) {
      const response = await fetch(origin, { method: "POST", body: new Uint8Array(300_000) });
      assert.equal(await response.text(), "thanks");
    }
    await until(() => server.calls.inFlight === 0, "a quiet server");
  });
});

Deno.test("a wait without an end, or one that is over, is told as one that a client can read", async () => {
  const told: [number, string | null][] = [[Infinity, null], [-5, "0"], [1, "1"]];
  for (const [retryAfterMs, expected] of told) {
    const refuse = (): Response => {
      throw new TransportError("overloaded", "Try later", { retryAfterMs });
    };
    await httpWorld(refuse, async ({ client, origin }) => {
      const response = await client()(new Request(`${origin}/`));
      assert.equal(response.headers.get("retry-after"), expected);
      await response.body?.cancel();
    });
  }
});
