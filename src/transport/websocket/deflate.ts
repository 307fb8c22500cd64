/**
 * Compresses and inflates the messages of a connection: permessage-deflate,
 * RFC 7692, section 7.2, over `node:zlib`. To be imported where compression is
 * wanted and only then.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { tooLarge, violation } from "../../framing/websocket/websocket_frames.ts";
import { DeflateStream } from "./deflate_stream.ts";

/** How one direction of a connection is compressed. */
export interface DeflateSettings {
  /** Whether a message may refer to those before it: better compression for memory that each connection keeps. */
  readonly contextTakeover: boolean;
  /** How far back it may refer, as a power of two: 8 to 15. */
  readonly windowBits: number;
}

/** How messages are compressed. */
export interface DeflaterSettings extends DeflateSettings {
  /** From 0, not at all, to 9, as small as can be. Default 1: a third to an eighth of the time of 6, for half as many bytes again. */
  readonly level?: number;
}

/** How messages are inflated. */
export interface InflaterSettings extends DeflateSettings {
  /** The largest message, in bytes, after inflating. */
  readonly maxMessageBytes: number;
}

/** What a flush ends with: taken off each message that is sent, and put back before it is inflated. */
const tail = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/** A message without bytes: a flush that has nothing to flush would write nothing. */
const emptyMessage = Uint8Array.of(0x00);

/** Results shorter than this stay in a buffer that all connections share. */
const sharedBytes = 64 * 1024;

/** zlib can not compress with 8 bits. With 9 it looks back 250 bytes at most, which 8 bits allow as well. */
const minWindowBits = 9;

/** The result under way. Messages are worked on one after the other, so there is only ever one. */
const output = {
  shared: undefined as Uint8Array | undefined,
  bytes: tail as Uint8Array,
  length: 0,

  begin(): void {
    this.bytes = this.shared ??= new Uint8Array(sharedBytes);
    this.length = 0;
  },

  /** Grows by doubling, so that memory follows what comes out. */
  grow(maxBytes: number): void {
    const grown = new Uint8Array(Math.min(2 * this.bytes.length, maxBytes));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  },

  end(length: number): Uint8Array {
    const { bytes } = this;
    this.bytes = tail;
    return bytes.subarray(0, length);
  },
};

/** Streams that no message is in, for connections without context takeover. */
class IdleStreams {
  readonly #kept = new Map<number, DeflateStream[]>();
  readonly #maxKept: number;

  constructor(maxKept: number) {
    this.#maxKept = maxKept;
  }

  take(kind: number): DeflateStream | undefined {
    return this.#kept.get(kind)?.pop();
  }

  give(kind: number, stream: DeflateStream): void {
    const kept = this.#kept.get(kind) ?? [];
    if (kept.length >= this.#maxKept) return stream.close();
    stream.reset();
    kept.push(stream);
    this.#kept.set(kind, kept);
  }
}

/** A message is compressed at one go: one stream of each kind is all that can ever be in use. */
const idleDeflaters = new IdleStreams(1);
/** A message that comes in fragments keeps its stream until the last one. */
const idleInflaters = new IdleStreams(16);

/** Compresses the messages that one end of a connection sends. */
export class MessageDeflater {
  readonly #level: number;
  readonly #windowBits: number;
  readonly #contextTakeover: boolean;
  /** Made with the first message: a connection that sends none keeps nothing. */
  #stream: DeflateStream | undefined = undefined;

  constructor({ level = 1, windowBits, contextTakeover }: DeflaterSettings) {
    this.#level = level;
    this.#windowBits = Math.max(minWindowBits, windowBits);
    this.#contextTakeover = contextTakeover;
  }

