/**
 * Reading the body of a response: as far as somebody wants it, or to its end
 * where nobody does and little is left.
 *
 * @module
 */

import { type BodyDecoder, bodyDecoder, type BodyFraming } from "../../framing/http1/http1_body.ts";
import type { Http1Limits } from "../../framing/http1/http1_limits.ts";
import { encodeLastChunk } from "../../framing/http1/http1_write.ts";
import type { ReceiveBuffer } from "../../framing/receive_buffer.ts";
import { joinBytes } from "../../util/join_bytes.ts";
import { type BodyLine, StreamedBody } from "./http_body.ts";

/** The connection that a body is read from. */
export interface ReadingConnection {
  /** A piece is wanted. */
  bodyWanted(): void;
  /** Nobody wants the rest. */
  bodyGivenUp(): void;
  /** More must be received. */
  readMore(): void;
  /** The body is over, and somebody else looks at what follows. */
  bodyOver(): void;
  /** The rest is not worth being read. */
  bodyLeft(): void;
  /** The body breaks the rules. */
  broken(error: unknown): void;
}

/** See the module. */
export class BodyReader implements BodyLine {
  /** The body as it is handed out. */
  readonly body: StreamedBody = new StreamedBody(this);
  /** The memory that pieces were handed out of: it is not written again. */
  lent: Uint8Array | undefined = undefined;
  readonly #connection: ReadingConnection;
  readonly #received: ReceiveBuffer;
  readonly #decoder: BodyDecoder;
  /** The length, where that is known and the connection serves on behind it. */
  readonly #length: number;
  readonly #maxDrainBytes: number;
  /** Nobody wants it. */
  #draining = false;
  #pumping = false;
  #over = false;

  /** Reads what `received` has and still gets. `length` is infinite where to read on is of no use but for the body. */
  constructor(
    connection: ReadingConnection,
    received: ReceiveBuffer,
    framing: BodyFraming,
    length: number,
    limits: Http1Limits,
    maxDrainBytes: number,
  ) {
    this.#connection = connection;
    this.#received = received;
    this.#decoder = bodyDecoder("response", framing, limits);
    this.#length = length;
    this.#maxDrainBytes = maxDrainBytes;
  }

  /** Whether nobody wants it any more. */
  get draining(): boolean {
    return this.#draining;
  }

  /** How many bytes the buffer should have room for. */
  get needed(): number {
    return this.#decoder.needed;
  }

  /** Something has been received, or is wanted. */
  pump(): void {
    if (this.#pumping || this.#over) return;
    this.#pumping = true;
    let over = false;
    try {
      over = this.#pumpOn();
    } catch (error) {
      this.#over = true;
      this.#connection.broken(error);
    }
    this.#pumping = false;
    if (over) this.#finish();
  }

  /** The peer sends no more. */
  end(): void {
    try {
      this.#decoder.end();
    } catch (error) {
      this.#over = true;
      return this.#connection.broken(error);
    }
    this.#finish();
  }

  /** The connection is over. */
  stop(): void {
    this.#over = true;
  }

  // BodyLine

  wanted(): void {
    if (this.#over) return;
    this.#connection.bodyWanted();
    this.pump();
  }

  abandoned(): void {
    if (this.#over || this.#draining) return;
    this.#draining = true;
    this.#connection.bodyGivenUp();
    this.pump();
  }

  /** Hands out what is wanted; returns whether the body is over. */
  #pumpOn(): boolean {
    const received = this.#received;
    const decoder = this.#decoder;
    while (!this.#over) {
      const wanted = this.body.wanted;
      if (!this.#draining && !wanted) return false;
      const found = decoder.next(received.bytes, received.start, received.end);
      const { pieceStart, pieceEnd } = decoder;
      received.start = decoder.restStart;
      if (found && !this.#draining) {
        this.lent = received.bytes;
        this.body.push(received.bytes.subarray(pieceStart, pieceEnd));
      }
      if (decoder.complete) return !this.#over;
      if (found) continue;
      if (this.#draining && this.#length - decoder.bodyBytes > this.#maxDrainBytes) {
        this.#over = true;
        this.#connection.bodyLeft();
      } else {
        this.#connection.readMore();
      }
      return false;
    }
    return false;
  }

  #finish(): void {
    this.#over = true;
    this.body.close();
    this.#connection.bodyOver();
  }
}

/** How a chunked body without trailers ends. */
const lastChunk = encodeLastChunk();

/** Takes a chunked body out of what was received, where all of it is there. */
export function takeWholeBody(received: ReceiveBuffer, limits: Http1Limits): Uint8Array | undefined {
  const { bytes, start, end } = received;
  for (let i = 0; i < lastChunk.length; i++) {
    if (bytes[end - lastChunk.length + i] !== lastChunk[i]) return undefined;
  }
  const decoder = bodyDecoder("response", "chunked", limits);
  const pieces: Uint8Array[] = [];
  let at = start;
  while (decoder.next(bytes, at, end)) {
    pieces.push(bytes.subarray(decoder.pieceStart, decoder.pieceEnd));
    at = decoder.restStart;
  }
  // What looked like the end may be the data of a chunk that goes on.
  if (!decoder.complete) return undefined;
  received.start = decoder.restStart;
  return pieces.length === 1 ? pieces[0] : joinBytes(pieces);
}
