/**
 * The levels of a cache: what this process holds, and a store behind it.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import type { CallContext } from "../../core/context.ts";
import { notify, type Observer } from "../../core/observer.ts";
import { Lru } from "../../util/lru.ts";
import { TagIndex } from "../../util/tag_index.ts";
import { CacheEntry } from "./cache_entry.ts";
import { cacheGeneration, type Invalidation, InvalidationLog } from "./cache_log.ts";
import type { CacheCodec, CacheStore } from "./cache_store.ts";

/** What the levels of a cache are made from. */
export interface CacheLevelsOptions<V> {
  readonly name: string;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly store: CacheStore | undefined;
  readonly storeTimeoutMs: number;
  readonly codec: CacheCodec<V>;
  readonly sizeOf: (value: V) => number;
  readonly clock: Clock;
  readonly wallClock: () => number;
  readonly observer: Observer | undefined;
}

/** How many replies may be on their way to the store; further ones stay in this process. */
const maxWrites = 1000;

/** See the module. */
export class CacheLevels<V> {
  /** What is invalidated, for loads that are under way. */
  readonly log = new InvalidationLog();
  /** What this process holds. */
  readonly held: Lru<CacheEntry<V>>;
  /** Replies that came from the store. */
  storeHits = 0;
  /** How often the store failed or was too slow, or a reply could not be kept. */
  failures = 0;
  readonly #tags = new TagIndex();
  readonly #writes = new Set<Promise<void>>();
  readonly #options: CacheLevelsOptions<V>;

  constructor(options: CacheLevelsOptions<V>) {
    this.#options = options;
    this.held = new Lru(options.maxEntries, options.maxBytes, ({ key, tags }) => {
      if (tags.length > 0) this.#tags.remove(key, tags);
    });
  }

  /** Whether there is a store. */
  get hasStore(): boolean {
    return this.#options.store !== undefined;
  }

  /** About how many bytes a value takes. */
  sizeOf(value: V): number {
    return this.#options.sizeOf(value);
  }

  /** The context of a load that is made now: nothing further in may join it to one from before an invalidation. */
  marked(context: CallContext): CallContext {
    const { generation } = this.log;
    return generation === 0 ? context : context.set(cacheGeneration, generation);
  }

  /** Keeps an entry in this process alone. */
  hold(entry: CacheEntry<V>): void {
    if (this.held.add(entry) && entry.tags.length > 0) this.#tags.add(entry.key, entry.tags);
  }

  /** Keeps an entry on both levels. */
  keep(entry: CacheEntry<V>): void {
    this.hold(entry);
    const { store, codec, wallClock, clock } = this.#options;
    if (store === undefined || this.#writes.size >= maxWrites) return;
    const { key, tags, freshUntil, staleUntil, errorUntil, storedAt } = entry;
    const write = this.#within(async () =>
      await store.set(key, {
        bytes: codec.encode(entry.value),
        storedAt: wallClock() - (clock.now() - storedAt),
        freshMs: freshUntil - storedAt,
        staleMs: staleUntil - freshUntil,
        errorMs: errorUntil - freshUntil,
        tags,
      })
    ).then(() => void this.#writes.delete(write));
    this.#writes.add(write);
  }

  /**
   * Looks for a reply in the store, and holds it if it may still be given in
   * whatever way. Never fails: what goes wrong is no entry.
   */
  async fetch(key: string, since: number): Promise<CacheEntry<V> | undefined> {
    const { store, codec, wallClock, clock, sizeOf } = this.#options;
    const entry = await this.#within(async () => {
      const found = await store!.get(key);
      if (found === undefined) return undefined;
      const { storedAt, tags } = found;
      if (this.log.touchedSince(since, key, tags) || this.log.touchedAfter(storedAt, key, tags)) return undefined;
      // Another process's clock may be ahead of this one's: nothing is younger than new.
      const ageMs = Math.max(0, wallClock() - storedAt);
      const value = codec.decode(found.bytes);
      return new CacheEntry(key, value, sizeOf(value), tags, clock.now() - ageMs, found);
    });
    if (entry === undefined) return undefined;
    const now = clock.now();
    if (now >= entry.freshUntil && now >= entry.staleUntil && now >= entry.errorUntil) return undefined;
    this.storeHits++;
    // While it was looked for something younger may have come.
    const held = this.held.get(key);
    if (held === undefined || held.freshUntil < entry.freshUntil) this.hold(entry);
    return entry;
  }

  /** Forgets what is meant, and keeps nothing of what is under way. Rejects where the store could not be told. */
  async invalidate(kind: Invalidation["kind"], value: string): Promise<void> {
    this.log.record({ kind, value, at: this.#options.wallClock() });
    if (kind === "key") this.held.delete(value);
    else if (kind === "prefix") this.held.deletePrefix(value);
    else for (const key of this.#tags.keysOf(value)) this.held.delete(key);
    const { store } = this.#options;
    if (store === undefined) return;
    // A reply that is on its way to the store must not come after.
    await Promise.all(this.#writes);
    if (kind === "key") await store.delete(value);
    else if (kind === "prefix") await store.deletePrefix(value);
    else await store.deleteTag(value);
  }

  /** What is to be kept next for a key is newer than what any load under way brings. */
  replaced(key: string): void {
    // The store compares times: it is not told of this one, or it would not give back what comes next.
    this.log.record({ kind: "key", value: key, at: -Infinity });
  }

  /** Something went wrong beside a call. */
  failed(error: unknown): void {
    this.failures++;
    const { observer, name } = this.#options;
    if (observer !== undefined) notify(observer, { type: "cache-failed", policy: name, error });
  }

  /** Waits for the store, not longer than it may take. */
  #within<T>(work: () => Promise<T>): Promise<T | undefined> {
    const { clock, storeTimeoutMs } = this.#options;
    return new Promise((resolve) => {
      const failed = (error: unknown): void => {
        timer.cancel();
        this.failed(error);
        resolve(undefined);
      };
      const timer = clock.schedule(
        () => failed(new Error(`Cannot use the store: it took longer than ${storeTimeoutMs} ms`)),
        storeTimeoutMs,
      );
      work().then((value) => {
        timer.cancel();
        resolve(value);
      }, failed);
    });
  }
}