  /**
   * Compresses a whole message. What comes out must be sent: with context
   * takeover the messages after it refer to it. A result of less than 64 KiB is
   * good until the next call of anybody's; a longer one is the caller's.
   */
  deflate(message: Uint8Array): Uint8Array {
    if (message.length === 0) return emptyMessage;
    const kind = this.#level * 16 + this.#windowBits;
    const stream = this.#stream ?? idleDeflaters.take(kind) ?? DeflateStream.compressing(this.#level, this.#windowBits);
    if (this.#contextTakeover) this.#stream = stream;
    output.begin();
    for (let offset = 0;;) {
      const failure = stream.write(message, offset, output.bytes, output.length, output.bytes.length);
      if (failure !== undefined) throw new TransportError("unsupported", `Cannot compress message: ${failure}`);
      output.length = output.bytes.length - stream.roomLeft;
      if (stream.roomLeft > 0) break;
      offset = message.length - stream.inputLeft;
      output.grow(Infinity);
    }
    if (!this.#contextTakeover) idleDeflaters.give(kind, stream);
    return output.end(output.length - tail.length);
  }

  /** Gives the memory back. */
  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }
}

/** How many times one message may end its deflate stream and begin another: each costs more than its two bytes. */
const maxStreamEnds = 1000;

/** Inflates the messages that one end of a connection receives. */
export class MessageInflater {
  readonly #windowBits: number;
  readonly #contextTakeover: boolean;
  readonly #maxMessageBytes: number;
  /** Made with the first message. */
  #stream: DeflateStream | undefined = undefined;

  // The message under way.
  #chunkBytes = 0;
  #messageBytes = 0;
  #streamEnds = 0;

  constructor({ windowBits, contextTakeover, maxMessageBytes }: InflaterSettings) {
    this.#windowBits = Math.max(minWindowBits, windowBits);
    this.#contextTakeover = contextTakeover;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /**
   * Inflates the next piece of a message; `final` says that it is the last one.
   * A result of less than 64 KiB is good until the next call of anybody's; a
   * longer one is the caller's.
   *
   * Throws `message-too-large` with `closeCode` 1009 as soon as the message is
   * over the limit, before memory is taken for more, and `protocol` with 1007
   * where the data is damaged. Not to be used any more then.
   */
  inflate(chunk: Uint8Array, final: boolean): Uint8Array {
    const stream = this.#stream ??= idleInflaters.take(this.#windowBits) ?? DeflateStream.inflating(this.#windowBits);
    output.begin();
    try {
      this.#chunkBytes += chunk.length;
      this.#run(stream, chunk);
      // A message without any bytes is not a flush, and would leave half of one behind.
      if (final && this.#chunkBytes > 0) this.#end(stream);
      this.#messageBytes += output.length;
    } catch (error) {
      output.end(0);
      this.close();
      throw error;
    }
    if (final) {
      this.#chunkBytes = this.#messageBytes = this.#streamEnds = 0;
      if (!this.#contextTakeover) {
        idleInflaters.give(this.#windowBits, stream);
        this.#stream = undefined;
      }
    }
    return output.end(output.length);
  }

  /** Gives the memory back. */
  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  #end(stream: DeflateStream): void {
    const { length } = output;
    this.#run(stream, tail);
    // The flush that was taken off has no data: where some comes out, the message was cut short.
    if (output.length > length) throw damaged("it ends in the middle of a block");
  }

  #run(stream: DeflateStream, input: Uint8Array): void {
    const maxBytes = this.#maxMessageBytes - this.#messageBytes;
    for (let offset = 0;;) {
      const room = Math.min(output.bytes.length, maxBytes + 1);
      const failure = stream.write(input, offset, output.bytes, output.length, room);
      if (failure !== undefined) throw damaged(failure);
      output.length = room - stream.roomLeft;
      if (output.length > maxBytes) throw tooLarge(this.#messageBytes + output.length, this.#maxMessageBytes);
      offset = input.length - stream.inputLeft;
      if (stream.roomLeft === 0) {
        output.grow(maxBytes + 1);
      } else if (stream.inputLeft === 0) {
        return;
      } else {
        // A block was marked as the last of its stream (RFC 7692, section 7.2.3.4): what follows is a new one.
        stream.reset();
        if (input === tail) return;
        if (++this.#streamEnds > maxStreamEnds) throw damaged(`it has more than ${maxStreamEnds} last blocks`);
      }
    }
  }
}

function damaged(reason: string): TransportError {
  return violation(`Message refused: its compressed data is damaged: ${reason}`, 1007);
}
