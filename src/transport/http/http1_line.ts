/**
 * An HTTP/1.1 connection as a call has it: requests in its own framing.
 *
 * @module
 */

import type { TransportError } from "../../core/errors.ts";
import { joinBytes } from "../../util/join_bytes.ts";
import type { HttpConnection } from "./http_connection.ts";
import type { CallLine, Carried, Exchange } from "./http_exchange.ts";
import { encodeOutgoing, type OutgoingRequest } from "./http_request.ts";
import { maxJoinedBytes, Upload } from "./http_upload.ts";

/** See the module. What it carries is all that the connection has: it ends with it. */
export class Http1Line implements CallLine, Carried {
  readonly #connection: HttpConnection;

  /** Writes to a connection. */
  constructor(connection: HttpConnection) {
    this.#connection = connection;
  }

  get closed(): boolean {
    return this.#connection.closed;
  }

  begin(exchange: Exchange, request: OutgoingRequest, body: Uint8Array | Upload | undefined): Carried {
    const { expectsContinue } = request;
    let upload: Upload | undefined;
    let first: Uint8Array;
    if (body === undefined) {
      first = encodeOutgoing(request, undefined);
    } else if (body instanceof Upload) {
      first = encodeOutgoing(request, body.framing);
      upload = body;
    } else {
      const { length } = body;
      first = encodeOutgoing(request, length);
      if (length > maxJoinedBytes || (expectsContinue && length > 0)) upload = new Upload([body], length);
      else first = joinBytes([first, body]);
    }
    this.#connection.begin(exchange, first, upload, upload !== undefined && expectsContinue);
    return this;
  }

  abort(error: TransportError): void {
    this.#connection.abort(error);
  }
}
