/**
 * MCP over Streamable HTTP, with middleware around servers and clients.
 *
 * @module
 */

import { StreamableHTTPClientTransport as Transport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { WebStandardStreamableHTTPServerTransport as HttpServer1 } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from "@modelcontextprotocol/client";
import {
  createMcpHandler,
  WebStandardStreamableHTTPServerTransport as HttpServer2,
} from "@modelcontextprotocol/server";
import assert from "node:assert/strict";
import {
  callContext,
  type CallMiddleware,
  chain,
  concurrencyLimit,
  type Handler,
  http,
  ManualClock,
  pool,
  serve,
  TransportError,
} from "../../mod.ts";
import {
  fetchOver,
  type McpSessions,
  mcpSessions,
  type McpSessionsOptions,
  type McpTransport,
} from "../../adapters/mcp.ts";
import { settle } from "../support/calls.ts";
import { server1, server2, using } from "./_mcp.ts";

/** Sessions of either generation. */
const beginning = {
  async "the first generation"() {
    const transport = new HttpServer1({ sessionIdGenerator: () => crypto.randomUUID() });
    await server1().connect(transport);
    return transport;
  },
  async "the second generation"() {
    const transport = new HttpServer2({ sessionIdGenerator: () => crypto.randomUUID() });
    await server2().connect(transport);
    return transport;
  },
};

const clients = {
  "the first generation": (url: URL, fetch: ReturnType<typeof fetchOver>) =>
    new Transport1(url, { fetch }) as McpTransport,
  "the second generation": (url: URL, fetch: ReturnType<typeof fetchOver>) =>
    new Transport2(url, { fetch }) as McpTransport,
};

/** Runs a client of each generation against a handler, through chains on both ends. */
async function exchange(t: Deno.TestContext, handler: Handler<Request, Response>): Promise<void> {
  await using server = await serve(http({ port: 0 }), chain(handler, concurrencyLimit({ max: 50 })));
  const origin = `http://127.0.0.1:${server.addr.port}`;
  for (const [name, use] of Object.entries(using)) {
    await t.step(`a client of ${name}`, async () => {
      let calls = 0;
      const counting: CallMiddleware = (inner) => (request, context) => {
        calls++;
        return inner(request, context);
      };
      await using call = chain(http({ origin }), pool({ max: 4 }), counting);
      await use(clients[name as keyof typeof clients](new URL(`${origin}/mcp`), fetchOver(call)));
      assert.ok(calls >= 3, "it went through the chain");
    });
  }
}

for (const [name, begin] of Object.entries(beginning)) {
  Deno.test(`mcpSessions() keeps sessions of ${name}, for clients of both`, async (t) => {
    const sessions = mcpSessions(begin);
    await exchange(t, sessions);
    await sessions.close();
    assert.equal(sessions.size, 0);
  });
}

Deno.test("the newest protocol and the one before are served by the SDK's own handler in a chain", async (t) => {
  const handler = createMcpHandler(server2);
  await exchange(t, (request) => handler.fetch(request));
  await t.step("the newest one", async () => {
    await using server = await serve(http({ port: 0 }), chain((request: Request) => handler.fetch(request)));
    await using call = chain(http({ origin: `http://127.0.0.1:${server.addr.port}` }), pool());
    const client = new Client2({ name: "example", version: "1.0.0" }, {
      versionNegotiation: { mode: { pin: "2026-07-28" } },
    });
    await client.connect(
      new Transport2(new URL(`http://127.0.0.1:${server.addr.port}/mcp`), { fetch: fetchOver(call) }),
    );
    const { content } = await client.callTool({ name: "add", arguments: { a: 2, b: 40 } });
    assert.deepEqual(content, [{ type: "text", text: "42" }]);
    await client.close();
  });
  await handler.close();
});

const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "example", version: "1" } },
};

/** Posts to a handler; gives the status and the session. */
async function post(
  sessions: McpSessions,
  message: unknown,
  session?: string,
): Promise<{ status: number; session: string | null }> {
  const headers = new Headers({ "content-type": "application/json", accept: "application/json, text/event-stream" });
  if (session !== undefined) headers.set("mcp-session-id", session);
  const response = await sessions(
    new Request("http://mcp.test/", { method: "POST", headers, body: JSON.stringify(message) }),
  );
  await response.text();
  return { status: response.status, session: response.headers.get("mcp-session-id") };
}

