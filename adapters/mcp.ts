/**
 * The Model Context Protocol over our transports: channels and chains as
 * transports of the official SDK, in both of its generations.
 *
 * - {@linkcode mcpTransport} and {@linkcode serveMcp}: over TCP, WebSocket,
 *   stdio and all else that makes channels.
 * - {@linkcode mcpSessions} and {@linkcode fetchOver}: over Streamable HTTP, with
 *   call middleware around server and client.
 *
 * ```ts
 * import { Client } from "@modelcontextprotocol/client";
 * import { heartbeat, chain, newline, tcp } from "@wireway/wireway";
 * import { mcpTransport } from "@wireway/wireway/mcp";
 * const client = new Client({ name: "example", version: "1.0.0" });
 * await client.connect(mcpTransport(chain(tcp({ port: 9000 }), heartbeat())));
 * ```
 *
 * @module
 */

export { fetchOver } from "./mcp/fetch_over.ts";
export { type McpHttpTransport, type McpSessions, mcpSessions, type McpSessionsOptions } from "./mcp/mcp_sessions.ts";
export { type McpTransport, mcpTransport, type McpTransportOptions } from "./mcp/mcp_transport.ts";
export { serveMcp } from "./mcp/serve_mcp.ts";
