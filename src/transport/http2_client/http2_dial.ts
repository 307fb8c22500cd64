/**
 * Connecting the calling end of HTTP/2, where what has been dialled speaks it.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { HttpSettings } from "../http/http_options.ts";
import type { DialledStream } from "../tcp/tcp_dial.ts";
import { Http2Connection } from "./http2_connection.ts";

/**
 * Opens HTTP/2 on a connection; resolves when the server has said what it
 * takes. Rejects with `connect-failed`, `version-mismatch` or `protocol`.
 */
export async function openHttp2(
  dialled: DialledStream,
  secure: boolean,
  settings: HttpSettings,
): Promise<Http2Connection> {
  const connection = new Http2Connection(dialled, secure, settings);
  try {
    await connection.ready;
  } catch (error) {
    const { code, message, cause } = error as TransportError;
    if (code !== "connection-lost") throw error;
    throw new TransportError("connect-failed", `Cannot connect to ${connection.where}: ${message}`, {
      cause: cause ?? error,
    });
  }
  if (!connection.closed) return connection;
  throw new TransportError("connect-failed", `Cannot connect to ${connection.where}: it takes no calls any more`);
}
