/**
 * The contract between a stream of bytes and the messages in it.
 *
 * @module
 */

/**
 * Finds messages in a window of received bytes. Holds no bytes itself: the
 * connection owns the buffer, and hands out views of it.
 *
 * @example
 * ```ts
 * import { lengthPrefix } from "@wireway/wireway";
 * const decoder = lengthPrefix().decoder();
 * const bytes = new Uint8Array([0, 0, 0, 2, 104, 105]);
 * if (decoder.next(bytes, 0, bytes.length)) {
 *   console.log(bytes.subarray(decoder.messageStart, decoder.messageEnd));
 * }
 * ```
 */
export interface FrameDecoder {
  /** Where the message that `next()` found begins. */
  messageStart: number;
  /** Where the message that `next()` found ends. */
  messageEnd: number;
  /** Where the next frame begins. */
  frameEnd: number;
  /** How many bytes the unfinished frame needs from `start`, as far as is known: what the buffer must hold. */
  needed: number;
  /**
   * Looks for a whole message in `bytes[start..end)`. Returns false where more
   * bytes are needed; the next call must then have the same bytes from `start`.
   *
   * Throws `message-too-large` as soon as a frame is known to be over the limit.
   */
  next(bytes: Uint8Array, start: number, end: number): boolean;
}

/**
 * How messages are marked off in a stream of bytes.
 *
 * @example
 * ```ts
 * import { type Framing, lengthPrefix, tcp } from "@wireway/wireway";
 * const framing: Framing = lengthPrefix({ bytes: 2, maxBytes: 65_535 });
 * tcp({ port: 9000, framing });
 * ```
 */
export interface Framing {
  /** The largest message, in bytes. */
  readonly maxBytes: number;
  /** Bytes before the message. */
  readonly headBytes: number;
  /** Bytes after the message. */
  readonly tailBytes: number;
  /** Writes what stands before a message of `byteLength` bytes. */
  writeHead(target: Uint8Array, offset: number, byteLength: number): void;
  /** Writes what stands after a message. */
  writeTail(target: Uint8Array, offset: number): void;
  /** Throws `invalid-request` for a message whose bytes this framing can't carry. */
  check?(message: Uint8Array): void;
  /** Makes the decoder of one connection. */
  decoder(): FrameDecoder;
}
