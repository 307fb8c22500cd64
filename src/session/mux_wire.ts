/**
 * The frames of mux(), as bytes: see `mux.md` beside this file. Pure functions,
 * no state.
 *
 * @module
 */

import { lastPriority } from "../core/channel.ts";
import { background } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import { isKey, isValue, type Metadata, noMetadata } from "../core/metadata.ts";

/** Kinds of frames: the low half of the first byte. */
export const Kind = {
  hello: 0,
  call: 1,
  send: 2,
  reply: 3,
  error: 4,
  cancel: 5,
  ping: 6,
  pong: 7,
  goaway: 8,
  credit: 9,
  item: 10,
  end: 11,
  stop: 12,
  window: 13,
  done: 14,
} as const;

/** The part of the first byte that is the kind. */
export const kindMask = 0x0f;

/** What a call or a one-way send carries beside its payload: the high half of the first byte. */
export const Flag = { deadline: 0x10, priority: 0x20, metadata: 0x40, stream: 0x80 } as const;

/** All flags of a call without a stream. */
export const knownFlags: number = Flag.deadline | Flag.priority | Flag.metadata;

/** On the frames of a stream: its sender is the end that answers the call. */
export const answering = 0x10;

/** What a frame takes of a window beside its bytes: what keeps a flood of small ones bounded, too. */
export const frameOverheadBytes = 64;

/** Bytes before the payload of a call without deadline, priority and metadata. */
export const callHeadBytes = 5;

/** The most that metadata may take in a frame, in bytes. */
export const maxMetadataBytes = 16 * 1024;

/** The longest head of a frame. */
export const maxHeadBytes: number = callHeadBytes + 4 + 1 + 2 + maxMetadataBytes;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a call carries beside its payload. */
export interface CallHead {
  /** Milliseconds left; undefined where there is no deadline. */
  timeLeftMs: number | undefined;
  priority: number | undefined;
  metadata: Metadata;
  /** Where the payload begins. */
  payloadStart: number;
}

/**
 * How urgent a frame is to the channel: a call as it says itself, and before all
 * calls what keeps the connection going. A cancel must come before a later call
 * of the same number, and a GOAWAY after all calls. What else is sent for a call
 * does not say how urgent that is: whoever sends it does.
 */
export function priorityOf(head: Uint8Array): number {
  switch (head[0] & kindMask) {
    case Kind.call:
      return (head[0] & Flag.priority) === 0 ? background.priority : head[(head[0] & Flag.deadline) === 0 ? 5 : 9];
    case Kind.send:
      return (head[0] & Flag.priority) === 0 ? background.priority : head[(head[0] & Flag.deadline) === 0 ? 1 : 5];
    case Kind.reply:
    case Kind.error:
    case Kind.item:
    case Kind.end:
    case Kind.done:
      return background.priority;
    case Kind.goaway:
      return lastPriority;
  }
  return 0;
}

/** Writes 32 bits, the high byte first. */
export function writeU32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

/** Reads 32 bits, the high byte first. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3]) >>> 0;
}

/** Whether frames of a kind take credit: those that calls are made of, but for what ends the waiting for them. */
export function isCounted(kind: number): boolean {
  return (kind >= Kind.call && kind <= Kind.error) || kind === Kind.item || kind === Kind.end;
}

/** Which of some frames, or of their heads, is the call of this number; −1 where none is. */
export function findCall(frames: readonly Uint8Array[], id: number): number {
  return frames.findIndex((frame) =>
    (frame[0] & kindMask) === Kind.call && frame.length >= callHeadBytes && readU32(frame, 1) === id
  );
}

/** Whether it is the end of the request stream of a call, or a part of it. */
export function isOfRequest(frame: Uint8Array): boolean {
  return frame[0] === Kind.item || frame[0] === Kind.end;
}

/** The number of the call that a frame belongs to. Throws `protocol` where it is cut short. */
export function callOf(frame: Uint8Array): number {
  need(frame, callHeadBytes);
  return readU32(frame, 1);
}

/** A frame that has nothing but a number after its kind. */
export function numberFrame(kind: number, value: number): Uint8Array {
  const frame = new Uint8Array(callHeadBytes);
  frame[0] = kind;
  writeU32(frame, 1, value);
  return frame;
}

/**
 * Writes the parts of a call that are there, from `offset`, and returns where
 * they end. The kind's flags are set in `target[0]`.
 *
 * Throws `message-too-large` for metadata over its limit.
 */
