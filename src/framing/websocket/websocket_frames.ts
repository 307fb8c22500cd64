/**
 * The heads of WebSocket frames: RFC 6455, section 5.2, and the bit that
 * compression adds to them.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";

/** What kinds of frames there are. */
export const opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** In the first byte of a frame: it is the last of its message. */
export const finalBit = 0x80;
/** In the first byte of a message's first frame: the message is compressed. */
export const compressedBit = 0x40;
/** The most that a control frame carries. */
export const maxControlBytes = 125;
/** The longest head: two bytes, a length of eight, a mask of four. */
export const maxHeadBytes = 14;

const reservedBits = 0x30;
/** In the second byte of a frame: it is masked. */
export const maskBit = 0x80;
const length16 = 126;
const length64 = 127;

/** How many bytes the head of a frame with `byteLength` bytes of payload has. */
export function frameHeadBytes(byteLength: number, masked: boolean): number {
  return (byteLength < length16 ? 2 : byteLength < 0x1_0000 ? 4 : 10) + (masked ? 4 : 0);
}

/**
 * Writes the head of a frame and returns where its payload begins. `first` is an
 * opcode with {@linkcode finalBit} and {@linkcode compressedBit} as they apply;
 * without a mask the frame is one of a server.
 */
export function writeFrameHead(
  target: Uint8Array,
  offset: number,
  first: number,
  byteLength: number,
  mask?: number,
): number {
  const masked = mask === undefined ? 0 : maskBit;
  let at = offset;
  target[at++] = first;
  if (byteLength < length16) {
    target[at++] = masked | byteLength;
  } else if (byteLength < 0x1_0000) {
    target[at++] = masked | length16;
    target[at++] = byteLength >>> 8;
    target[at++] = byteLength;
  } else {
    target[at++] = masked | length64;
    const high = Math.floor(byteLength / 0x1_0000_0000);
    for (let shift = 24; shift >= 0; shift -= 8) target[at++] = high >>> shift;
    for (let shift = 24; shift >= 0; shift -= 8) target[at++] = byteLength >>> shift;
  }
  if (mask !== undefined) {
    target[at++] = mask;
    target[at++] = mask >>> 8;
    target[at++] = mask >>> 16;
    target[at++] = mask >>> 24;
  }
  return at;
}

/** What a connection's frames must be like. */
export interface FrameRules {
  /** Whether they must be masked: those of clients are, those of servers are not. */
  readonly masked: boolean;
  /** Whether compression was agreed on. */
  readonly compression: boolean;
  /** The largest message, in bytes. */
  readonly maxMessageBytes: number;
}

/**
 * Reads the heads of one connection's frames, and keeps account of the message
 * that they belong to. Refuses a frame as soon as the bytes that make it wrong
 * are there, and never reads past its head.
 */
export class FrameHeadReader {
  // The frame: valid once `read()` has returned true.
  opcode = 0;
  final = false;
  /** As on the wire, see {@linkcode maskInPlace}; 0 where the frame has none. */
  mask = 0;
  /** Length of the head; while it is incomplete, how much of it is needed at least. */
  headBytes = 2;
  /** Length of the payload. */
  byteLength = 0;

  // The message that the last data frame belongs to.
  /** `opcode.text` or `opcode.binary`, and 0 between messages. */
  messageOpcode = 0;
  compressed = false;
  /** Payload of its frames so far, as on the wire. */
  messageBytes = 0;
  /** Whether more frames of it must come. */
  unfinished = false;

  readonly #masked: boolean;
  readonly #compression: boolean;
  readonly #maxMessageBytes: number;
  readonly #maxCompressedBytes: number;

  constructor(rules: FrameRules) {
    this.#masked = rules.masked;
    this.#compression = rules.compression;
    this.#maxMessageBytes = rules.maxMessageBytes;
    // Data that does not compress grows by an eighth at worst; the inflated size has its own check.
    this.#maxCompressedBytes = rules.maxMessageBytes + Math.ceil(rules.maxMessageBytes / 8) + 1024;
  }

