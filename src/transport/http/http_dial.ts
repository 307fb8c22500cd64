/**
 * Connecting the calling end on own sockets.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { http1Limits } from "../../framing/http1/http1_limits.ts";
import type { Http2Connection } from "../http2_client/http2_connection.ts";
import { openHttp2 } from "../http2_client/http2_dial.ts";
import { dialStream } from "../tcp/tcp_dial.ts";
import { readTcpOptions } from "../tcp/tcp_options.ts";
import { HttpConnection } from "./http_connection.ts";
import { type CallLine, maxFields } from "./http_exchange.ts";
import type { HttpSettings } from "./http_options.ts";
import { addressOf } from "./http_session.ts";
import { Http1Line } from "./http1_line.ts";

/**
 * Connects to an origin, over which HTTP/2 is spoken where the settings say so,
 * or where with TLS both are as good and the server prefers it. Rejects with
 * `connect-failed`, `connect-timeout`, `version-mismatch`, `protocol` or
 * `cancelled`.
 */
export function dialHttp(
  origin: string,
  settings: HttpSettings,
  signal: AbortSignal | undefined,
): Promise<HttpConnection | Http2Connection> {
  const { transport, hostname, port } = addressOf(origin);
  const secure = transport === "https";
  const { protocol, connectTimeoutMs, maxHeadBytes, clock } = settings;
  const alpnProtocols = protocol === "auto" ? ["h2", "http/1.1"] : [protocol === "h2" ? "h2" : "http/1.1"];
  const tcp = readTcpOptions({
    hostname,
    port,
    tls: secure ? { caCerts: settings.tls?.caCerts, alpnProtocols } : false,
    connectTimeoutMs,
    clock,
  });
  return dialStream<HttpConnection | Http2Connection>(tcp, signal, (dialled) => {
    const { alpnProtocol } = dialled;
    if (secure ? alpnProtocol === "h2" : protocol === "h2") return openHttp2(dialled, secure, settings);
    if (protocol === "h2") {
      const why = `Cannot call ${origin}: the server does not agree to HTTP/2`;
      return Promise.reject(new TransportError("version-mismatch", why));
    }
    const limits = http1Limits({ maxHeadBytes, maxFields }, "http()");
    return Promise.resolve(new HttpConnection(dialled, secure, settings, limits));
  });
}

/** Connects to where a redirect leads. */
export async function dialLine(origin: string, settings: HttpSettings, signal: AbortSignal): Promise<CallLine> {
  const connection = await dialHttp(origin, settings, signal);
  return connection instanceof HttpConnection ? new Http1Line(connection) : connection;
}

/** Whether the platform has sockets. */
export function hasSockets(): boolean {
  return typeof Deno === "object" && typeof Deno.connect === "function";
}
