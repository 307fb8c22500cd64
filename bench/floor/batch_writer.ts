/**
 * Writes gathered per turn: many frames, few system calls, one at a time.
 *
 * @module
 */

/** Write all the bytes, however many calls it takes. */
export async function writeAll(
  conn: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  let written = await conn.write(bytes);
  while (written < bytes.length) {
    written += await conn.write(bytes.subarray(written));
  }
}

/** How a {@link BatchWriter} gathers. */
export interface BatchOptions {
  /** The first size of each of the two buffers, which grow on demand. */
  bufferBytes: number;
  /** Write this many frames at once instead of waiting for the turn to end. */
  earlyFrames: number;
  /** Told of a write that fails, after which nothing is written any more. Without it, it ends the program. */
  failed?: (error: unknown) => void;
}

/** Two buffers: frames are copied into one while the other is written. */
export class BatchWriter {
  /** The buffer being filled: read it again after each `reserve`. */
  buffer: Uint8Array;
  #spare: Uint8Array;
  #length = 0;
  #frames = 0;
  #scheduled = false;
  #writing = false;
  #earlyFrames: number;
  #conn: Deno.Conn;
  #failed: ((error: unknown) => void) | undefined;

  /** Write to the connection. */
  constructor(conn: Deno.Conn, options: BatchOptions) {
    this.#conn = conn;
    this.#earlyFrames = options.earlyFrames;
    this.#failed = options.failed;
    this.buffer = new Uint8Array(options.bufferBytes);
    this.#spare = new Uint8Array(options.bufferBytes);
  }

  /** Take the next bytes of `buffer` for one frame, to be filled at once. */
  reserve(size: number): number {
    if (this.#frames >= this.#earlyFrames && !this.#writing) this.#begin();
    const at = this.#length;
    this.#length = at + size;
    this.#frames++;
    if (this.#length > this.buffer.length) this.#grow(at);
    if (!this.#scheduled && !this.#writing) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        if (!this.#writing) this.#begin();
      });
    }
    return at;
  }

  #begin(): void {
    this.#writing = true;
    const draining = this.#drain();
    if (this.#failed !== undefined) draining.catch(this.#failed);
  }

  async #drain(): Promise<void> {
    while (this.#length > 0) {
      const full = this.buffer;
      const batch = full.subarray(0, this.#length);
      this.buffer = this.#spare;
      this.#spare = full;
      this.#length = 0;
      this.#frames = 0;
      await writeAll(this.#conn, batch);
    }
    this.#writing = false;
  }

  #grow(used: number): void {
    const grown = new Uint8Array(
      Math.max(this.buffer.length * 2, this.#length),
    );
    grown.set(this.buffer.subarray(0, used));
    this.buffer = grown;
  }
}
