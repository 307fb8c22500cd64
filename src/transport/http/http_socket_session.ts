/**
 * Calls over HTTP/1.1 on own sockets: a session is one connection, which
 * carries one call at a time.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { HttpConnection } from "./http_connection.ts";
import { HttpLineSession } from "./http_line_session.ts";
import { Http1Line } from "./http1_line.ts";
import type { HttpSettings } from "./http_options.ts";

/** See the module. */
export class HttpSocketSession extends HttpLineSession {
  readonly connection: Http1Line;

  /** Takes over a connection to `origin`. */
  constructor(origin: string, settings: HttpSettings, connection: HttpConnection) {
    super(origin, settings, connection.local);
    this.connection = new Http1Line(connection);
    connection.onClosed = (error) => this.drain(error);
  }

  get capacity(): number {
    return 1;
  }

  ping(): Promise<number> {
    return Promise.reject(new TransportError("unsupported", "Cannot ping: HTTP has no such thing"));
  }
}
