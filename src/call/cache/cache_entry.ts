/**
 * One reply in a cache.
 *
 * @module
 */

import type { LruEntry } from "../../util/lru.ts";

/** How long a reply may be given, from when it was stored. All in milliseconds. */
export interface Lifetime {
  /** How long it is fresh. */
  readonly freshMs: number;
  /** How long after that it may be given while a new one is fetched. */
  readonly staleMs: number;
  /** How long after it was fresh it may be given where a new one can't be had. */
  readonly errorMs: number;
}

/** What an entry counts for beside its key and its reply: the objects that hold it. */
const entryBytes = 200;

/** See the module. */
export class CacheEntry<V> implements LruEntry {
  readonly key: string;
  readonly value: V;
  readonly bytes: number;
  readonly tags: readonly string[];
  /** When it was stored, on the cache's clock. */
  readonly storedAt: number;
  readonly freshUntil: number;
  readonly staleUntil: number;
  readonly errorUntil: number;
  /** The error, where it is one that is kept. */
  readonly failure: { readonly error: unknown } | undefined;
  /** What all hits are given: a promise that has been resolved already. */
  readonly promise: Promise<V>;
  older: LruEntry | undefined = undefined;
  newer: LruEntry | undefined = undefined;

  constructor(
    key: string,
    value: V,
    valueBytes: number,
    tags: readonly string[],
    storedAt: number,
    { freshMs, staleMs, errorMs }: Lifetime,
    failure?: { readonly error: unknown },
  ) {
    this.key = key;
    this.value = value;
    this.bytes = valueBytes + 2 * key.length + tags.reduce((sum, tag) => sum + 2 * tag.length, entryBytes);
    this.tags = tags;
    this.storedAt = storedAt;
    this.freshUntil = storedAt + freshMs;
    this.staleUntil = this.freshUntil + staleMs;
    this.errorUntil = this.freshUntil + errorMs;
    this.failure = failure;
    this.promise = Promise.resolve(value);
  }
}
