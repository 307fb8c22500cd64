/**
 * The header blocks of one connection as they come in: put together, read, and
 * made into what they are.
 *
 * @module
 */

import type { HttpFields } from "../http1/http1_fields.ts";
import { HpackDecoder } from "./hpack_decoder.ts";
import { HeaderList } from "./hpack_fields.ts";
import { errorCode } from "./http2_codes.ts";
import { http2Error } from "./http2_errors.ts";
import { type Http2ResponseHead, readResponseHead, readTrailers } from "./http2_fields.ts";

/** How many frames a block may come in: each costs its reader more than its writer. */
const maxFrames = 32;

/** Blocks of up to this many bytes are remembered. */
const maxRememberedBytes = 512;

/** Limits of a header block. */
export interface HeaderLimits {
  /** What its fields may count for, and the most bytes that it may come in. */
  readonly maxBytes: number;
  /** How many fields it may have. */
  readonly maxFields: number;
}

/** Puts a block together out of its frames. */
export class HeaderBlock {
  readonly #maxBytes: number;
  #bytes = new Uint8Array(0);
  #length = 0;
  #frames = 0;

  /** A block of at most so many bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The block. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begins a block. */
  begin(): void {
    this.#length = this.#frames = 0;
  }

  /** Adds what a frame has of it. Throws `protocol`, for the connection, past the limits. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#maxBytes) throw tooMuch(`a header block of more than ${this.#maxBytes} bytes`);
    if (++this.#frames > maxFrames) throw tooMuch(`a header block in more than ${maxFrames} frames`);
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.#maxBytes, length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes.subarray(start, end), this.#length);
    this.#length = length;
  }

  /** Lets go of its memory. */
  end(): void {
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
  }
}

/**
 * Reads the header blocks of responses. Each block must be read, in order, even
 * where nobody wants what is in it. What is wrong with a message is returned as
 * a text: that is its stream's affair. What is wrong with a block is thrown.
 */
export class ResponseBlocks {
  readonly #decoder: HpackDecoder;
  readonly #limits: HeaderLimits;
  /** Responses of a server are much alike: the same block, and the same table, mean the same head. */
  #block = new Uint8Array(0);
  #head: Http2ResponseHead | string = "";
  #version = -1;

  /** Reads with a table of so many bytes. */
  constructor(limits: HeaderLimits, maxTableBytes?: number) {
    this.#limits = limits;
    this.#decoder = new HpackDecoder(maxTableBytes);
  }

  /** Reads a head. Throws `protocol`, for the connection. */
  head(bytes: Uint8Array, start: number, end: number): Http2ResponseHead | string {
    const decoder = this.#decoder;
    const { version } = decoder;
    if (version === this.#version && isSame(this.#block, bytes, start, end)) return this.#head;
    const head = readResponseHead(this.#read(bytes, start, end));
    if (decoder.version === version && end - start <= maxRememberedBytes) {
      this.#version = version;
      this.#head = head;
      this.#block = bytes.slice(start, end);
    }
    return head;
  }

  /** Reads a trailer section. Throws `protocol`, for the connection. */
  trailers(bytes: Uint8Array, start: number, end: number): HttpFields | string {
    return readTrailers(this.#read(bytes, start, end));
  }

  /** Reads a block that nobody wants. Throws `protocol`, for the connection. */
  skip(bytes: Uint8Array, start: number, end: number): void {
    this.#decoder.read(bytes, start, end, new HeaderList(0, 0));
  }

  #read(bytes: Uint8Array, start: number, end: number): HeaderList {
    const list = new HeaderList(this.#limits.maxBytes, this.#limits.maxFields);
    this.#decoder.read(bytes, start, end, list);
    return list;
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}

function tooMuch(why: string): Error {
  return http2Error(errorCode.enhanceYourCalm, why);
}
