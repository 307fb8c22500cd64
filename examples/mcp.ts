/**
 * An MCP server over TCP and over HTTP, and a client of it over each.
 *
 * - `deno task mcp` serves, calls itself over both, prints what came back, and
 *   goes on serving;
 * - `deno task mcp --once` ends after that.
 *
 * `--tcp-port N` and `--http-port N` say where; 0 is any free port. The HTTP
 * endpoint, `/mcp`, speaks the newest protocol and the one before; so does the
 * TCP port, a line a message.
 *
 * @module
 */

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { parseArgs } from "node:util";
import { chain, concurrencyLimit, http, newline, pool, rateLimit, serve, tcp, timeout } from "@wireway/wireway";
import { fetchOver, type McpTransport, mcpTransport, serveMcp } from "@wireway/wireway/mcp";
import { z } from "zod";

const hostname = "127.0.0.1";

/** Where the example listens; 0 is any free port. */
export interface McpExampleOptions {
  tcpPort: number;
  httpPort: number;
}

/** The server: one tool that tells how long a text is, and one that tells the time. */
function exampleServer(): McpServer {
  const server = new McpServer({ name: "wireway-example", version: "1.0.0" });
  const input = { description: "Counts the words of a text", inputSchema: z.object({ text: z.string().max(10_000) }) };
  server.registerTool("count_words", input, ({ text }) => {
    const count = text.split(/\s+/).filter((word) => word !== "").length;
    return { content: [{ type: "text", text: `${count} words` }] };
  });
  server.registerTool("now", { description: "Tells the time" }, () => {
    return { content: [{ type: "text", text: new Date().toISOString() }] };
  });
  return server;
}

/** Serves over both; disposing ends it. */
export async function serveMcpExample({ tcpPort, httpPort }: McpExampleOptions) {
  const lines = tcp({ hostname, port: tcpPort, framing: newline() });
  const listener = await serveMcp(lines, (transport) => serveStdio(exampleServer, { transport }));

  const handler = createMcpHandler(exampleServer);
  const answer = (request: Request): Response | Promise<Response> =>
    new URL(request.url).pathname === "/mcp"
      ? handler.fetch(request)
      : new Response("MCP is at /mcp\n", { status: 404 });
  const windows = [{ calls: 1000, perMs: 1000 }];
  const server = await serve(
    http({ hostname, port: httpPort }),
    chain(answer, concurrencyLimit({ max: 100 }), rateLimit({ windows })),
  );
  return {
    tcpPort: listener.addr.port!,
    httpPort: server.addr.port!,
    async [Symbol.asyncDispose](): Promise<void> {
      await listener.close();
      await handler.close();
      await server.shutdown({ graceMs: 1000 });
    },
  };
}

/** Lists and calls what a server has; gives what it says. */
async function ask(transport: McpTransport): Promise<string> {
  const client = new Client({ name: "wireway-example-client", version: "1.0.0" });
  await client.connect(transport);
  const { tools } = await client.listTools();
  const { content } = await client.callTool({
    name: "count_words",
    arguments: { text: "one chain from wire to caller" },
  });
  await client.close();
  const [said] = content as { text?: string }[];
  return `${tools.map(({ name }) => name).join(", ")}; count_words says ${said.text}`;
}

/** Asks over each transport; gives a line for each. */
export async function askOverBoth({ tcpPort, httpPort }: McpExampleOptions): Promise<string[]> {
  const overTcp = await ask(mcpTransport(tcp({ hostname, port: tcpPort, framing: newline() })));

  const origin = `http://${hostname}:${httpPort}`;
  await using call = chain(http({ origin }), pool({ max: 4 }), timeout({ ms: 5000 }));
  const transport = new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { fetch: fetchOver(call) });
  const overHttp = await ask(transport as McpTransport);
  return [`over TCP:  ${overTcp}`, `over HTTP: ${overHttp}`];
}

if (import.meta.main) {
  const { values: flags } = parseArgs({
    options: {
      "tcp-port": { type: "string", default: "9003" },
      "http-port": { type: "string", default: "8003" },
      once: { type: "boolean", default: false },
    },
  });
  await using served = await serveMcpExample({
    tcpPort: Number(flags["tcp-port"]),
    httpPort: Number(flags["http-port"]),
  });
  console.log(`MCP over TCP at ${hostname}:${served.tcpPort}, over HTTP at http://${hostname}:${served.httpPort}/mcp`);
  for (const line of await askOverBoth(served)) console.log(line);
  if (!flags.once) await new Promise<void>((resolve) => Deno.addSignalListener("SIGINT", () => resolve()));
}
