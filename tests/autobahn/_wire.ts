/**
 * WebSocket frames written and read without any code of the framework's, so that
 * both can't be wrong in the same way.
 *
 * @module
 */

import { createHash } from "node:crypto";

const encoder = new TextEncoder();

/** What is sent: the first byte as it goes over the wire, and a payload. */
export interface Frame {
  readonly first: number;
  readonly payload: Uint8Array;
}

/** First bytes of whole messages and control frames, and of fragments without the final bit. */
export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export const final = 0x80;

function bytesOf(payload: string | Uint8Array): Uint8Array {
  return typeof payload === "string" ? encoder.encode(payload) : payload;
}

/** Any frame, with whatever first byte. */
export const frame = (first: number, payload: string | Uint8Array = ""): Frame => ({
  first,
  payload: bytesOf(payload),
});
export const text = (payload: string | Uint8Array): Frame => frame(final | opcode.text, payload);
export const binary = (payload: Uint8Array): Frame => frame(final | opcode.binary, payload);
export const ping = (payload: string | Uint8Array = ""): Frame => frame(final | opcode.ping, payload);
export const pong = (payload: string | Uint8Array = ""): Frame => frame(final | opcode.pong, payload);
/** The first fragment of a message. */
export const begin = (kind: number, payload: string | Uint8Array): Frame => frame(kind, payload);
/** A fragment in the middle. */
export const more = (payload: string | Uint8Array = ""): Frame => frame(opcode.continuation, payload);
/** The last fragment. */
export const end = (payload: string | Uint8Array = ""): Frame => frame(final | opcode.continuation, payload);
/** A goodbye with a code, and a reason. */
export function close(code: number, reason: string | Uint8Array = ""): Frame {
  const why = bytesOf(reason);
  const payload = new Uint8Array(2 + why.length);
  payload[0] = code >>> 8;
  payload[1] = code;
  payload.set(why, 2);
  return frame(final | opcode.close, payload);
}

/** A message in fragments of so many bytes. */
export function fragmented(kind: number, payload: Uint8Array, size: number): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const last = at + size >= payload.length;
    frames.push(frame((last ? final : 0) | (at === 0 ? kind : 0), payload.subarray(at, at + size)));
  }
  return frames;
}

/** Frames as bytes; masked as clients must where `masked`. */
export function encode(frames: readonly Frame[], masked: boolean): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { first, payload } of frames) {
    const { length } = payload;
    const bit = masked ? 0x80 : 0;
    const head = length < 126
      ? [first, bit | length]
      : length < 65_536
      ? [first, bit | 126, length >>> 8, length & 255]
      : [first, bit | 127, 0, 0, 0, 0, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255];
    const mask = masked ? crypto.getRandomValues(new Uint8Array(4)) : undefined;
    parts.push(Uint8Array.from([...head, ...mask ?? []]));
    parts.push(mask === undefined ? payload : payload.map((byte, i) => byte ^ mask[i & 3]));
  }
  return joined(parts);
}

/** Pieces one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Reads frames from bytes as they come. Every frame of an endpoint under test must be the last of its message. */
export class FrameReader {
  #bytes: Uint8Array = new Uint8Array(64 * 1024);
  #start = 0;
  #end = 0;
  readonly #masked: boolean;

  constructor(masked: boolean) {
    this.#masked = masked;
  }

  push(bytes: Uint8Array): Frame[] {
    if (this.#end + bytes.length > this.#bytes.length) {
      const left = this.#bytes.subarray(this.#start, this.#end);
      const larger = new Uint8Array(2 * (left.length + bytes.length));
      larger.set(left);
      this.#bytes = larger;
      this.#end = left.length;
      this.#start = 0;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
    const frames: Frame[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) frames.push(next);
    return frames;
  }

  #next(): Frame | undefined {
    const view = new DataView(this.#bytes.buffer, this.#start, this.#end - this.#start);
    if (view.byteLength < 2) return undefined;
    const first = view.getUint8(0);
    const second = view.getUint8(1);
    if ((second >= 0x80) !== this.#masked) throw new Error(`The mask bit is wrong: ${second.toString(16)}`);
    if (first < final) throw new Error(`A frame in fragments, where none was expected: ${first.toString(16)}`);
    let length = second & 0x7f;
    let at = length < 126 ? 2 : length === 126 ? 4 : 10;
    if (view.byteLength < at) return undefined;
    if (length === 126) length = view.getUint16(2);
    else if (length === 127) length = Number(view.getBigUint64(2));
    const maskAt = at;
    if (this.#masked) at += 4;
    if (view.byteLength < at + length) return undefined;
    const from = this.#start + at;
    const payload = this.#bytes.slice(from, from + length);
    if (this.#masked) { for (let i = 0; i < length; i++) payload[i] ^= this.#bytes[this.#start + maskAt + (i & 3)]; }
    this.#start = from + length;
    return { first, payload };
  }
}

const kinds: Record<number, string> = { 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong" };

/** A frame as it stands in a list of what is expected. */
export function shown({ first, payload }: Frame): string {
  const kind = kinds[first & 0x0f] ?? `opcode ${first & 0x0f}`;
  const bits = (first & 0x70) === 0 ? "" : `, reserved bits ${(first >> 4) & 7}`;
  if (kind === "close") {
    return `close ${payload.length === 0 ? "without a code" : (payload[0] << 8) | payload[1]}${bits}`;
  }
  const hash = payload.length <= 64 ? hex(payload) : createHash("sha1").update(payload).digest("hex");
  return `${kind} ${payload.length} ${hash}${bits}`;
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function unhex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/g) ?? [], (byte) => parseInt(byte, 16));
}

/** What a server answers to a key. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}
