/**
 * memoryStore(): a second level in this process.
 *
 * @module
 */

import { integer, readOptions } from "../../core/options.ts";
import { Lru, type LruEntry } from "../../util/lru.ts";
import { TagIndex } from "../../util/tag_index.ts";
import type { CacheStore, StoredReply } from "./cache_store.ts";

/**
 * Options of {@linkcode memoryStore}.
 *
 * @example
 * ```ts
 * import { memoryStore, type MemoryStoreOptions } from "@wireway/wireway";
 * const options: MemoryStoreOptions = { maxEntries: 1000 };
 * memoryStore(options);
 * ```
 */
export interface MemoryStoreOptions {
  /** How many replies are kept; past it the one that was not used for longest goes. @default {10_000} */
  maxEntries?: number;
  /** How many bytes they may have, keys included. @default {67_108_864} */
  maxBytes?: number;
}

class StoreEntry implements LruEntry {
  readonly key: string;
  readonly reply: StoredReply;
  readonly bytes: number;
  older: LruEntry | undefined = undefined;
  newer: LruEntry | undefined = undefined;

  constructor(key: string, reply: StoredReply) {
    this.key = key;
    this.reply = reply;
    this.bytes = reply.bytes.byteLength + 2 * key.length;
  }
}

/**
 * Keeps encoded replies in this process: what several caches share, and what
 * tests stand in for a database with.
 *
 * Errors: `invalid-option`.
 *
 * @example Two caches with one store
 * ```ts
 * import { cache, memoryStore } from "@wireway/wireway";
 * const store = memoryStore({ maxBytes: 10_000_000 });
 * const first = cache<string, string>({ ttlMs: 1000, store });
 * const second = cache<string, string>({ ttlMs: 1000, store });
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): CacheStore {
  const { maxEntries, maxBytes } = readOptions("memoryStore()", options, {
    maxEntries: integer(10_000, 1, 2 ** 24),
    maxBytes: integer(67_108_864, 0, Number.MAX_SAFE_INTEGER),
  });
  const tags = new TagIndex();
  const entries = new Lru<StoreEntry>(maxEntries, maxBytes, ({ key, reply }) => tags.remove(key, reply.tags));
  const done = Promise.resolve();
  return {
    get(key: string): Promise<StoredReply | undefined> {
      const entry = entries.get(key);
      if (entry !== undefined) entries.touch(entry);
      return Promise.resolve(entry?.reply);
    },
    set(key: string, reply: StoredReply): Promise<void> {
      if (entries.add(new StoreEntry(key, reply))) tags.add(key, reply.tags);
      return done;
    },
    delete(key: string): Promise<void> {
      entries.delete(key);
      return done;
    },
    deleteTag(tag: string): Promise<void> {
      for (const key of tags.keysOf(tag)) entries.delete(key);
      return done;
    },
    deletePrefix(prefix: string): Promise<void> {
      entries.deletePrefix(prefix);
      return done;
    },
  };
}
