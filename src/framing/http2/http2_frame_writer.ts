/**
 * Writes the frames of HTTP/2.
 *
 * @module
 */

import { frameFlag, frameHeadBytes, frameType } from "./http2_codes.ts";

/** Writes the head of a frame into `target`, and returns where its payload goes. */
export function writeFrameHead(
  target: Uint8Array,
  offset: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  target[offset] = length >>> 16;
  target[offset + 1] = length >>> 8;
  target[offset + 2] = length;
  target[offset + 3] = type;
  target[offset + 4] = flags;
  return writeUint32(target, offset + 5, streamId);
}

/** A SETTINGS frame. */
export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Uint8Array {
  const { frame } = begun(settings.length * 6, frameType.settings, 0, 0);
  let at = frameHeadBytes;
  for (const [id, value] of settings) {
    frame[at] = id >>> 8;
    frame[at + 1] = id;
    at = writeUint32(frame, at + 2, value);
  }
  return frame;
}

/** The SETTINGS frame that acknowledges the peer's. */
export function settingsAckFrame(): Uint8Array {
  return begun(0, frameType.settings, frameFlag.ack, 0).frame;
}

/** A PING frame with 8 bytes of `data`, or the answer to one. */
export function pingFrame(data: Uint8Array, ack: boolean): Uint8Array {
  const { frame } = begun(8, frameType.ping, ack ? frameFlag.ack : 0, 0);
  frame.set(data.subarray(0, 8), frameHeadBytes);
  return frame;
}

/** A RST_STREAM frame. */
export function rstStreamFrame(streamId: number, code: number): Uint8Array {
  const { frame, at } = begun(4, frameType.rstStream, 0, streamId);
  writeUint32(frame, at, code);
  return frame;
}

/** A WINDOW_UPDATE frame; stream 0 is the connection. */
export function windowUpdateFrame(streamId: number, increment: number): Uint8Array {
  const { frame, at } = begun(4, frameType.windowUpdate, 0, streamId);
  writeUint32(frame, at, increment);
  return frame;
}

/** A GOAWAY frame. */
export function goawayFrame(lastStreamId: number, code: number): Uint8Array {
  const { frame, at } = begun(8, frameType.goaway, 0, 0);
  writeUint32(frame, writeUint32(frame, at, lastStreamId), code);
  return frame;
}

/**
 * Hands the frames of a header block to `put`, head and part of the block, in
 * order: one HEADERS, and as many CONTINUATION as it takes. `head` is written
 * to, and is to be used before `put` returns.
 */
export function putHeaderBlock(
  block: Uint8Array,
  streamId: number,
  endStream: boolean,
  maxFrameBytes: number,
  head: Uint8Array,
  put: (head: Uint8Array, payload: Uint8Array) => void,
): void {
  let type: number = frameType.headers;
  let flags: number = endStream ? frameFlag.endStream : 0;
  for (let at = 0;;) {
    const length = Math.min(block.length - at, maxFrameBytes);
    const last = at + length === block.length;
    writeFrameHead(head, 0, length, type, last ? flags | frameFlag.endHeaders : flags, streamId);
    put(head, at === 0 && last ? block : block.subarray(at, at + length));
    if (last) return;
    at += length;
    type = frameType.continuation;
    flags = 0;
  }
}

function begun(length: number, type: number, flags: number, streamId: number): { frame: Uint8Array; at: number } {
  const frame = new Uint8Array(frameHeadBytes + length);
  return { frame, at: writeFrameHead(frame, 0, length, type, flags, streamId) };
}

function writeUint32(target: Uint8Array, offset: number, value: number): number {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
  return offset + 4;
}