function kept(options: McpSessionsOptions = {}): { sessions: McpSessions; clock: ManualClock } {
  const clock = new ManualClock();
  return { sessions: mcpSessions(beginning["the first generation"], { clock, ...options }), clock };
}

Deno.test("mcpSessions() keeps no more sessions than it may, and ends those that nobody uses", async () => {
  const { sessions, clock } = kept({ maxSessions: 2, idleTimeoutMs: 1000 });
  const first = await post(sessions, initialize);
  assert.equal(first.status, 200);
  await post(sessions, initialize);
  assert.deepEqual([(await post(sessions, initialize)).status, sessions.size], [503, 2]);
  await clock.advance(600);
  const ping = { jsonrpc: "2.0", id: 2, method: "ping" };
  assert.equal((await post(sessions, ping, first.session!)).status, 200);
  await clock.advance(600);
  assert.equal(sessions.size, 1, "the one that was used is still there");
  assert.equal((await post(sessions, initialize)).status, 200);
  await clock.advance(400);
  assert.equal((await post(sessions, ping, first.session!)).status, 404);
  await sessions.close();
  assert.deepEqual([sessions.size, clock.pending], [0, 0]);
});

Deno.test("mcpSessions() does not end a session whose stream is open", async () => {
  const { sessions, clock } = kept({ idleTimeoutMs: 1000 });
  const { session } = await post(sessions, initialize);
  const headers = { accept: "text/event-stream", "mcp-session-id": session! };
  const stream = await sessions(new Request("http://mcp.test/", { headers }));
  assert.equal(stream.status, 200);
  await clock.advance(10_000);
  assert.equal(sessions.size, 1);
  await stream.body!.cancel();
  await clock.advance(1000);
  assert.equal(sessions.size, 0);
});

Deno.test("mcpSessions() refuses what belongs to no session, and forgets one that its client ends", async () => {
  const { sessions } = kept();
  assert.equal((await post(sessions, initialize, "unknown")).status, 404);
  assert.equal((await post(sessions, { jsonrpc: "2.0", id: 1, method: "ping" })).status, 400);
  const get = await sessions(new Request("http://mcp.test/"));
  assert.deepEqual([get.status, (await get.json()).error.message], [400, "Session id missing"]);
  const { session } = await post(sessions, initialize);
  const headers = { "mcp-session-id": session! };
  assert.equal((await sessions(new Request("http://mcp.test/", { method: "DELETE", headers }))).status, 200);
  assert.equal(sessions.size, 0);
  assert.throws(() => mcpSessions(beginning["the first generation"], { maxSessions: 0 }), { code: "invalid-option" });
});

Deno.test("fetchOver() hands a request and its signal to the chain", async () => {
  const seen: string[] = [];
  const fetching = fetchOver((request, context = callContext()) => {
    seen.push(`${request.method} ${request.url}`);
    const cancelled = Promise.withResolvers<Response>();
    context.cancellation?.subscribe({ cancelled: (reason) => cancelled.reject(reason) });
    return context.cancellation === undefined ? Promise.resolve(new Response("here")) : cancelled.promise;
  });
  assert.equal(await (await fetching("http://a.test/x")).text(), "here");
  const controller = new AbortController();
  const call = fetching(new URL("http://a.test/y"), { method: "POST", body: "z", signal: controller.signal });
  controller.abort();
  await assert.rejects(call, (error) => error instanceof TransportError && error.code === "cancelled");
  assert.deepEqual(seen, ["GET http://a.test/x", "POST http://a.test/y"]);
});

Deno.test("close() of mcpSessions() waits for a session that is beginning, and ends it", async () => {
  const gate = Promise.withResolvers<void>();
  let closes = 0;
  const slow = mcpSessions(async () => {
    await gate.promise;
    return {
      sessionId: "1",
      handleRequest: () => Promise.resolve(new Response("begun")),
      close: () => Promise.resolve(void closes++),
    };
  });
  const post = (): Promise<Response> => slow(new Request("http://mcp.test/", { method: "POST" }));
  const first = post();
  let closed = false;
  const closing = slow.close().then(() => closed = true);
  await settle();
  assert.equal(closed, false);
  gate.resolve();
  await closing;
  assert.deepEqual([(await first).status, (await post()).status, closes, slow.size], [503, 503, 1, 0]);
});
