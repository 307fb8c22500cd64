/**
 * Finds the frames of HTTP/2 in a window of received bytes, and holds each to
 * what RFC 9113 says of its type: its size, its stream and its padding.
 *
 * @module
 */

import { defaultMaxFrameBytes, errorCode, frameFlag, frameHeadBytes, frameType } from "./http2_codes.ts";
import { http2Error } from "./http2_errors.ts";

const names = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
];

/** 1 for a frame that belongs to a stream, 0 for one of the connection, 2 for one that may be of either. */
const ofStream = [1, 1, 1, 1, 0, 1, 0, 0, 2, 1];

/** The sizes of frames that have only one. */
const sizes = [-1, -1, 5, 4, -1, -1, 8, -1, 4, -1];

/** Finds frames. Holds no bytes itself. Frames of types that are not known are found, too, and mean nothing. */
export class Http2FrameReader {
  /** The type of the frame that `next()` found. */
  type = 0;
  /** Its flags. */
  flags = 0;
  /** Its stream; 0 for the connection. */
  streamId = 0;
  /** Where its payload begins, without padding and priority. */
  payloadStart = 0;
  /** Where its payload ends, without padding. */
  payloadEnd = 0;
  /** Where the next frame begins. */
  frameEnd = 0;
  /** The length of the whole payload: what counts for flow control. */
  flowBytes = 0;
  /** How many bytes the unfinished frame has in all, as far as is known. */
  needed: number = frameHeadBytes;
  readonly #maxFrameBytes: number;
  /** The stream whose header block goes on in the next frame; 0 for none. */
  #openBlock = 0;

  /** Makes the reader of one connection. */
  constructor(maxFrameBytes: number = defaultMaxFrameBytes) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Looks for a whole frame in `bytes[start..end)`. Returns false where more
   * bytes are needed; the next call must then have the same bytes from `start`.
   *
   * Throws `protocol` as soon as the frame is known to be wrong; the connection
   * is of no use after that.
   */
  next(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < frameHeadBytes) {
      this.needed = frameHeadBytes;
      return false;
    }
    const length = bytes[start] << 16 | bytes[start + 1] << 8 | bytes[start + 2];
    const type = bytes[start + 3];
    const flags = bytes[start + 4];
    const streamId = readUint31(bytes, start + 5);
    this.#check(type, flags, streamId, length);
    const frameEnd = start + frameHeadBytes + length;
    if (frameEnd > end) {
      this.needed = frameHeadBytes + length;
      return false;
    }
    this.type = type;
    this.flags = flags;
    this.streamId = streamId;
    this.flowBytes = length;
    this.frameEnd = frameEnd;
    this.payloadStart = start + frameHeadBytes;
    this.payloadEnd = frameEnd;
    this.needed = frameHeadBytes;
    if (type === frameType.data || type === frameType.headers) this.#unpad(bytes, type, flags);
    if (type === frameType.headers || type === frameType.continuation) {
      this.#openBlock = (flags & frameFlag.endHeaders) === 0 ? streamId : 0;
    }
    return true;
  }

  #check(type: number, flags: number, streamId: number, length: number): void {
    if (length > this.#maxFrameBytes) {
      const what = `a frame of ${length} bytes, ${this.#maxFrameBytes} are allowed`;
      throw http2Error(errorCode.frameSizeError, what);
    }
    const open = this.#openBlock;
    if (open !== 0 && (type !== frameType.continuation || streamId !== open)) {
      throw refused(type, `inside of the header block of stream ${open}`);
    }
    if (type >= names.length) return;
    const of = ofStream[type];
    if (of === 1 && streamId === 0) throw refused(type, "on no stream");
    if (of === 0 && streamId !== 0) throw refused(type, `on stream ${streamId}`);
    if (sizes[type] >= 0 && length !== sizes[type]) throw wrongSize(type, length);
    switch (type) {
      case frameType.continuation:
        if (open === 0) throw refused(type, "that continues nothing");
        break;
      case frameType.pushPromise:
        throw refused(type, "where pushing is off");
      case frameType.settings:
        if ((flags & frameFlag.ack) !== 0 ? length !== 0 : length % 6 !== 0) throw wrongSize(type, length);
        break;
      case frameType.goaway:
        if (length < 8) throw wrongSize(type, length);
        break;
    }
  }

  #unpad(bytes: Uint8Array, type: number, flags: number): void {
    const padded = (flags & frameFlag.padded) !== 0;
    const priority = type === frameType.headers && (flags & frameFlag.priority) !== 0;
    const fixed = (padded ? 1 : 0) + (priority ? 5 : 0);
    if (fixed === 0) return;
    const start = this.payloadStart;
    if (this.flowBytes < fixed) throw wrongSize(type, this.flowBytes);
    const padding = padded ? bytes[start] : 0;
    if (fixed + padding > this.flowBytes) throw refused(type, `with ${padding} bytes of padding, more than it has`);
    this.payloadStart = start + fixed;
    this.payloadEnd -= padding;
  }
}

/** What a frame of a type is called. */
export function frameName(type: number): string {
  return names[type] ?? `type ${type}`;
}

function refused(type: number, why: string): Error {
  return http2Error(errorCode.protocolError, `a ${frameName(type)} frame ${why}`);
}

function wrongSize(type: number, length: number): Error {
  return http2Error(errorCode.frameSizeError, `a ${frameName(type)} frame of ${length} bytes`);
}

/** The number of 32 bits at `at`. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
}

/** The number of 31 bits at `at`: the first bit is reserved and ignored. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) & 0x7fff_ffff;
}
