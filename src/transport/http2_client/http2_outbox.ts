/**
 * What goes out on an HTTP/2 connection: frames in order, as one write a turn,
 * and data as far as the windows of the peer allow, the streams taking turns.
 *
 * @module
 */

import type { Framing } from "../../framing/framing.ts";
import {
  defaultMaxFrameBytes,
  defaultWindowBytes,
  errorCode,
  frameFlag,
  frameHeadBytes,
  frameType,
  maxWindowBytes,
} from "../../framing/http2/http2_codes.ts";
import { http2Error } from "../../framing/http2/http2_errors.ts";
import { putHeaderBlock, writeFrameHead } from "../../framing/http2/http2_frame_writer.ts";
import type { ByteSink, WriterOwner } from "../stream/byte_stream.ts";
import { CoalescingWriter, noHead } from "../stream/coalescing_writer.ts";

/** Bytes that wait for the system past which no more data is given to it. */
const highWaterBytes = 256 * 1024;

/** Bytes that wait past which a peer that asks for answers is taken for one that does not read them. */
const maxWaitingBytes = 1024 * 1024;

/** Frames are written whole: nothing stands around them. */
const asItIs: Framing = {
  maxBytes: Infinity,
  headBytes: 0,
  tailBytes: 0,
  writeHead() {},
  writeTail() {},
  decoder() {
    throw new Error("frames are read elsewhere");
  },
};

/** A stream that has data to send. */
export interface SendingStream {
  /** Sends one frame of data; returns whether there is more that only the connection holds back. */
  sendNext(): boolean;
}

/** See the module. */
export class Http2Outbox {
  /** How much the connection's window has left, in bytes. */
  windowBytes: number = defaultWindowBytes;
  /** Bytes of data that were given to it since the beginning. */
  dataBytes = 0;
  /** Bytes that were given to it since the beginning. */
  givenBytes = 0;
  /** Bytes that the system has taken since the beginning. */
  takenBytes = 0;
  readonly #writer: CoalescingWriter;
  readonly #head = new Uint8Array(frameHeadBytes);
  /** Streams that wait for the connection, in order. */
  readonly #waiting: SendingStream[] = [];
  #full = false;
  #sending = false;
  readonly #putPart = (head: Uint8Array, payload: Uint8Array): void => {
    this.givenBytes += frameHeadBytes + payload.length;
    void this.#writer.put(head, frameHeadBytes, payload);
  };
  readonly #onRoom = (): void => {
    this.#full = false;
    this.sendWaiting();
  };

  /** Writes to `sink`, which `counts` counts; `onFailed` hears that nothing more goes out. */
  constructor(sink: ByteSink, counts: { bytesOut: number }, onFailed: (error: unknown) => void) {
    const owner: WriterOwner = {
      wrote: (count) => {
        this.takenBytes += count;
        counts.bytesOut += count;
      },
      writeFailed: onFailed,
    };
    this.#writer = new CoalescingWriter(sink, asItIs, { highWaterBytes, maxBufferedBytes: Infinity }, owner);
  }

  /** Whether the peer reads so little of what it is sent that it must not ask for answers. */
  get overfull(): boolean {
    return this.#writer.bufferedBytes > maxWaitingBytes;
  }

  /** Sends a whole frame. */
  frame(bytes: Uint8Array): void {
    this.givenBytes += bytes.length;
    void this.#writer.put(noHead, 0, bytes);
  }

  /** Sends a header block, in frames as small as every peer must take. */
  headers(block: Uint8Array, streamId: number, endStream: boolean): void {
    putHeaderBlock(block, streamId, endStream, defaultMaxFrameBytes, this.#head, this.#putPart);
  }

  /** How many bytes of data a frame may have now; 0 where the stream must wait. */
  get room(): number {
    return this.#full ? 0 : Math.min(this.windowBytes, defaultMaxFrameBytes);
  }

  /** Whether other streams wait. */
  get crowded(): boolean {
    return this.#waiting.length > 0;
  }

  /** Sends a frame of data, which must fit in the windows. */
  data(streamId: number, data: Uint8Array, endStream: boolean): void {
    const { length } = data;
    this.windowBytes -= length;
    this.dataBytes += length;
    const head = this.#head;
    writeFrameHead(head, 0, length, frameType.data, endStream ? frameFlag.endStream : 0, streamId);
    this.givenBytes += frameHeadBytes + length;
    const drained = this.#writer.put(head, frameHeadBytes, data);
    if (drained === undefined || this.#full) return;
    this.#full = true;
    void drained.then(this.#onRoom);
  }

  /** Has a stream wait for its turn. */
  wait(stream: SendingStream): void {
    if (!this.#waiting.includes(stream)) this.#waiting.push(stream);
  }

  /** A stream has nothing more to send. */
  forget(stream: SendingStream): void {
    const index = this.#waiting.indexOf(stream);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  /** The peer has room for so much more. Throws `protocol`. */
  widen(increment: number): void {
    this.windowBytes = widened(this.windowBytes, increment);
    this.sendWaiting();
  }

  /** Sends what waits, a frame of each stream in turn. */
  sendWaiting(): void {
    // What a stream sends may have another one begin.
    if (this.#sending) return;
    this.#sending = true;
    const waiting = this.#waiting;
    while (waiting.length > 0 && this.room > 0) {
      const stream = waiting.shift()!;
      if (stream.sendNext()) waiting.push(stream);
    }
    this.#sending = false;
  }

  /** Begins to gather what is sent up to `release()`. */
  hold(): void {
    this.#writer.hold();
  }

  /** Writes what was gathered. */
  release(): void {
    this.#writer.release();
  }

  /** The connection is over: drops what waits. */
  stop(): void {
    this.#full = true;
    this.#waiting.length = 0;
    this.#writer.stop(stopped());
  }
}

/** A window that has become so much wider. Throws `protocol` where it is too wide. */
export function widened(windowBytes: number, increment: number): number {
  const bytes = windowBytes + increment;
  if (bytes > maxWindowBytes) throw http2Error(errorCode.flowControlError, "a window of more than 2^31-1");
  return bytes;
}

function stopped(): ReturnType<typeof http2Error> {
  return http2Error(errorCode.noError, "more frames: the connection is over");
}