export function writeCallHead(
  target: Uint8Array,
  offset: number,
  timeLeftMs: number | undefined,
  priority: number | undefined,
  metadata: Metadata,
): number {
  if (timeLeftMs !== undefined) {
    target[0] |= Flag.deadline;
    // Rounded up: a call with any time left must not arrive as one with none.
    writeU32(target, offset, Math.min(Math.ceil(timeLeftMs), 0xffff_ffff));
    offset += 4;
  }
  if (priority !== undefined) {
    target[0] |= Flag.priority;
    target[offset++] = priority;
  }
  if (metadata === noMetadata) return offset;
  target[0] |= Flag.metadata;
  const lengthAt = offset;
  offset += 2;
  for (const key of Object.keys(metadata)) {
    const value = metadata[key];
    if (offset - lengthAt + key.length + value.length + 3 > maxMetadataBytes) {
      throw new TransportError("message-too-large", `Cannot send metadata: it has more than ${maxMetadataBytes} bytes`);
    }
    target[offset++] = key.length;
    offset = writeAscii(target, offset, key);
    target[offset++] = value.length >>> 8;
    target[offset++] = value.length;
    offset = writeAscii(target, offset, value);
  }
  const length = offset - lengthAt - 2;
  target[lengthAt] = length >>> 8;
  target[lengthAt + 1] = length;
  return offset;
}

/** Reads what a call carries. Throws `protocol` where it is cut short or goes past its limits. */
export function readCallHead(frame: Uint8Array, offset: number): CallHead {
  const flags = frame[0];
  const head: CallHead = { timeLeftMs: undefined, priority: undefined, metadata: noMetadata, payloadStart: offset };
  if (flags & Flag.deadline) {
    need(frame, offset + 4);
    head.timeLeftMs = readU32(frame, offset);
    offset += 4;
  }
  if (flags & Flag.priority) {
    need(frame, offset + 1);
    head.priority = frame[offset++];
    if (head.priority > 7) {
      throw new TransportError("protocol", `Frame refused: its priority is ${head.priority}, 0 to 7 are allowed`);
    }
  }
  if (flags & Flag.metadata) {
    need(frame, offset + 2);
    const length = (frame[offset] << 8) | frame[offset + 1];
    offset += 2;
    need(frame, offset + length);
    head.metadata = readMetadata(frame, offset, offset + length);
    offset += length;
  }
  head.payloadStart = offset;
  return head;
}

function readMetadata(frame: Uint8Array, offset: number, end: number): Metadata {
  if (end - offset > maxMetadataBytes) {
    throw new TransportError(
      "protocol",
      `Frame refused: its metadata has ${end - offset} bytes, ${maxMetadataBytes} are allowed`,
    );
  }
  const metadata: Record<string, string> = Object.create(null);
  while (offset < end) {
    const keyEnd = offset + 1 + frame[offset];
    const valueStart = keyEnd + 2;
    if (valueStart > end) throw cutShort();
    const valueEnd = valueStart + ((frame[keyEnd] << 8) | frame[keyEnd + 1]);
    if (valueEnd > end) throw cutShort();
    const key = readAscii(frame, offset + 1, keyEnd);
    const value = readAscii(frame, valueStart, valueEnd);
    // What came in may be sent on, as header fields say: it is held to the same rules as what is sent from here.
    if (!isKey(key) || !isValue(value)) {
      throw new TransportError("protocol", `Frame refused: its metadata field ${JSON.stringify(key)} is not one`);
    }
    metadata[key] = value;
    offset = valueEnd;
  }
  return metadata;
}

/** Why an end makes no new calls that is being closed. */
export const closingReason = "the connection is being closed";

/** Tells the peer to make no new calls. */
export function encodeGoaway(reason: string): Uint8Array {
  const text = encoder.encode(reason);
  const frame = new Uint8Array(1 + text.length);
  frame[0] = Kind.goaway;
  frame.set(text, 1);
  return frame;
}

/** The reason in a GOAWAY. */
export function decodeGoaway(frame: Uint8Array): string {
  return decoder.decode(frame.subarray(1));
}

/** Throws `protocol` for a frame that ends before `end`. */
export function need(frame: Uint8Array, end: number): void {
  if (frame.length < end) throw cutShort();
}

function cutShort(): TransportError {
  return new TransportError("protocol", "Frame refused: it is cut short");
}

function writeAscii(target: Uint8Array, offset: number, text: string): number {
  for (let i = 0; i < text.length; i++) target[offset++] = text.charCodeAt(i);
  return offset;
}

function readAscii(bytes: Uint8Array, start: number, end: number): string {
  // Latin-1 would pass bytes on that no sender of ours writes; TextDecoder replaces what is not UTF-8.
  return decoder.decode(bytes.subarray(start, end));
}
