/**
 * The transports that load is put on, by name: both ends of each.
 *
 * @module
 */

import {
  chain,
  type ChannelTransport,
  http,
  httpCalls,
  lengthPrefix,
  memory,
  mux,
  type SessionTransport,
  sse,
  stdio,
  tcp,
  websocket,
} from "../../mod.ts";
import { bareTcp } from "./bare.ts";
import { testCert, testKey } from "../../tests/support/certs.ts";

/** Which transports there are; `bare` is the floor below them, an echo by hand on TCP sockets. */
export const transportNames = [
  "tcp",
  "tls",
  "unix",
  "http",
  "h2",
  "websocket",
  "sse",
  "stdio",
  "memory",
  "bare",
] as const;

/** The name of a transport. */
export type TransportName = typeof transportNames[number];

/** Where a server is, or is to be. */
export interface Place {
  /** The address; of our own servers always one of the loopback. */
  hostname?: string;
  /** The port; 0 has a server choose. */
  port?: number;
  /** The path of the socket (`unix`) or of the URL. */
  path?: string;
  /** Whether the server is a stranger's on TLS: then the system's authorities are trusted, not the tests' certificate. */
  secure?: boolean;
}

/** A transport of calls in bytes. */
export type CallTransport = SessionTransport<Uint8Array, Uint8Array>;

/** How many connections of a transport are made where nobody says: HTTP/1.1 carries one call on each. */
export function usualConnections(name: TransportName): number {
  return name === "http" ? 64 : name === "memory" || name === "stdio" ? 1 : 4;
}

/** How many sockets one connection takes at each end: events come down on one, and up on one that may be changing. */
export function socketsEach(name: TransportName): number {
  return name === "sse" ? 3 : 1;
}

/** Whether a server of it has a port. */
export function hasPort(name: TransportName): boolean {
  return name !== "unix" && name !== "stdio" && name !== "memory";
}

/** How many connections the system holds for a listener that is dialled by thousands. */
const backlog = 4096;
/** As many as the system can have. */
const maxConnections = 1_000_000;

/** Makes the transport; one value serves both ends. */
export function transportOf(name: TransportName, place: Place): CallTransport {
  const { hostname = "127.0.0.1", port = 0, path, secure } = place;
  const where = { hostname, port };
  const scheme = secure ? "https" : "http";
  const origin = `${scheme}://${hostname}:${port}`;
  switch (name) {
    case "tcp":
      return muxed(tcp({ ...where, backlog, maxConnections }));
    case "tls":
      return muxed(tcp({ ...where, backlog, maxConnections, tls: secure ? true : testTls }));
    case "unix":
      return muxed(tcp({ path: path!, backlog, maxConnections }));
    case "http":
      return chain(http({ ...where, origin, backlog, protocol: "h1" }), httpCalls({ path }));
    case "h2":
      return chain(http({ ...where, origin, backlog, protocol: "h2", maxInFlight: streams }), httpCalls({ path }));
    case "websocket":
      return muxed(websocket({ ...where, path, tls: secure, backlog, maxConnections }));
    case "sse":
      return muxed(sse({ ...where, path, tls: secure, backlog, maxConnections, maxChannels: maxConnections }));
    case "stdio":
      return muxed(stdio({ command: { program: Deno.execPath(), args: stdioServer }, framing: lengthPrefix() }));
    case "memory":
      return muxed(memory());
    case "bare":
      return bareTcp(where);
  }
}

/** The program that each connection starts. */
const stdioServer = ["run", "--allow-all", new URL("stdio_server.ts", import.meta.url).pathname];

/** Streams that `Deno.serve` has on a connection of HTTP/2. */
const streams = 200;

const testTls = { cert: testCert, key: testKey, caCerts: [testCert], serverName: "localhost" };

function muxed(transport: ChannelTransport): CallTransport {
  return chain(transport, mux());
}
