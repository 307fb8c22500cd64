/**
 * A server and clients of MCP, with the SDKs of both generations.
 *
 * @module
 */

import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { McpServer as Server1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Client as Client2 } from "@modelcontextprotocol/client";
import { McpServer as Server2 } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import assert from "node:assert/strict";
import { z } from "zod";
import type { McpTransport } from "../../adapters/mcp.ts";

const info = { name: "example", version: "1.0.0" };
const numbers = z.object({ a: z.number(), b: z.number() });
const addition = { description: "Adds two numbers", inputSchema: numbers };

type Sum = { content: { type: "text"; text: string }[] };
const sum = (a: number, b: number): Sum => ({ content: [{ type: "text", text: `${a + b}` }] });

/** A server of the first generation. */
export function server1(): Server1 {
  const server = new Server1(info);
  const { description, inputSchema } = addition;
  server.registerTool(
    "add",
    { description, inputSchema: inputSchema.shape },
    ({ a, b }: z.infer<typeof numbers>) => sum(a, b),
  );
  return server;
}

/** One of the second. */
export function server2(): Server2 {
  const server = new Server2(info);
  server.registerTool("add", addition, ({ a, b }) => sum(a, b));
  return server;
}

/** Connects a server to a transport. */
export const connecting = {
  "the first generation": (transport: McpTransport): unknown => server1().connect(transport),
  "the second generation": (transport: McpTransport): unknown => serveStdio(server2, { transport }),
};

/** A client that lists and calls what the server has, and ends. */
export const using = {
  async "the first generation"(transport: McpTransport): Promise<void> {
    const client = new Client1(info);
    await client.connect(transport);
    assert.deepEqual((await client.listTools()).tools.map(({ name }: { name: string }) => name), ["add"]);
    const { content } = await client.callTool({ name: "add", arguments: { a: 2, b: 40 } });
    assert.deepEqual(content, [{ type: "text", text: "42" }]);
    await client.close();
  },
  async "the second generation"(transport: McpTransport): Promise<void> {
    const client = new Client2(info);
    await client.connect(transport);
    assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), ["add"]);
    const { content } = await client.callTool({ name: "add", arguments: { a: 2, b: 40 } });
    assert.deepEqual(content, [{ type: "text", text: "42" }]);
    await client.close();
  },
};
