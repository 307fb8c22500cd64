/**
 * A long-lived answer of the HTTP/1.1 server: what is sent in one turn goes out
 * as one write.
 *
 * @module
 */

import type { Address } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import type { FrameDecoder, Framing } from "../../framing/framing.ts";
import { chunkEnd, encodeLastChunk, writeChunkHead } from "../../framing/http1/http1_write.ts";
import type { WriterLimits, WriterOwner } from "../stream/byte_stream.ts";
import { CoalescingWriter, noHead } from "../stream/coalescing_writer.ts";
import type { Takeover, TakeoverOwner } from "./http1_server_takeover.ts";

/** See the module. */
export class Http1Stream implements WriterOwner, TakeoverOwner {
  /** Resolves when it is over, with an error where neither `end()` nor the client's leaving was the reason. */
  readonly closed: Promise<TransportError | undefined>;
  readonly #closed = Promise.withResolvers<TransportError | undefined>();
  readonly #chunks: Chunks;
  readonly #takeover: Takeover;
  readonly #writer: CoalescingWriter;
  #state: "open" | "ending" | "over" = "open";

  constructor(
    takeOver: (owner: TakeoverOwner) => Takeover,
    head: Uint8Array,
    chunked: boolean,
    limits: WriterLimits,
  ) {
    this.closed = this.#closed.promise;
    this.#chunks = new Chunks(chunked);
    this.#takeover = takeOver(this);
    this.#writer = new CoalescingWriter(this.#takeover, this.#chunks, limits, this);
    this.#plain(head);
  }

  /** Who reads. */
  get remote(): Address {
    return this.#takeover.remote;
  }

  /** Bytes that the platform has not taken. */
  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  /**
   * Sends bytes, which must not be changed afterwards. Returns a promise past
   * the high-water mark, resolved when there is room again. Throws `closed`
   * after the end, and `overloaded` past the most that may wait.
   */
  send(bytes: Uint8Array): void | Promise<void> {
    this.admit(bytes.length);
    return this.put(noHead, 0, bytes);
  }

  /** Throws what `send()` would for so many bytes. */
  admit(byteLength: number): void {
    if (this.#state !== "open") throw closedError();
    this.#writer.admit(byteLength);
  }

  /** Sends `head[0..headLength)`, which is copied, and `body` as they were admitted. */
  put(head: Uint8Array, headLength: number, body: Uint8Array): void | Promise<void> {
    if (headLength + body.length > 0) return this.#writer.put(head, headLength, body);
  }

  /** Ends in order, after all that was sent. Resolves when it is over. */
  end(): Promise<TransportError | undefined> {
    if (this.#state === "open") {
      this.#state = "ending";
      this.#plain(this.#chunks.last());
      this.#takeover.ending();
      this.#writer.flushed().then(() => this.#takeover.finish(), () => {});
    }
    return this.closed;
  }

  /** Ends at once, in the middle: the client sees that. */
  abort(error: TransportError): void {
    this.#takeover.end(error);
  }

  // WriterOwner

  wrote(byteLength: number): void {
    this.#takeover.wrote(byteLength);
  }

  writeFailed(error: unknown): void {
    this.#takeover.lost(error);
  }

  // TakeoverOwner

  ended(error: TransportError | undefined): void {
    this.#state = "over";
    this.#writer.stop(error ?? closedError());
    this.#closed.resolve(error);
  }

  /** Sends what is no chunk. */
  #plain(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.plain = true;
    void this.#writer.put(noHead, 0, bytes);
    this.#chunks.plain = false;
  }
}

/** Marks off what is sent as chunks, where it is to be marked off at all. */
class Chunks implements Framing {
  readonly maxBytes = 0x7fff_ffff;
  headBytes = 0;
  tailBytes = 0;
  /** Whether the next bytes stand for themselves. */
  plain = false;
  readonly #chunked: boolean;

  constructor(chunked: boolean) {
    this.#chunked = chunked;
  }

  prepare(byteLength: number): void {
    const marked = this.#chunked && !this.plain;
    this.headBytes = marked ? byteLength.toString(16).length + chunkEnd.length : 0;
    this.tailBytes = marked ? chunkEnd.length : 0;
  }

  writeHead(target: Uint8Array, offset: number, byteLength: number): void {
    if (this.headBytes > 0) writeChunkHead(target, offset, byteLength);
  }

  writeTail(target: Uint8Array, offset: number): void {
    target.set(chunkEnd, offset);
  }

  /** What stands behind the last chunk. */
  last(): Uint8Array {
    return this.#chunked ? encodeLastChunk() : noHead;
  }

  decoder(): FrameDecoder {
    throw new TransportError("unsupported", "Cannot decode: a long-lived answer is only written");
  }
}

function closedError(): TransportError {
  return new TransportError("closed", "Cannot send: the answer is over");
}
