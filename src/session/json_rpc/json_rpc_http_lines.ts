/**
 * Reads a body line by line, no further than it is asked to.
 *
 * @module
 */

const lineFeed = 10;
const carriageReturn = 13;
const nothing = new Uint8Array(0);

/** A line that has more bytes than are allowed. */
export class LineTooLong extends Error {
  /** How many have come. */
  readonly bytes: number;

  constructor(bytes: number) {
    super(`a line of ${bytes} bytes`);
    this.bytes = bytes;
  }
}

/** See the module. One line is asked for at a time. */
export class LineReader {
  /** Whether the body has no more: the last line may have been cut off. */
  ended = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #maxBytes: number;
  /** What came last, and how far it was read. */
  #chunk: Uint8Array = nothing;
  #at = 0;
  /** The beginning of a line of which the rest did not come with it. */
  #begun: Uint8Array = nothing;
  #begunBytes = 0;

  constructor(body: ReadableStream<Uint8Array> | null, maxBytes: number) {
    this.#reader = body?.getReader();
    this.#maxBytes = maxBytes;
    this.ended = body === null;
  }

  /**
   * The next line that is not blank, without its end; undefined where there is
   * none. Rejects with {@linkcode LineTooLong}.
   */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const line = this.#take();
      if (line !== undefined) {
        if (line.length > 0) return line;
        continue;
      }
      if (this.ended) return undefined;
      const { done, value } = await this.#reader!.read();
      this.#chunk = done ? nothing : value;
      this.#at = 0;
      if (done) this.ended = true;
    }
  }

  /** No line is to come: looks for the end of the body, and gives up one that goes on. */
  finish(): void {
    if (this.ended) return;
    if (this.#at < this.#chunk.length && this.#chunk.subarray(this.#at).some((byte) => byte > 32)) return this.cancel();
    this.#reader!.read().then(({ done }) => done ? undefined : this.#reader!.cancel()).catch(() => {});
  }

  /** Nobody reads any more. Ends a read that is under way. */
  cancel(): void {
    this.#chunk = this.#begun = nothing;
    this.#at = this.#begunBytes = 0;
    this.#reader?.cancel().catch(() => {});
  }

  /** The next line of what has come; undefined where it is not whole. */
  #take(): Uint8Array | undefined {
    const chunk = this.#chunk;
    const found = chunk.indexOf(lineFeed, this.#at);
    const rest = chunk.subarray(this.#at, found < 0 ? undefined : found);
    this.#at = found < 0 ? chunk.length : found + 1;
    if (found < 0 && !this.ended) return this.#keep(rest);
    if (found < 0 && this.#begunBytes === 0) return undefined;
    if (this.#begunBytes === 0) return trimmed(this.#check(rest));
    this.#keep(rest);
    const line = this.#begun.subarray(0, this.#begunBytes);
    this.#begun = nothing;
    this.#begunBytes = 0;
    return trimmed(line);
  }

  /** Puts a piece of a line behind those that are there already. */
  #keep(piece: Uint8Array): undefined {
    const bytes = this.#begunBytes + piece.length;
    if (bytes > this.#maxBytes) throw new LineTooLong(bytes);
    if (bytes > this.#begun.length) {
      const larger = new Uint8Array(Math.max(bytes, Math.min(2 * bytes, this.#maxBytes)));
      larger.set(this.#begun.subarray(0, this.#begunBytes));
      this.#begun = larger;
    }
    this.#begun.set(piece, this.#begunBytes);
    this.#begunBytes = bytes;
  }

  #check(line: Uint8Array): Uint8Array {
    if (line.length > this.#maxBytes) throw new LineTooLong(line.length);
    return line;
  }
}

function trimmed(line: Uint8Array): Uint8Array {
  return line[line.length - 1] === carriageReturn ? line.subarray(0, -1) : line;
}
