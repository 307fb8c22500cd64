/**
 * The protocol's own conformance suite, against a server of the SDK behind
 * mcpSessions() and a chain.
 *
 * @module
 */

import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import assert from "node:assert/strict";
import { mcpSessions } from "../../adapters/mcp.ts";
import { chain, concurrencyLimit, http, serve, shapeBodies, timeout } from "../../mod.ts";
import { run } from "../support/peer.ts";

/** Those scenarios in which more is at stake than what a tool answers. */
const scenarios = [
  "server-initialize",
  "ping",
  "logging-set-level",
  "tools-list",
  "tools-call-simple-text",
  "tools-call-error",
  "tools-call-with-logging",
  "tools-call-with-progress",
  "tools-call-sampling",
  "tools-call-elicitation",
  "server-sse-multiple-streams",
  "dns-rebinding-protection",
];

/** What a tool is given beside its arguments, as far as these tools need it. */
interface Extra {
  readonly _meta?: { readonly progressToken?: string | number };
  sendNotification(notification: unknown): Promise<void>;
}

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** The tools that the scenarios ask for. */
function conforming(): McpServer {
  const server = new McpServer({ name: "conforming", version: "1.0.0" }, { capabilities: { logging: {} } });
  const tool = server.registerTool.bind(server);
  tool(
    "test_simple_text",
    { description: "Says something" },
    () => text("This is a simple text response for testing."),
  );
  tool("test_error_handling", { description: "Fails" }, () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
  tool("test_tool_with_logging", { description: "Logs" }, async (extra: Extra) => {
    for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
      await extra.sendNotification({ method: "notifications/message", params: { level: "info", data } });
    }
    return text("Logged");
  });
  tool("test_tool_with_progress", { description: "Goes on and on" }, async (extra: Extra) => {
    const progressToken = extra._meta?.progressToken ?? 0;
    for (const progress of [0, 50, 100]) {
      await extra.sendNotification({
        method: "notifications/progress",
        params: { progressToken, progress, total: 100 },
      });
    }
    return text("Done");
  });
  tool("test_sampling", { description: "Asks the model" }, async () => {
    const messages = [{ role: "user" as const, content: { type: "text" as const, text: "Hello" } }];
    const { content } = await server.server.createMessage({ messages, maxTokens: 100 });
    return text(`The model says: ${JSON.stringify(content)}`);
  });
  tool("test_elicitation", { description: "Asks the user" }, async () => {
    const properties = { username: { type: "string" as const }, email: { type: "string" as const } };
    const requestedSchema = { type: "object" as const, properties, required: ["username", "email"] };
    const { action, content } = await server.server.elicitInput({ message: "Who are you?", requestedSchema });
    return text(`The user said: ${action} ${JSON.stringify(content)}`);
  });
  return server;
}

Deno.test("the conformance suite of MCP finds nothing wrong with a server behind mcpSessions() and a chain", async (t) => {
  const sessions = mcpSessions(async () => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      enableDnsRebindingProtection: true,
      allowedHosts: [`127.0.0.1:${server.addr.port}`, `localhost:${server.addr.port}`],
    });
    await conforming().connect(transport);
    return transport;
  });
  const handler = chain(
    (request: Request) => sessions(request),
    shapeBodies({ downBytesPerSecond: 10_000_000 }),
    concurrencyLimit({ max: 100 }),
    timeout({ ms: 30_000 }),
  );
  await using server = await serve(http({ port: 0 }), handler);
  const folder = await Deno.makeTempDir();
  const results = Promise.all(scenarios.map(async (scenario) => {
    const url = `http://localhost:${server.addr.port}/mcp`;
    const args = ["run", "--allow-all", suite, "server", "--url", url, "--scenario", scenario, "-o", folder];
    return { scenario, ...await run(Deno.execPath(), args, { timeoutMs: 120_000, env: { NO_COLOR: "1" } }) };
  }));
  for (const { scenario, code, stdout, stderr } of await results) {
    await t.step(scenario, () => {
      assert.equal(code, 0, `${stdout}\n${stderr}`);
      assert.match(stdout, /Passed: [1-9]\d*\/\d+, 0 failed/);
    });
  }
  await Deno.remove(folder, { recursive: true });
  await sessions.close();
});

const suite = "npm:@modelcontextprotocol/conformance@^0.1.16/dist/index.js";
