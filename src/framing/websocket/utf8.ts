/**
 * UTF-8 that is checked as it arrives, and decoded once it is whole.
 *
 * @module
 */

import { wordsOf } from "./websocket_words.ts";

/** The top bits of four bytes: none is set where all are ASCII. */
const highBits = 0x8080_8080;

/** After so many bytes that were no ASCII text, whole words are tried again. */
const retryBytes = 128;

/**
 * Checks text in pieces. Says no at the first byte that can't be part of valid
 * UTF-8, also in the middle of a character: overlong forms, surrogates and what
 * lies beyond U+10FFFF are refused at their second byte, as the Encoding
 * standard has it.
 */
export class Utf8Validator {
  /** How many bytes of a character are still to come. */
  #missing = 0;
  /** The range in which its next byte must be. */
  #lowest = 0x80;
  #highest = 0xbf;

  /** Whether the text so far ends with a whole character. */
  get complete(): boolean {
    return this.#missing === 0;
  }

  /** Begins a new text. */
  reset(): void {
    this.#missing = 0;
    this.#lowest = 0x80;
    this.#highest = 0xbf;
  }

  /** Takes the next piece, `bytes[start..end)`. Returns false where it is not valid; the validator must be reset then. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    while (at < end && this.#missing > 0) if (!this.#take(bytes[at++])) return false;
    at = endOfWhole(bytes, at, end);
    if (at < 0) return false;
    while (at < end) if (!this.#take(bytes[at++])) return false;
    return true;
  }

  #take(byte: number): boolean {
    if (this.#missing > 0) {
      if (byte < this.#lowest || byte > this.#highest) return false;
      this.#lowest = 0x80;
      this.#highest = 0xbf;
      this.#missing--;
    } else if (byte >= 0x80) {
      if (byte < 0xc2 || byte > 0xf4) return false;
      this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      if (byte === 0xe0) this.#lowest = 0xa0;
      else if (byte === 0xed) this.#highest = 0x9f;
      else if (byte === 0xf0) this.#lowest = 0x90;
      else if (byte === 0xf4) this.#highest = 0x8f;
    }
    return true;
  }
}

/** A byte with its first two bits alone, and what they are in every byte of a character after its first. */
const topBits = 0xc0;
const following = 0x80;

/**
 * Goes from character to character, which is three times as fast as from byte to
 * byte, up to where a character might not be whole. Returns where that is, or -1
 * where something is not valid.
 */
function endOfWhole(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let tryAt = start;
  while (at + 4 <= end) {
    const first = bytes[at];
    if (first < 0x80) {
      if (at < tryAt) {
        at++;
      } else {
        at = endOfAscii(bytes, at, end);
        tryAt = at + retryBytes;
      }
      continue;
    }
    const second = bytes[at + 1];
    if (first < 0xc2 || (second & topBits) !== following) return -1;
    if (first < 0xe0) {
      at += 2;
      continue;
    }
    if ((bytes[at + 2] & topBits) !== following) return -1;
    if (first < 0xf0) {
      if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return -1;
      at += 3;
      continue;
    }
    if ((bytes[at + 3] & topBits) !== following || first > 0xf4) return -1;
    if ((first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return -1;
    at += 4;
  }
  return at;
}

/** Goes on from an ASCII byte as long as whole words are ASCII. Returns where it stopped, `start + 1` at least. */
function endOfAscii(bytes: Uint8Array, start: number, end: number): number {
  const base = bytes.byteOffset;
  let at = start + 1;
  for (; ((base + at) & 3) !== 0 && at < end; at++) if (bytes[at] >= 0x80) return at;
  if (end - at < 4) return at;
  const words = wordsOf(bytes.buffer);
  const lastWord = (base + end) >>> 2;
  let i = (base + at) >>> 2;
  for (; i + 4 <= lastWord; i += 4) {
    if (((words[i] | words[i + 1] | words[i + 2] | words[i + 3]) & highBits) !== 0) break;
  }
  for (; i < lastWord && (words[i] & highBits) === 0;) i++;
  return (i << 2) - base;
}

/** Whether `bytes[start..end)` is valid UTF-8 from its first character to its last. */
export function isUtf8(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
  const validator = new Utf8Validator();
  return validator.push(bytes, start, end) && validator.complete;
}

/** A byte order mark is part of the text. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Up to this many characters, putting a string together beats calling the platform's decoder. */
const maxShortBytes = 16;

const fromCharCode = String.fromCharCode;

/** The text in `bytes[start..end)`, which is known to be valid. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  return (end - start <= maxShortBytes ? shortAscii(bytes, start, end) : undefined) ??
    decoder.decode(bytes.subarray(start, end));
}

/**
 * The text in `bytes[start..end)`, or undefined where it is not valid UTF-8. The
 * platform's strict decoder costs six times its lenient one, and a check of our
 * own twice as much; so text is decoded leniently and only looked at again
 * where the result has the character that stands for a mistake.
 */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  const text = decodeUtf8(bytes, start, end);
  return text.includes("\uFFFD") && !isUtf8(bytes, start, end) ? undefined : text;
}

function shortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const a = bytes[at];
    const b = bytes[at + 1];
    const c = bytes[at + 2];
    const d = bytes[at + 3];
    const e = bytes[at + 4];
    const f = bytes[at + 5];
    const g = bytes[at + 6];
    const h = bytes[at + 7];
    if ((a | b | c | d | e | f | g | h) >= 0x80) return undefined;
    text += fromCharCode(a, b, c, d, e, f, g, h);
  }
  for (; at < end; at++) {
    if (bytes[at] >= 0x80) return undefined;
    text += fromCharCode(bytes[at]);
  }
  return text;
}
