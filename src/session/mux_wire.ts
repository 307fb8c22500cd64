/**
 * The frames of mux(), as bytes: see `mux.md` beside this file. Pure functions,
 * no state.
 *
 * @module
 */

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
} as const;

/** What a call or a one-way send carries beside its payload: the high half of the first byte. */
export const Flag = { deadline: 0x10, priority: 0x20, metadata: 0x40 } as const;

/** All flags of this version. */
export const knownFlags: number = Flag.deadline | Flag.priority | Flag.metadata;

/** The version that this end speaks, and the oldest one that it can. */
export const version = 1;
export const oldestVersion = 1;

/** Bytes before the payload of a call without deadline, priority and metadata. */
export const callHeadBytes = 5;

/** The most that metadata may take in a frame, in bytes. */
export const maxMetadataBytes = 16 * 1024;

/** The longest head of a frame. */
export const maxHeadBytes: number = callHeadBytes + 4 + 1 + 2 + maxMetadataBytes;

const magic = [0x77, 0x69, 0x72, 0x65]; // "wire"
const helloBytes = 15;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What one end tells the other first. */
export interface Hello {
  readonly version: number;
  readonly oldestVersion: number;
  /** The largest payload that this end takes, in bytes. */
  readonly maxMessageBytes: number;
  /** How many calls this end answers at once. */
  readonly maxInFlight: number;
}

/** What a call carries beside its payload. */
export interface CallHead {
  /** Milliseconds left; undefined where there is no deadline. */
  timeLeftMs: number | undefined;
  priority: number | undefined;
  metadata: Metadata;
  /** Where the payload begins. */
  payloadStart: number;
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

/** The first frame of each end. */
export function encodeHello(hello: Hello): Uint8Array {
  const frame = new Uint8Array(helloBytes);
  frame[0] = Kind.hello;
  frame.set(magic, 1);
  frame[5] = hello.version;
  frame[6] = hello.oldestVersion;
  writeU32(frame, 7, hello.maxMessageBytes);
  writeU32(frame, 11, hello.maxInFlight);
  return frame;
}

/** Reads a hello. Throws `protocol` for anything else, and `version-mismatch` where the ends share no version. */
export function decodeHello(frame: Uint8Array): Hello {
  if (frame.length < 7 || frame[0] !== Kind.hello || magic.some((byte, index) => frame[index + 1] !== byte)) {
    throw new TransportError(
      "protocol",
      `Cannot speak mux with the peer: its first message is no hello but ${preview(frame)}`,
      { processed: "no" },
    );
  }
  const [theirs, theirOldest] = [frame[5], frame[6]];
  if (theirs < oldestVersion || theirOldest > version) {
    throw new TransportError(
      "version-mismatch",
      `Cannot speak mux with the peer: it speaks versions ${theirOldest} to ${theirs}, this end ${oldestVersion} to ${version}`,
      { details: { theirs, theirOldest, ours: version, oursOldest: oldestVersion } },
    );
  }
  // A later version may have a longer hello; what is understood is read.
  if (frame.length < helloBytes) {
    throw new TransportError("protocol", "Cannot speak mux with the peer: its hello is cut short");
  }
  return {
    version: theirs,
    oldestVersion: theirOldest,
    maxMessageBytes: readU32(frame, 7),
    maxInFlight: readU32(frame, 11),
  };
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

/** The start of a message, for an error text. */
function preview(frame: Uint8Array): string {
  if (frame.length === 0) return "empty";
  const bytes = frame.subarray(0, 12);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${frame.length} bytes: ${hex}${frame.length > bytes.length ? " …" : ""}`;
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
