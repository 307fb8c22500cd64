/**
 * MCP over channels: requests that their client has cancelled, and sessions
 * that fail as they begin.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { McpServer as Server1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as Server2 } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { memory } from "../../mod.ts";
import { mcpSessions, type McpTransport, mcpTransport, serveMcp } from "../../adapters/mcp.ts";
import { until } from "../support/channels.ts";

const info = { name: "example", version: "1.0.0" };

/** A tool that ends when it is cancelled. */
function held(started: () => void) {
  return async ({ signal }: { signal: AbortSignal }): Promise<{ content: [] }> => {
    started();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return { content: [] };
  };
}

const generations: Record<string, (transport: McpTransport, started: () => void) => unknown> = {
  "the first generation": (transport, started) => {
    const server = new Server1(info);
    server.registerTool("held", {}, held(started));
    server.registerTool("quick", {}, () => ({ content: [] }));
    return server.connect(transport);
  },
  "the second generation": (transport, started) =>
    serveStdio(() => {
      const server = new Server2(info);
      server.registerTool("held", {}, (context) => held(started)(context.mcpReq));
      server.registerTool("quick", {}, () => ({ content: [] }));
      return server;
    }, { transport }),
};

for (const [name, begin] of Object.entries(generations)) {
  Deno.test(`requests that were cancelled make room for others, with a server of ${name}`, async () => {
    const wire = memory();
    let started = 0;
    const listener = await serveMcp(wire, (transport) => begin(transport, () => started++), { maxInFlight: 2 });
    const client = new Client1(info);
    await client.connect(mcpTransport(wire));
    for (let i = 1; i <= 5; i++) {
      const giving = new AbortController();
      const call = client.callTool({ name: "held" }, undefined, { signal: giving.signal });
      await Promise.race([until(() => started === i, "the tool's beginning"), call]);
      giving.abort();
      await assert.rejects(call);
    }
    assert.deepEqual((await client.callTool({ name: "quick" })).content, []);
    await client.close();
    await listener.close();
  });
}

Deno.test("a server of a session that fails at its first request is closed", async () => {
  let closed = 0;
  const sessions = mcpSessions(() =>
    Promise.resolve({
      handleRequest: () => Promise.reject(new Error("broken")),
      close: () => Promise.resolve(void closed++),
    })
  );
  await assert.rejects(sessions(new Request("http://localhost/", { method: "POST" })), /broken/);
  assert.deepEqual([closed, sessions.size], [1, 0]);
});