  /** Reads the head at `start`. Returns false where more bytes are needed; nothing has changed then. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.headBytes = 2;
    if (start >= end) return false;
    const first = bytes[start];
    const kind = first & 0x0f;
    this.#checkFirst(first, kind);
    if (start + 1 >= end) return false;

    const second = bytes[start + 1];
    const masked = (second & maskBit) !== 0;
    if (masked !== this.#masked) {
      throw refused(masked ? "it is masked, and comes from a server" : "it is not masked, and comes from a client");
    }
    let byteLength = second & 0x7f;
    if (kind >= opcode.close && byteLength > maxControlBytes) {
      throw refused(`it is a control frame of more than ${maxControlBytes} bytes`);
    }
    const maskAt = start + (byteLength < length16 ? 2 : byteLength === length16 ? 4 : 10);
    this.headBytes = maskAt - start + (masked ? 4 : 0);
    if (maskAt > end) return false;
    if (byteLength >= length16) byteLength = readLength(bytes, start + 2, byteLength);
    const data = kind < opcode.close;
    if (data) this.#checkSize(byteLength, kind === opcode.continuation ? this.compressed : first & compressedBit);
    if (start + this.headBytes > end) return false;

    this.opcode = kind;
    this.final = first >= finalBit;
    this.byteLength = byteLength;
    this.mask = masked
      ? bytes[maskAt] | (bytes[maskAt + 1] << 8) | (bytes[maskAt + 2] << 16) | (bytes[maskAt + 3] << 24)
      : 0;
    if (data) this.#enterMessage(kind, (first & compressedBit) !== 0);
    return true;
  }

  #checkFirst(first: number, kind: number): void {
    if ((first & reservedBits) !== 0) throw refused("a reserved bit is set");
    if (kind > opcode.pong || (kind > opcode.binary && kind < opcode.close)) {
      throw refused(`its opcode, ${kind}, is a reserved one`);
    }
    if ((first & compressedBit) !== 0) {
      if (!this.#compression) throw refused("it is marked as compressed, and no compression was agreed on");
      if (kind !== opcode.text && kind !== opcode.binary) {
        throw refused("it is marked as compressed, and does not begin a message");
      }
    }
    if (kind >= opcode.close) {
      if (first < finalBit) throw refused("it is a control frame in fragments");
    } else if (kind === opcode.continuation) {
      if (!this.unfinished) throw refused("it continues a message, and none has begun");
    } else if (this.unfinished) {
      throw refused("it begins a message before the last one has ended");
    }
  }

  #checkSize(byteLength: number, compressed: boolean | number): void {
    const length = (this.unfinished ? this.messageBytes : 0) + byteLength;
    const limit = compressed ? this.#maxCompressedBytes : this.#maxMessageBytes;
    if (length > limit) throw tooLarge(length, this.#maxMessageBytes);
  }

  #enterMessage(kind: number, compressed: boolean): void {
    if (kind !== opcode.continuation) {
      this.messageOpcode = kind;
      this.compressed = compressed;
      this.messageBytes = 0;
    }
    this.messageBytes += this.byteLength;
    this.unfinished = !this.final;
  }
}

/** Reads a length of 16 or 64 bits, which must be the shortest form that can say it. */
function readLength(bytes: Uint8Array, at: number, form: number): number {
  let byteLength = (bytes[at] << 8) | bytes[at + 1];
  if (form === length64) {
    if (bytes[at] >= 0x80) throw refused("the first bit of its length is set");
    for (let i = 2; i < 8; i++) byteLength = byteLength * 256 + bytes[at + i];
  }
  if (byteLength < (form === length16 ? length16 : 0x1_0000)) {
    throw refused(`its length, ${byteLength}, is written in more bytes than it needs`);
  }
  return byteLength;
}

function refused(reason: string): TransportError {
  return violation(`Frame refused: ${reason}`, 1002);
}

/** The error for a message over the limit. */
export function tooLarge(length: number, maxBytes: number): TransportError {
  return new TransportError(
    "message-too-large",
    `Message refused: it has ${length} bytes or more, ${maxBytes} are allowed`,
    { details: { closeCode: 1009, length, maxBytes } },
  );
}

/** The error for what a peer may not send; `closeCode` is what the connection is closed with. */
export function violation(message: string, closeCode: number): TransportError {
  return new TransportError("protocol", message, { details: { closeCode } });
}
