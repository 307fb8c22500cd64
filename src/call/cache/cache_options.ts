/**
 * What a cache can be given, and what it tells.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import type { CallContext } from "../../core/context.ts";
import type { Observer } from "../../core/observer.ts";
import { duration, given, integer, label } from "../../core/options.ts";
import type { Outcome } from "../../core/outcome.ts";
import type { Service } from "../../core/service.ts";
import type { CacheCodec, CacheStore } from "./cache_store.ts";
import type { KeyOf } from "./request_key.ts";

/**
 * Which errors are remembered, and for how long.
 *
 * @example A handler's own errors, not those of the network
 * ```ts
 * import { cache, type NegativeCaching, TransportError } from "@wireway/wireway";
 * const negative: NegativeCaching = {
 *   ttlMs: 1000,
 *   when: (error) => error instanceof TransportError && error.code === "remote",
 * };
 * cache({ ttlMs: 60_000, negative });
 * ```
 */
export interface NegativeCaching {
  /** How long, in milliseconds. Keep it short. */
  ttlMs: number;
  /** Which ones. A cancelled call is never remembered. */
  when(error: unknown, outcome: Outcome): boolean;
}

/**
 * What a cache has for memory and a store behind it.
 *
 * @example
 * ```ts
 * import { cache, type CacheLimits, memoryStore } from "@wireway/wireway";
 * const limits: CacheLimits = { maxEntries: 1000, maxBytes: 1_000_000, store: memoryStore() };
 * cache({ ttlMs: 1000, ...limits });
 * ```
 */
export interface CacheLimits {
  /** How many replies are held; past it the one that was not used for longest goes. @default {10_000} */
  maxEntries?: number;
  /** How many bytes they may have, keys included; a reply that is larger alone is not held. @default {67_108_864} */
  maxBytes?: number;
  /** A second level, shared with other processes or outliving this one. What goes wrong in it breaks no call. */
  store?: CacheStore;
  /** How long the store may take, in milliseconds, before a call goes on without it. @default {250} */
  storeTimeoutMs?: number;
  /** How long a refresh that nobody waits for may take, in milliseconds. @default {30_000} */
  refreshTimeoutMs?: number;
  /** How many refreshes may run that nobody waits for; past it stale replies are given without one. @default {64} */
  maxRefreshes?: number;
  /** Measures lifetimes and deadlines. @default {systemClock} */
  clock?: Clock;
  /** The time in milliseconds since 1970, for what other processes and peers read. @default {Date.now} */
  wallClock?: () => number;
  /** Hears `call-answered`, from `cache` or `stale`, and `cache-failed`. */
  observer?: Observer;
  /** What events call this policy. @default {the name of the function} */
  name?: string;
}

/**
 * Options of {@linkcode cache}.
 *
 * @example
 * ```ts
 * import { cache, type CacheOptions } from "@wireway/wireway";
 * const options: CacheOptions<string, string> = { ttlMs: 60_000, staleWhileRevalidateMs: 10_000 };
 * cache(options);
 * ```
 */
export interface CacheOptions<Req, Res> extends CacheLimits {
  /** How long a reply is fresh, in milliseconds; a function says it for each, and 0 for one that is not to be kept. */
  ttlMs: number | ((reply: Res, request: Req) => number);
  /** What calls are the same in; `undefined` for one that goes past the cache. @default {text and bytes: themselves} */
  key?: KeyOf<Req>;
  /** How long after that a reply is given at once while a new one is fetched, in milliseconds. @default {0} */
  staleWhileRevalidateMs?: number;
  /** How long after it was fresh a reply is given where a new one can't be had, in milliseconds. @default {0} */
  staleIfErrorMs?: number;
  /**
   * Which errors a stale reply stands in for.
   *
   * @default {outcomes `failure`, `overload` and `rejected`; not `invalid-request`, `invalid-option`, `unsupported`}
   */
  staleIf?: (error: unknown) => boolean;
  /** Remembers errors. @default {none are} */
  negative?: NegativeCaching;
  /** What a reply can be invalidated by, beside its key. @default {nothing} */
  tags?: (reply: Res, request: Req) => readonly string[];
  /** How many bytes a reply counts for. @default {text: two a character; bytes: their length; else a guess from all fields} */
  sizeOf?: (reply: Res) => number;
  /** How replies become bytes for the store. @default {text and bytes as they are; others need one} */
  codec?: CacheCodec<Res>;
}

