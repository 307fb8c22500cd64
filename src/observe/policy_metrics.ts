/**
 * Metrics of what policies hold and refuse: caches and limits.
 *
 * @module
 */

import { type Metric, metric, type MetricSource } from "./metric.ts";
import type { MetricLabels } from "./metric_sources.ts";

/**
 * What a cache counts, as far as it is shown: a part of `CacheStats`.
 *
 * @example
 * ```ts
 * import type { CacheFigures, CacheStats } from "@wireway/wireway";
 * const shown = (stats: CacheStats): CacheFigures => stats;
 * ```
 */
export interface CacheFigures {
  /** Calls answered with a fresh reply. */
  readonly hits: number;
  /** Calls answered with a reply that was not fresh any more. */
  readonly stale: number;
  /** Calls for which nothing fit to give was held. */
  readonly misses: number;
  /** Calls made to the inner service. */
  readonly loads: number;
  /** Loads that failed. */
  readonly loadErrors: number;
  /** Replies that had to make room for others. */
  readonly evictions: number;
  /** Replies that are held now. */
  readonly entries: number;
  /** What they count for, in bytes. */
  readonly bytes: number;
}

/**
 * Metrics of a cache: calls by what it had for them, what it loaded, and what it
 * holds.
 *
 * @example
 * ```ts
 * import { cache, cacheMetrics } from "@wireway/wireway";
 * const names = cache<string, string>({ ttlMs: 60_000 });
 * const source = cacheMetrics(names, { cache: "names" });
 * ```
 */
export function cacheMetrics(cache: { readonly stats: CacheFigures }, labels: MetricLabels = {}): MetricSource {
  return () => {
    const { hits, stale, misses, loads, loadErrors, evictions, entries, bytes } = cache.stats;
    const results = { hit: hits, stale, miss: misses };
    return [
      {
        name: "wireway.cache.calls",
        kind: "counter",
        unit: "{call}",
        description: "Calls, by what the cache had for them.",
        series: Object.entries(results).map(([result, value]) => ({ labels: { ...labels, result }, value })),
      },
      metric("counter", "wireway.cache.loads", "{call}", "Calls made to fill the cache.", labels, loads),
      metric("counter", "wireway.cache.load_failures", "{call}", "Loads that failed.", labels, loadErrors),
      metric("counter", "wireway.cache.evictions", "{reply}", "Replies that made room for others.", labels, evictions),
      metric("gauge", "wireway.cache.replies", "{reply}", "Replies that are held.", labels, entries),
      metric("gauge", "wireway.cache.held", "By", "What the replies that are held count for.", labels, bytes),
    ];
  };
}

/**
 * What a limit tells of itself, as far as it is shown: a part of
 * `ConcurrencyLimitStats`, `BulkheadStats`, `RateLimitStats` and
 * `LoadShedStats`, which have some of it each.
 *
 * @example
 * ```ts
 * import type { ConcurrencyLimitStats, LimitFigures } from "@wireway/wireway";
 * const shown = (stats: ConcurrencyLimitStats): LimitFigures => stats;
 * ```
 */
export interface LimitFigures {
  /** Calls refused so far. */
  readonly rejected: number;
  /** Calls that may be in flight. */
  readonly limit?: number;
  /** Calls in flight. */
  readonly inFlight?: number;
  /** Calls that wait. */
  readonly waiting?: number;
  /** Keys that are known. */
  readonly keys?: number;
  /** Whether it refuses calls because the delay is too long. */
  readonly shedding?: boolean;
}

/**
 * Metrics of a limit: of `concurrencyLimit()`, `bulkhead()`, `rateLimit()` or
 * `loadShed()`. What one does not have, it has no metric of; nor has a limit
 * that is infinite.
 *
 * @example
 * ```ts
 * import { concurrencyLimit, limitMetrics, rateLimit } from "@wireway/wireway";
 * const [atOnce, often] = [concurrencyLimit({ max: 100 }), rateLimit({ windows: [{ calls: 10, perMs: 1000 }] })];
 * const sources = [limitMetrics(atOnce, { limiter: "at-once" }), limitMetrics(often, { limiter: "often" })];
 * ```
 */
export function limitMetrics(limiter: { stats(): LimitFigures }, labels: MetricLabels = {}): MetricSource {
  return () => {
    const { rejected, limit, inFlight, waiting, keys, shedding } = limiter.stats();
    const finite = limit === Infinity ? undefined : limit;
    const sheds = shedding === undefined ? undefined : Number(shedding);
    const now = (name: string, unit: string, what: string, value: number | undefined): Metric =>
      metric("gauge", `wireway.limiter.${name}`, unit, what, labels, value);
    const all = [
      metric("counter", "wireway.limiter.rejections", "{call}", "Calls refused.", labels, rejected),
      now("limit", "{call}", "Calls that may be in flight.", finite),
      now("active_calls", "{call}", "Calls in flight.", inFlight),
      now("waiting_calls", "{call}", "Calls that wait for their turn.", waiting),
      now("keys", "{key}", "Keys that are known.", keys),
      now("shedding", "", "1 while calls are refused because the delay is too long, 0 else.", sheds),
    ];
    return all.filter(({ series }) => series.length > 0);
  };
}
