/**
 * Puts the pieces of a message together.
 *
 * @module
 */

import { tooLarge } from "./websocket_frames.ts";

/** What a message of several pieces begins with. */
const initialBytes = 256;

/**
 * The bytes of one message so far. Memory follows what has arrived: at most
 * twice that, and never more than the limit.
 */
export class Assembly {
  /** How many bytes there are. */
  length = 0;
  readonly #maxBytes: number;
  #bytes: Uint8Array | undefined = undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes in a copy of `bytes[start..end)`. Throws past the limit. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.#maxBytes) throw tooLarge(length, this.#maxBytes);
    if (this.#bytes === undefined || length > this.#bytes.length) this.#grow(length);
    this.#bytes!.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.length);
    this.length = length;
  }

  /** Hands out the message and begins a new one. */
  take(): Uint8Array {
    const bytes = this.#bytes;
    const length = this.length;
    this.#bytes = undefined;
    this.length = 0;
    if (bytes === undefined) return new Uint8Array(0);
    return bytes.subarray(0, length);
  }

  #grow(length: number): void {
    const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(initialBytes, 2 * length)));
    if (this.#bytes !== undefined) grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }
}
