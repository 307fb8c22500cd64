/**
 * The header block of a request.
 *
 * @module
 */

import { HpackEncoder } from "../../framing/http2/hpack_encoder.ts";
import { checkField } from "../../framing/http2/http2_fields.ts";
import type { OutgoingRequest } from "../http/http_request.ts";

/** Encodes the requests of one connection, each of which must be sent. */
export class Http2Requests {
  /** What compresses them. */
  readonly encoder: HpackEncoder = new HpackEncoder(checkField);
  readonly #scheme: string;

  /** For a connection that is secured or not. */
  constructor(secure: boolean) {
    this.#scheme = secure ? "https" : "http";
  }

  /**
   * The block, valid until the next one. `body` is as for HTTP/1.1: its length,
   * undefined where there is none. Throws `invalid-request`.
   */
  encode(request: OutgoingRequest, body: number | "chunked" | undefined): Uint8Array {
    const { encoder } = this;
    const { method, url, origin, fields, host, expectsContinue } = request;
    encoder.begin();
    try {
      encoder.add(":method", method);
      encoder.add(":scheme", this.#scheme);
      encoder.add(":authority", host ?? origin.slice(origin.indexOf("//") + 2));
      encoder.add(":path", url.slice(origin.length));
      for (let i = 0; i < fields.length; i++) encoder.add(fields[i][0], fields[i][1]);
      // A method that is expected to have a body says so where it has none (RFC 9110 section 8.6).
      if (body === undefined && (method === "POST" || method === "PUT" || method === "PATCH")) body = 0;
      if (typeof body === "number") encoder.add("content-length", `${body}`);
      if (expectsContinue && body !== undefined && body !== 0) encoder.add("expect", "100-continue");
    } catch (error) {
      encoder.giveUp();
      throw error;
    }
    return encoder.finish();
  }
}