/**
 * How a cache has fared.
 *
 * @example
 * ```ts
 * import type { CacheStats } from "@wireway/wireway";
 * const share = ({ hits, misses }: CacheStats): number => hits / Math.max(1, hits + misses);
 * ```
 */
export interface CacheStats {
  /** Calls answered with a fresh reply, or with a remembered error. */
  readonly hits: number;
  /** Calls answered with a reply that was not fresh any more. */
  readonly stale: number;
  /** Calls for which nothing fit to give was held. */
  readonly misses: number;
  /** Calls that joined a load which was under way. */
  readonly joined: number;
  /** Calls made to the inner service, refreshes included. */
  readonly loads: number;
  /** Loads that failed. */
  readonly loadErrors: number;
  /** Replies that had to make room for others. */
  readonly evictions: number;
  /** Replies that the store had. */
  readonly storeHits: number;
  /** How often the store, a codec or another function in the options failed. */
  readonly failures: number;
  /** Replies that are held now. */
  readonly entries: number;
  /** What they count for, in bytes. */
  readonly bytes: number;
}

/**
 * What can be done to a cache beside calling through it. Invalidating takes
 * effect here at once, for loads under way too: their callers get their reply,
 * and nobody else does. The promise resolves when the store has been told, and
 * rejects where it could not be. Other processes do not hear of it.
 *
 * @example
 * ```ts
 * import { cache, type CacheControls } from "@wireway/wireway";
 * const controls: CacheControls = cache<string, string>({ ttlMs: 1000 });
 * await controls.invalidatePrefix("user ");
 * ```
 */
export interface CacheControls {
  /** How it has fared so far. */
  readonly stats: CacheStats;
  /** Forgets the reply of a key. */
  invalidate(key: string): Promise<void>;
  /** Forgets all replies with a tag. */
  invalidateTag(tag: string): Promise<void>;
  /** Forgets all replies whose keys begin with `prefix`; looks at every key. */
  invalidatePrefix(prefix: string): Promise<void>;
  /** Forgets all. */
  clear(): Promise<void>;
}

/**
 * A cache: the middleware, and what can be done to it. It stands around one
 * service.
 *
 * @example
 * ```ts
 * import { cache, type Cache, chain } from "@wireway/wireway";
 * const users: Cache<string, string> = cache({ ttlMs: 60_000 });
 * const call = chain((id: string) => `user ${id}`, users);
 * await users.warm(["1", "2"]);
 * await call("1");
 * await users.invalidate("1");
 * ```
 */
export interface Cache<Req, Res> extends CacheControls {
  /** Puts the cache around a service. */
  (inner: Service<Req, Res>): Service<Req, Res>;
  /** Keeps a reply that is known, as if a call had been answered with it. */
  set(request: Req, reply: Res, context?: CallContext): void;
  /** Makes the calls whose replies are not held, a few at a time. Resolves with how many failed. */
  warm(requests: Iterable<Req>, options?: WarmOptions): Promise<number>;
}

/**
 * How a cache is warmed.
 *
 * @example
 * ```ts
 * import { cache, chain, type WarmOptions } from "@wireway/wireway";
 * const options: WarmOptions = { concurrency: 2 };
 * const users = cache<string, string>({ ttlMs: 60_000 });
 * chain((id: string) => `user ${id}`, users);
 * await users.warm(["1", "2", "3"], options);
 * ```
 */
export interface WarmOptions {
  /** How many calls are made at once. @default {8} */
  concurrency?: number;
  /** Goes with each of them. */
  context?: CallContext;
}

/** How the options that all caches share are read. */
// deno-lint-ignore explicit-function-return-type -- what it gives is what the rules are
export function limitRules(name: string) {
  return {
    maxEntries: integer(10_000, 1, 2 ** 24),
    maxBytes: integer(67_108_864, 0, Number.MAX_SAFE_INTEGER),
    store: given<CacheStore | undefined>(undefined, "an object"),
    storeTimeoutMs: duration(250, 0),
    refreshTimeoutMs: duration(30_000, 1),
    maxRefreshes: integer(64, 0, 1_000_000),
    clock: given<Clock>(systemClock, "an object"),
    wallClock: given<() => number>(() => Date.now(), "a function"),
    observer: given<Observer | undefined>(undefined, "a function"),
    name: label(name),
  };
}
