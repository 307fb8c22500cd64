/**
 * The body of a response on a stream: as far as its window allows it waits here
 * for its reader, and holds nobody else up.
 *
 * @module
 */

import type { TransportError } from "../../core/errors.ts";
import { joinBytes } from "../../util/join_bytes.ts";
import { type BodyLine, StreamedBody } from "../http/http_body.ts";

/** Small pieces that wait are put together in memory of this size: each on its own would take more than it has. */
const gatheredBytes = 8 * 1024;

/** The stream that a body comes on. */
export interface ReceivingStream {
  /** A piece is wanted that is not there. */
  bodyWanted(): void;
  /** So many bytes have been read, and as many more may come. */
  bodyRead(byteLength: number): void;
  /** All of it has been read. */
  bodyOver(): void;
  /** Nobody wants the rest. */
  bodyAbandoned(): void;
}

/** See the module. */
export class Http2Body implements BodyLine {
  /** The body as it is handed out. */
  readonly body: StreamedBody = new StreamedBody(this);
  readonly #stream: ReceivingStream;
  readonly #pieces: Uint8Array[] = [];
  /** What of the last piece is used; the rest is room for more. */
  #lastUsed = 0;
  #ended = false;
  #over = false;

  /** An empty body. */
  constructor(stream: ReceivingStream) {
    this.#stream = stream;
  }

  /** Takes in a piece, which is copied. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#over || start === end) return;
    if (this.body.wanted) {
      this.body.push(bytes.slice(start, end));
      return this.#stream.bodyRead(end - start);
    }
    const length = end - start;
    const pieces = this.#pieces;
    const last = pieces[pieces.length - 1];
    if (last !== undefined && length <= last.length - this.#lastUsed) {
      last.set(bytes.subarray(start, end), this.#lastUsed);
      this.#lastUsed += length;
      return;
    }
    this.#trimLast();
    const piece = new Uint8Array(pieces.length === 0 ? length : Math.max(length, gatheredBytes));
    piece.set(bytes.subarray(start, end));
    pieces.push(piece);
    this.#lastUsed = length;
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true;
    if (this.#pieces.length === 0) this.#finish();
  }

  /** All that is here, of a body that has ended and that nobody has read of. */
  takeWhole(): Uint8Array {
    this.#trimLast();
    this.#over = true;
    return joinBytes(this.#pieces.splice(0));
  }

  /** The stream is lost. */
  fail(error: TransportError): void {
    if (this.#over) return;
    this.#over = true;
    this.#pieces.length = 0;
    this.body.fail(error);
  }

  // BodyLine

  wanted(): void {
    if (this.#over) return;
    if (this.#pieces.length === 0) return this.#stream.bodyWanted();
    if (this.#pieces.length === 1) this.#trimLast();
    const piece = this.#pieces.shift()!;
    this.body.push(piece);
    if (this.#over) return;
    if (this.#ended && this.#pieces.length === 0) return this.#finish();
    this.#stream.bodyRead(piece.length);
  }

  abandoned(): void {
    if (this.#over) return;
    this.#over = true;
    this.#pieces.length = 0;
    this.#stream.bodyAbandoned();
  }

  /** Cuts the last piece to what is used of it. */
  #trimLast(): void {
    const pieces = this.#pieces;
    const index = pieces.length - 1;
    if (index >= 0 && this.#lastUsed < pieces[index].length) pieces[index] = pieces[index].subarray(0, this.#lastUsed);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.body.close();
    this.#stream.bodyOver();
  }
}
