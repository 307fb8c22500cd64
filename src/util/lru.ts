/**
 * A table that forgets what was not used for longest, bounded by entries and
 * by bytes.
 *
 * @module
 */

/** A member of the table and of its doubly linked list. */
export interface LruEntry {
  /** What it is found by. */
  readonly key: string;
  /** What it counts for. */
  readonly bytes: number;
  /** Used before it; the table's own. */
  older: LruEntry | undefined;
  /** Used after it; the table's own. */
  newer: LruEntry | undefined;
}

/** See the module. */
export class Lru<Entry extends LruEntry> {
  readonly #entries = new Map<string, Entry>();
  #maxEntries: number;
  #maxBytes: number;
  readonly #removed: (entry: Entry) => void;
  #newest: LruEntry | undefined = undefined;
  #oldest: LruEntry | undefined = undefined;
  /** What all entries count for. */
  bytes = 0;
  /** How many entries had to make room. */
  evictions = 0;

  /** `removed` hears of each entry that leaves, for whatever reason. */
  constructor(maxEntries: number, maxBytes: number, removed: (entry: Entry) => void = () => {}) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
    this.#removed = removed;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** All keys. */
  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** Finds an entry. This alone is no use of it. */
  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** An entry has been used: it will be forgotten last. */
  touch(entry: Entry): void {
    if (this.#newest === entry) return;
    this.#unlink(entry);
    this.#link(entry);
  }

  /** Adds an entry in the place of one of its key. One that alone is over the limits is not kept; says whether it was. */
  add(entry: Entry): boolean {
    this.delete(entry.key);
    if (entry.bytes > this.#maxBytes || this.#maxEntries < 1) return false;
    while (this.#entries.size >= this.#maxEntries || this.bytes + entry.bytes > this.#maxBytes) {
      this.evictions++;
      this.#remove(this.#oldest as Entry);
    }
    this.#entries.set(entry.key, entry);
    this.bytes += entry.bytes;
    this.#link(entry);
    return true;
  }

  /** Changes the limits: what is beyond them makes room. */
  setLimits(maxEntries: number, maxBytes: number): void {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
    while (this.#entries.size > maxEntries || this.bytes > maxBytes) {
      this.evictions++;
      this.#remove(this.#oldest as Entry);
    }
  }

  /** Takes an entry out; says whether there was one. */
  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(entry);
    return entry !== undefined;
  }

  /** Takes all entries out whose keys begin with `prefix`, looking at every key there is. */
  deletePrefix(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.delete(key);
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.bytes -= entry.bytes;
    this.#unlink(entry);
    this.#removed(entry);
  }

  #link(entry: LruEntry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: LruEntry): void {
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    entry.older = entry.newer = undefined;
  }
}
