/**
 * The last entries of a log.
 *
 * @module
 */

/** Keeps the last `size` entries. */
export class BoundedLog<Entry> {
  readonly #size: number;
  readonly #entries: Entry[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** What it keeps, the latest last. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** The latest entry. */
  get last(): Entry | undefined {
    return this.#entries.at(-1);
  }

  /** Adds an entry; the oldest makes room. */
  add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length > this.#size) this.#entries.shift();
  }
}
