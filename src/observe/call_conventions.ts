/**
 * What the semantic conventions of OpenTelemetry say of a call: the name of its
 * span, and attributes of its span and of its measurements.
 *
 * @module
 */

import type { Attributes } from "@opentelemetry/api";
import type { Address } from "../core/channel.ts";
import type { CallContext } from "../core/context.ts";
import type { Stage } from "../core/describe.ts";
import { TransportError } from "../core/errors.ts";

/** What is said of a call at its start. */
export interface CallDescription {
  /** Of the span. */
  readonly name: string;
  /** Of the measurement, and of the span: few values each. */
  readonly shared: Attributes;
  /** Of the span alone. */
  readonly detail: Attributes;
}

/** Where a client's calls go, or what a server's chain says of itself. */
export interface Place {
  /** The value of `rpc.system.name`. */
  readonly system: string;
  /** Attributes `server.address`, `server.port` and `network.transport`, as far as they are known. */
  readonly server: Attributes;
}

/** Transports of ours by what carries them. */
const overTcp = new Set(["tcp", "websocket", "platformWebSocket", "sse", "sseClient", "http"]);

/** Protocols that have a name of their own in the conventions. */
const jsonRpc = new Set(["jsonRpc", "jsonRpcHttp"]);

/** What the stages below say of where calls go. */
export function placeOf(stages: readonly Stage[], system: string | undefined): Place {
  const stage = stages.find(({ name }) => overTcp.has(name));
  const server: Record<string, string | number> = {};
  if (stage !== undefined) {
    const { hostname, port, path, origin, url } = stage.settings;
    const target = typeof origin === "string" ? origin : typeof url === "string" ? url : undefined;
    if (target !== undefined && URL.canParse(target)) {
      Object.assign(server, serverOf(new URL(target)), { "network.transport": "tcp" });
    } else if (typeof hostname === "string" && typeof port === "number") {
      Object.assign(server, { "server.address": hostname, "server.port": port, "network.transport": "tcp" });
    } else if (typeof path === "string" && stage.name === "tcp") {
      Object.assign(server, { "server.address": path, "network.transport": "unix" });
    }
  }
  if (stages.some(({ name }) => name === "stdio")) server["network.transport"] = "pipe";
  const known = stages.some(({ name }) => jsonRpc.has(name)) ? "jsonrpc" : "wireway";
  return { system: system ?? known, server };
}

/** What is said of a call that is no HTTP request. */
export function rpcCall(
  method: string | undefined,
  side: "client" | "server",
  place: Place,
  context: CallContext,
): CallDescription {
  const shared: Attributes = { "rpc.system.name": place.system };
  if (method !== undefined) shared["rpc.method"] = method;
  const name = method ?? place.system;
  const version = place.system === "jsonrpc" ? { "jsonrpc.protocol.version": "2.0" } : {};
  if (side === "client") return { name, shared: Object.assign(shared, place.server), detail: version };
  const { peer } = context;
  return { name, shared, detail: peer === undefined ? version : Object.assign(version, connectionOf(peer)) };
}

/** What a server's span says of the connection that its call came by. */
function connectionOf({ local, remote }: { local: Address; remote: Address }): Attributes {
  if (remote.transport === "stdio") return { "network.transport": "pipe" };
  return {
    ...pair("server", local),
    ...pair("client", remote),
    ...pair("network.peer", remote),
    ...transportOf(remote),
  };
}

/** An address as two attributes. */
export function pair(of: string, { hostname, port, path }: Address): Attributes {
  if (hostname === undefined) return path === undefined ? {} : { [`${of}.address`]: path };
  return port === undefined ? { [`${of}.address`]: hostname } : { [`${of}.address`]: hostname, [`${of}.port`]: port };
}

function transportOf({ transport, hostname, path }: Address): Attributes {
  if (hostname !== undefined && transport !== "memory") return { "network.transport": "tcp" };
  return transport === "unix" || (transport === "tcp" && path !== undefined) ? { "network.transport": "unix" } : {};
}

/** Host and port of a URL; the port that its scheme implies where it says none. */
export function serverOf(url: URL): Attributes {
  const port = url.port === "" ? (/^(https|wss):$/.test(url.protocol) ? 443 : 80) : Number(url.port);
  return { "server.address": url.hostname.replace(/^\[(.*)\]$/, "$1"), "server.port": port };
}

/** What the far side answered in place of a result: in JSON-RPC the number that an application gave, else our code. */
export function statusOf({ code, details }: TransportError): string {
  const own = details?.code;
  return code === "remote" && Number.isSafeInteger(own) ? String(own) : code;
}

/** The value of `error.type` for what was thrown: few values, and never the message. */
export function errorTypeOf(error: unknown): string {
  if (error instanceof TransportError) return error.code;
  if (error instanceof Error && /^[A-Za-z_$][\w$]{0,63}$/.test(error.name)) return error.name;
  return "_OTHER";
}
