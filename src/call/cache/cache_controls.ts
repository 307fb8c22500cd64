/**
 * What can be done to any cache.
 *
 * @module
 */

import { counted, current, type Figures } from "../../core/figures.ts";
import type { CacheLevels } from "./cache_levels.ts";
import type { CacheControls, CacheStats } from "./cache_options.ts";

/** What a cache counts itself. */
export interface CacheCounts {
  hits: number;
  stale: number;
  misses: number;
  joined: number;
  loads: number;
  loadErrors: number;
}

/** Counts that start at 0. */
export function emptyCounts(): CacheCounts {
  return { hits: 0, stale: 0, misses: 0, joined: 0, loads: 0, loadErrors: 0 };
}

/** The live figures of a cache, as its stage in a chain shows them. */
export function cacheFigures(cache: { readonly stats: CacheStats }): Figures {
  return () => {
    const { hits, stale, misses, loadErrors, evictions, entries, bytes } = cache.stats;
    return [
      counted("hits", hits),
      counted("misses", misses),
      counted("stale", stale),
      counted("load errors", loadErrors),
      counted("evictions", evictions),
      current("entries", entries),
      current("held", bytes, "By"),
    ];
  };
}

/** The controls of a cache, as properties to be put onto its middleware. */
export function cacheControls<V>(
  levels: CacheLevels<V>,
  counts: () => CacheCounts,
): { readonly [Name in keyof CacheControls]: PropertyDescriptor } {
  const { held } = levels;
  const stats = (): CacheStats => ({
    ...counts(),
    evictions: held.evictions,
    storeHits: levels.storeHits,
    failures: levels.failures,
    entries: held.size,
    bytes: held.bytes,
  });
  return {
    stats: { get: stats },
    invalidate: { value: (key: string) => levels.invalidate("key", key) },
    invalidateTag: { value: (tag: string) => levels.invalidate("tag", tag) },
    invalidatePrefix: { value: (prefix: string) => levels.invalidate("prefix", prefix) },
    clear: { value: () => levels.invalidate("prefix", "") },
  };
}
