/**
 * The contract between a stream of bytes and the messages in it.
 *
 * @module
 */

import type { Message } from "../core/channel.ts";
import type { TransportError } from "../core/errors.ts";

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
  /** Told the length of the next message before {@linkcode Framing.headBytes} is read, where that depends on it. */
  prepare?(byteLength: number): void;
  /** Transforms a message in place after it was copied to where it is sent from. */
  transform?(target: Uint8Array, start: number, end: number): void;
  /** Throws `invalid-request` for a message whose bytes this framing can't carry. */
  check?(message: Uint8Array): void;
  /** Makes the decoder of one connection. */
  decoder(): FrameDecoder;
}

/** What a {@linkcode FrameProtocol} may ask of its connection. */
export interface ProtocolLine {
  /** Sends a frame that is not a message; what it is the protocol says when it is asked for the head. */
  sendControl(payload: Uint8Array): void;
}

/**
 * A framing with a life of its own: control frames, a farewell, state. There is
 * one for each connection, and it is its own decoder.
 */
export interface FrameProtocol extends Framing, FrameDecoder {
  /** What `next()` found, in place of `messageStart` and `messageEnd`. Up to `frameEnd` bytes are consumed in any case. */
  readonly message: Message;
  /** Whether views of the received bytes were handed out since this was last set to false: they are not written over then. */
  lends: boolean;
  /** Whether a frame or a message has begun and not ended. */
  readonly unfinished: boolean;
  /** Whether the peer has said goodbye: nothing that follows is looked at. */
  readonly ended: boolean;
  /** What the peer's goodbye said was wrong. */
  readonly error: TransportError | undefined;
  /** The connection is there. */
  begin(line: ProtocolLine): void;
  /** The bytes that go out for a message; must be sent then. */
  outgoing(message: Uint8Array, isText: boolean): Uint8Array;
  /** Whether messages of this length go out as they are, with nothing but a head before them. */
  isPlain(byteLength: number): boolean;
  /** Says goodbye, and why. */
  farewell(error: TransportError | undefined): void;
  /** Asks for a sign of life. */
  probe(): void;
  /** The connection is over. */
  end(): void;
}
