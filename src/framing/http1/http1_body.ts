/**
 * The bodies of HTTP/1.1 messages: which one a message has, and where its bytes
 * are in what arrives (RFC 9112 sections 6 and 7).
 *
 * @module
 */

import { ChunkedDecoder } from "./http1_chunked.ts";
import { bodyTooLarge, bodyTruncated, type Http1Side } from "./http1_errors.ts";
import type { HttpFields } from "./http1_fields.ts";
import type { RequestHead, ResponseHead } from "./http1_head.ts";
import { defaultHttp1Limits, type Http1Limits } from "./http1_limits.ts";

/** How a body is marked off: so many bytes (0 is none), in chunks, or by the end of the connection. */
export type BodyFraming = number | "chunked" | "close";

/** The body that a request has. */
export function requestBody(head: RequestHead): number | "chunked" {
  return head.declaredBody ?? 0;
}

/**
 * The body that a response has. `method` is the request's: no response to HEAD
 * has one, and what follows a 2xx response to CONNECT, or a 101, is no longer
 * HTTP.
 */
export function responseBody(head: ResponseHead, method: string): BodyFraming {
  const { status } = head;
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return 0;
  if (method === "CONNECT" && status < 300) return 0;
  return head.declaredBody ?? "close";
}

/**
 * Finds the pieces of one body in a window of received bytes. Holds no bytes
 * itself: a piece is a view, as large as what has arrived allows.
 *
 * @example
 * ```ts ignore
 * while (decoder.next(buffer.bytes, buffer.start, buffer.end)) {
 *   sink(buffer.bytes.subarray(decoder.pieceStart, decoder.pieceEnd));
 *   buffer.start = decoder.restStart;
 * }
 * buffer.start = decoder.restStart; // and then, if decoder.complete, the next message begins there
 * ```
 */
export interface BodyDecoder {
  /** Where the piece that `next()` found begins. */
  readonly pieceStart: number;
  /** Where it ends; there are no empty pieces. */
  readonly pieceEnd: number;
  /** Where the bytes begin that were not taken: the `start` of the next call. Set by every call, a false one too. */
  readonly restStart: number;
  /** How many bytes the buffer should have room for from `restStart`. */
  readonly needed: number;
  /** Whether the message is over. The next one begins at `restStart`. */
  readonly complete: boolean;
  /** The bytes of the pieces so far. */
  readonly bodyBytes: number;
  /** The trailer fields, if there were any, without those that may not stand there. Never part of the head. */
  readonly trailers: HttpFields | undefined;
  /**
   * Looks for the next piece in `bytes[start..end)`. Returns false where there
   * is none (yet).
   *
   * Throws `protocol`, and `message-too-large` for a body over the limit, as
   * soon as that is known. The connection is of no use after that.
   */
  next(bytes: Uint8Array, start: number, end: number): boolean;
  /** The connection has ended. Throws `connection-lost` where the body has not. */
  end(): void;
}

/**
 * Makes the decoder of one body. A body of a known length that is over the
 * limit is refused at once.
 *
 * Throws `message-too-large`, with status 413 in its details.
 */
export function bodyDecoder(
  side: Http1Side,
  framing: BodyFraming,
  limits: Http1Limits = defaultHttp1Limits,
): BodyDecoder {
  if (framing === "chunked") return new ChunkedDecoder(side, limits);
  return new PlainDecoder(side, framing, limits.maxBodyBytes);
}

/** A body of a known length, or one that ends with the connection. */
class PlainDecoder implements BodyDecoder {
  pieceStart = 0;
  pieceEnd = 0;
  restStart = 0;
  readonly needed = 1;
  complete: boolean;
  bodyBytes = 0;
  readonly trailers = undefined;
  readonly #side: Http1Side;
  readonly #length: number | "close";
  readonly #maxBytes: number;

  constructor(side: Http1Side, length: number | "close", maxBytes: number) {
    if (length !== "close" && length > maxBytes) throw bodyTooLarge(side, maxBytes);
    this.#side = side;
    this.#length = length;
    this.#maxBytes = maxBytes;
    this.complete = length === 0;
  }

  next(_bytes: Uint8Array, start: number, end: number): boolean {
    this.restStart = start;
    if (start === end || this.complete) return false;
    let pieceEnd = end;
    if (this.#length === "close") {
      if (this.bodyBytes + end - start > this.#maxBytes) throw bodyTooLarge(this.#side, this.#maxBytes);
    } else {
      const left = this.#length - this.bodyBytes;
      if (end - start >= left) {
        pieceEnd = start + left;
        this.complete = true;
      }
    }
    this.bodyBytes += pieceEnd - start;
    this.pieceStart = start;
    this.pieceEnd = this.restStart = pieceEnd;
    return true;
  }

  end(): void {
    if (this.#length === "close") this.complete = true;
    if (!this.complete) throw bodyTruncated(this.#side, `${this.bodyBytes} of ${this.#length} bytes`);
  }
}
