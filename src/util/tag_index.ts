/**
 * Which keys have which tag.
 *
 * @module
 */

/** See the module. */
export class TagIndex {
  readonly #keys = new Map<string, Set<string>>();

  /** How many tags are in use. */
  get size(): number {
    return this.#keys.size;
  }

  /** A key with these tags has come. */
  add(key: string, tags: readonly string[]): void {
    for (const tag of tags) {
      const keys = this.#keys.get(tag);
      if (keys === undefined) this.#keys.set(tag, new Set([key]));
      else keys.add(key);
    }
  }

  /** A key with these tags has gone. */
  remove(key: string, tags: readonly string[]): void {
    for (const tag of tags) {
      const keys = this.#keys.get(tag);
      if (keys?.delete(key) && keys.size === 0) this.#keys.delete(tag);
    }
  }

  /** The keys with a tag, as a list of their own. */
  keysOf(tag: string): string[] {
    return Array.from(this.#keys.get(tag) ?? []);
  }
}
