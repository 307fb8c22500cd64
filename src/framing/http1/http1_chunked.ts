/**
 * Reads chunked bodies (RFC 9112 section 7.1) as they arrive. Strict where
 * lenient readers have been tricked: sizes are digits and nothing else, lines
 * end with CRLF and nothing less, extensions are bounded.
 *
 * @module
 */

import type { BodyDecoder } from "./http1_body.ts";
import { carriageReturn, hexDigits, lineFeed, textBytes, textOfBytes } from "./http1_bytes.ts";
import { bodyTooLarge, bodyTruncated, type Http1Side, nameOf, refusal } from "./http1_errors.ts";
import { FieldLines } from "./http1_field_lines.ts";
import { mayTrail } from "./http1_field_names.ts";
import type { HttpFields } from "./http1_fields.ts";
import type { Http1Limits } from "./http1_limits.ts";

/** What is expected next. */
const State = { Size: 0, Extension: 1, HeadEnd: 2, Data: 3, DataEnd: 4, DataEndLine: 5, Trailers: 6 } as const;
type State = typeof State[keyof typeof State];

const semicolon = 0x3b;

/** The most digits of a chunk size, leading zeros included: what the largest number that can be counted has. */
const maxSizeDigits = 14;

/** The decoder of one chunked body. */
export class ChunkedDecoder implements BodyDecoder {
  pieceStart = 0;
  pieceEnd = 0;
  restStart = 0;
  needed = 1;
  complete = false;
  bodyBytes = 0;
  trailers: HttpFields | undefined = undefined;
  readonly #side: Http1Side;
  readonly #limits: Http1Limits;
  #state: State = State.Size;
  /** The size of the chunk as far as it was read, then what is left of its data. */
  #size = 0;
  #digits = 0;
  /** The bytes that extensions have had beyond those of the chunks. */
  #extensionBytes = 0;
  /** The bytes of the body before the window, with all that marks it off: to say where something is wrong. */
  #before = 0;
  #trailerLines: FieldLines | undefined = undefined;

  constructor(side: Http1Side, limits: Http1Limits) {
    this.#side = side;
    this.#limits = limits;
  }

  next(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    while (at < end && !this.complete) {
      switch (this.#state) {
        case State.Data: {
          const pieceEnd = end - at >= this.#size ? at + this.#size : end;
          this.#size -= pieceEnd - at;
          if (this.#size === 0) this.#state = State.DataEnd;
          this.bodyBytes += pieceEnd - at;
          this.pieceStart = at;
          this.pieceEnd = pieceEnd;
          return this.#took(start, pieceEnd, true);
        }
        case State.Trailers: {
          const sectionEnd = this.#readTrailers(bytes, at, end);
          if (sectionEnd < 0) return this.#took(start, at, false);
          at = sectionEnd;
          break;
        }
        default:
          at = this.#readMarks(bytes, start, at, end);
      }
    }
    return this.#took(start, at, false);
  }

  end(): void {
    if (!this.complete) throw bodyTruncated(this.#side, `${this.bodyBytes} bytes, before its last chunk`);
  }

  #took(start: number, restStart: number, found: boolean): boolean {
    this.#before += restStart - start;
    this.restStart = restStart;
    return found;
  }

  /** Reads what stands between the data of two chunks. Returns where it stopped: at data, at trailers or at the end. */
  #readMarks(bytes: Uint8Array, start: number, from: number, end: number): number {
    let at = from;
    while (at < end) {
      const byte = bytes[at];
      switch (this.#state) {
        case State.Size: {
          const digit = hexDigits[byte];
          if (digit !== 0) this.#digit(digit - 1, at - start);
          else if (this.#digits === 0) throw this.#refused(`${nameOf(byte)} instead of a chunk size`, at - start);
          else if (byte === carriageReturn) this.#state = State.HeadEnd;
          else if (byte === semicolon) this.#state = State.Extension;
          else throw this.#refused(`${nameOf(byte)} in a chunk size`, at - start);
          break;
        }
        case State.Extension:
          if (byte === carriageReturn) this.#state = State.HeadEnd;
          else if (textBytes[byte] === 0) throw this.#refused(`${nameOf(byte)} in a chunk extension`, at - start);
          else if (++this.#extensionBytes > this.#limits.maxExtensionBytes) {
            const allowed = this.#limits.maxExtensionBytes;
            throw this.#refused(`chunk extensions of more than ${allowed} bytes beyond the data`, at - start);
          }
          break;
        case State.HeadEnd:
          if (byte !== lineFeed) throw this.#refused(nameOf(carriageReturn), at - 1 - start);
          this.#beginChunk();
          return at + 1;
        case State.DataEnd:
          if (byte !== carriageReturn) throw this.#refused(`${nameOf(byte)} behind the data of a chunk`, at - start);
          this.#state = State.DataEndLine;
          break;
        case State.DataEndLine:
          if (byte !== lineFeed) throw this.#refused(nameOf(carriageReturn), at - 1 - start);
          this.#state = State.Size;
          this.#digits = 0;
          break;
      }
      at++;
    }
    return at;
  }

  #digit(digit: number, at: number): void {
    this.#size = this.#size * 16 + digit;
    if (++this.#digits > maxSizeDigits || this.#size > Number.MAX_SAFE_INTEGER) {
      throw this.#refused("a chunk size too large to count", at);
    }
    // Before the rest of the size has come: it can only grow.
    if (this.bodyBytes + this.#size > this.#limits.maxBodyBytes) {
      throw bodyTooLarge(this.#side, this.#limits.maxBodyBytes);
    }
  }

  #beginChunk(): void {
    this.#extensionBytes = Math.max(0, this.#extensionBytes - this.#size);
    this.#state = this.#size === 0 ? State.Trailers : State.Data;
  }

  #readTrailers(bytes: Uint8Array, at: number, end: number): number {
    // Hardly any body has trailers: most are over here.
    if (
      this.#trailerLines === undefined && end - at >= 2 && bytes[at] === carriageReturn && bytes[at + 1] === lineFeed
    ) {
      this.complete = true;
      return at + 2;
    }
    const lines = this.#trailerLines ??= new FieldLines(this.#side, "trailers", this.#limits.maxFields);
    const limit = Math.min(end, at + this.#limits.maxHeadBytes);
    const sectionEnd = lines.read(bytes, at, limit);
    if (sectionEnd >= 0) {
      const trailers = lines.take(textOfBytes(bytes, at, sectionEnd, lines.ascii), mayTrail);
      if (trailers.size > 0) this.trailers = trailers;
      this.complete = true;
      this.needed = 1;
      return sectionEnd;
    }
    const length = limit - at;
    if (length >= this.#limits.maxHeadBytes) {
      throw refusal(this.#side, "trailers", 431, `more than ${this.#limits.maxHeadBytes} bytes`);
    }
    this.needed = Math.min(2 * length, this.#limits.maxHeadBytes) + 1;
    return -1;
  }

  #refused(why: string, at: number): Error {
    return refusal(this.#side, "body", 400, why, this.#before + at);
  }
}
