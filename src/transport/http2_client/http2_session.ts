/**
 * Calls over HTTP/2 on own sockets: a session is one connection, which carries
 * many calls at once.
 *
 * @module
 */

import { HttpLineSession } from "../http/http_line_session.ts";
import type { HttpSettings } from "../http/http_options.ts";
import type { Http2Connection } from "./http2_connection.ts";

/** See the module. */
export class Http2Session extends HttpLineSession {
  readonly connection: Http2Connection;

  /** Takes over a connection to `origin` that is ready. */
  constructor(origin: string, settings: HttpSettings, connection: Http2Connection) {
    super(origin, settings, connection.local);
    this.connection = connection;
    connection.onChange = () => {
      if (connection.closed) this.drain();
      else this.onChange?.();
    };
    connection.onClosed = (error) => this.drain(error);
    if (connection.closed) this.drain();
  }

  get capacity(): number {
    return Math.min(this.settings.maxInFlight, this.connection.maxStreams);
  }

  ping(): Promise<number> {
    return this.connection.ping();
  }
}
