/**
 * Connecting the calling end of HTTP/1.1.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { http1Limits } from "../../framing/http1/http1_limits.ts";
import { HttpConnection } from "./http_connection.ts";
import type { HttpSettings } from "./http_options.ts";
import { dialStream } from "../tcp/tcp_dial.ts";
import { readTcpOptions } from "../tcp/tcp_options.ts";

/** The most field lines of a response's head. */
const maxFields = 256;

/** Connects to an origin. Rejects with `connect-failed`, `connect-timeout` or `cancelled`. */
export async function dialHttp(
  origin: string,
  settings: HttpSettings,
  signal: AbortSignal | undefined,
): Promise<HttpConnection> {
  const { protocol, hostname, port } = new URL(origin);
  const secure = protocol === "https:";
  const { connectTimeoutMs, maxHeadBytes, clock } = settings;
  const tcp = readTcpOptions({
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (secure ? 443 : 80) : Number(port),
    tls: secure ? { caCerts: settings.tls?.caCerts, alpnProtocols: ["http/1.1"] } : false,
    connectTimeoutMs,
    clock,
  });
  const limits = http1Limits({ maxHeadBytes, maxFields }, "http()");
  return new HttpConnection(await dialStream(tcp, signal), secure, settings, limits);
}

/** Whether a dial failed because the far side speaks no HTTP/1.1. */
export function speaksAnother(error: unknown): boolean {
  if (!(error instanceof TransportError) || !(error.cause instanceof Error)) return false;
  return /NoApplicationProtocol|no application protocol/i.test(error.cause.message);
}

/** Whether the platform has sockets. */
export function hasSockets(): boolean {
  return typeof Deno === "object" && typeof Deno.connect === "function";
}
