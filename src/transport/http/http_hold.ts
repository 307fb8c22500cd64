/**
 * Whether a connection keeps the process alive.
 *
 * @module
 */

import type { ByteStream } from "../stream/byte_stream.ts";

/** See the module. Its reads do, at first. */
export class ProcessHold {
  readonly #stream: ByteStream;
  #holds = true;

  /** Of a connection on `stream`. */
  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Something is under way. */
  take(): void {
    if (!this.#holds) this.#stream.ref?.();
    this.#holds = true;
  }

  /** Nothing is. */
  give(): void {
    if (this.#holds) this.#stream.unref?.();
    this.#holds = false;
  }
}
