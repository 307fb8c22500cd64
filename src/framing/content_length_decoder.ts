/**
 * Finds messages behind heads with a `Content-Length`: a state machine that
 * looks at each byte of a head once.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import type { FrameDecoder } from "./framing.ts";

const tab = 9;
const lineFeed = 10;
const carriageReturn = 13;
const space = 32;
const colon = 58;

/** Where in a head the decoder is. */
const State = { lineStart: 0, name: 1, value: 2, lineEnd: 3, headEnd: 4, body: 5 } as const;
type State = typeof State[keyof typeof State];

/** Bytes that a field's name may have (RFC 9110, section 5.6.2). */
const nameBytes = new Uint8Array(256);
for (const letter of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  nameBytes[letter.charCodeAt(0)] = 1;
}

/** See the module. */
export class ContentLengthDecoder implements FrameDecoder {
  messageStart = 0;
  messageEnd = 0;
  frameEnd = 0;
  needed = 1;
  readonly #maxBytes: number;
  readonly #maxHeadBytes: number;
  #state: State = State.lineStart;
  /** Bytes from the start of the frame that were looked at. */
  #seen = 0;
  /** Where the line at hand begins, and its value, from the start of the frame. */
  #lineAt = 0;
  #valueAt = 0;
  /** Bytes of the message; −1 as long as nothing was said. */
  #length = -1;

  constructor(maxBytes: number, maxHeadBytes: number) {
    this.#maxBytes = maxBytes;
    this.#maxHeadBytes = maxHeadBytes;
  }

  next(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#state !== State.body && !this.#readHead(bytes, start, end)) {
      // How long the head will be is not known: room for twice as much keeps the copying linear.
      this.needed = Math.min(2 * this.#seen, Math.max(this.#seen, this.#maxHeadBytes)) + 1;
      return false;
    }
    const messageStart = start + this.#seen;
    const messageEnd = messageStart + this.#length;
    if (messageEnd > end) {
      this.needed = messageEnd - start;
      return false;
    }
    this.messageStart = messageStart;
    this.messageEnd = messageEnd;
    this.frameEnd = messageEnd;
    this.#state = State.lineStart;
    this.#seen = 0;
    this.#length = -1;
    return true;
  }

  /** Reads on in the head; true where it is whole. */
  #readHead(bytes: Uint8Array, start: number, end: number): boolean {
    const limit = Math.min(end, start + this.#maxHeadBytes);
    let at = start + this.#seen;
    let state: State = this.#state;
    while (at < limit) {
      const byte = bytes[at++];
      switch (state) {
        case State.lineStart:
          this.#lineAt = at - 1 - start;
          state = byte === carriageReturn ? State.headEnd : State.name;
          if (state === State.name && nameBytes[byte] === 0) throw unexpected(byte, at - 1 - start);
          break;
        case State.name:
          if (byte === colon) {
            state = State.value;
            this.#valueAt = at - start;
          } else if (nameBytes[byte] === 0) throw unexpected(byte, at - 1 - start);
          break;
        case State.value:
          if (byte === carriageReturn) {
            this.#field(bytes, start, at - 1);
            state = State.lineEnd;
          } else if ((byte < space && byte !== tab) || byte === 127) throw unexpected(byte, at - 1 - start);
          break;
        default:
          if (byte !== lineFeed) throw unexpected(byte, at - 1 - start);
          if (state === State.lineEnd) {
            state = State.lineStart;
            break;
          }
          if (this.#length < 0) throw refused("it says no Content-Length");
          this.#state = State.body;
          this.#seen = at - start;
          return true;
      }
    }
    this.#state = state;
    this.#seen = at - start;
    if (this.#seen >= this.#maxHeadBytes) throw refused(`it is longer than the ${this.#maxHeadBytes} bytes allowed`);
    return false;
  }

  /** A line of the head is whole, up to `end`. */
  #field(bytes: Uint8Array, start: number, end: number): void {
    const name = ascii(bytes, start + this.#lineAt, start + this.#valueAt - 1).toLowerCase();
    if (name === "content-length") this.#contentLength(ascii(bytes, start + this.#valueAt, end).trim());
    else if (name === "content-type") checkCharset(ascii(bytes, start + this.#valueAt, end));
  }

  #contentLength(value: string): void {
    if (this.#length >= 0) throw refused("it says Content-Length twice");
    if (!/^[0-9]+$/.test(value)) throw refused(`its Content-Length is ${JSON.stringify(value.slice(0, 40))}`);
    const length = Number(value);
    if (length > this.#maxBytes) {
      const why = `Frame refused: its Content-Length says ${length} bytes, ${this.#maxBytes} are allowed`;
      throw new TransportError("message-too-large", why, { details: { length, maxBytes: this.#maxBytes } });
    }
    this.#length = length;
  }
}

/** Bytes of a head as text: each one is a letter. */
function ascii(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
}

function checkCharset(type: string): void {
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(type)?.[1];
  if (charset === undefined || /^utf-?8$/i.test(charset)) return;
  throw refused(`its Content-Type names the charset ${JSON.stringify(charset.slice(0, 40))}, only utf-8 is taken`);
}

function unexpected(byte: number, at: number): TransportError {
  return refused(`byte ${at} is 0x${byte.toString(16).padStart(2, "0")}, which no head has there`);
}

function refused(why: string): TransportError {
  return new TransportError("protocol", `Head of a frame refused: ${why}`);
}
