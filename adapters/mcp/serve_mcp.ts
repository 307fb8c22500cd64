/**
 * Serving MCP on a transport of channels.
 *
 * @module
 */

import type { Channel, ChannelTransport, Listener } from "../../mod.ts";
import { type McpTransport, mcpTransport, type McpTransportOptions } from "./mcp_transport.ts";

/**
 * Listens, and hands each connection to `connect` as a transport of the MCP
 * SDK: one server for each of them. What `connect` throws ends its connection.
 * Closing the listener leaves the connections that are open.
 *
 * Errors: those of listening; `invalid-option`.
 *
 * @example With the first generation of the SDK
 * ```ts
 * import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
 * import { newline, tcp } from "@wireway/wireway";
 * import { serveMcp } from "@wireway/wireway/mcp";
 * await serveMcp(tcp({ port: 9000, framing: newline() }), async (transport) => {
 *   const server = new McpServer({ name: "example", version: "1.0.0" });
 *   server.registerTool("hello", {}, () => ({ content: [{ type: "text", text: "hello" }] }));
 *   await server.connect(transport);
 * });
 * ```
 *
 * @example With the second one, whose `serveStdio` speaks all versions of the protocol
 * ```ts
 * import { McpServer } from "@modelcontextprotocol/server";
 * import { serveStdio } from "@modelcontextprotocol/server/stdio";
 * import { newline, tcp } from "@wireway/wireway";
 * import { serveMcp } from "@wireway/wireway/mcp";
 * const example = () => new McpServer({ name: "example", version: "1.0.0" });
 * await serveMcp(tcp({ port: 9000, framing: newline() }), (transport) => serveStdio(example, { transport }));
 * ```
 */
export function serveMcp(
  transport: ChannelTransport,
  connect: (transport: McpTransport, channel: Channel) => unknown,
  options: McpTransportOptions = {},
): Promise<Listener> {
  return transport.listen((channel) => {
    void (async (): Promise<void> => {
      try {
        await connect(mcpTransport(channel, options), channel);
      } catch {
        await channel.close();
      }
    })();
  });
}
