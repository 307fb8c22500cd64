/**
 * cache(): keeps replies.
 *
 * @module
 */

import { background, type CallContext } from "../../core/context.ts";
import { contextRefusal } from "../../core/context_refusal.ts";
import { named } from "../../core/describe.ts";
import { liveSettings } from "../../core/live_settings.ts";
import { TransportError } from "../../core/errors.ts";
import { idempotent } from "../../core/idempotent.ts";
import { notify } from "../../core/observer.ts";
import { duration, given, invalidOption, type OptionRule, readOptions } from "../../core/options.ts";
import { outcomeOf } from "../../core/outcome.ts";
import type { Service } from "../../core/service.ts";
import { Streamed } from "../../core/streamed.ts";
import { sizeOf as guessSize } from "../../util/size_of.ts";
import { cacheControls, cacheFigures, emptyCounts } from "./cache_controls.ts";
import { CacheEntry, type Lifetime } from "./cache_entry.ts";
import { CacheLevels } from "./cache_levels.ts";
import { CacheLoads } from "./cache_loads.ts";
import { type Cache, type CacheOptions, limitRules, type NegativeCaching, type WarmOptions } from "./cache_options.ts";
import { type CacheCodec, valueCodec } from "./cache_store.ts";
import { type KeyOf, valueKey } from "./request_key.ts";
import { overBefore } from "../limits/waiting_caller.ts";

export type {
  Cache,
  CacheControls,
  CacheLimits,
  CacheOptions,
  CacheStats,
  NegativeCaching,
  WarmOptions,
} from "./cache_options.ts";
export type { CacheCodec, CacheStore, StoredReply } from "./cache_store.ts";
export type { KeyOf } from "./request_key.ts";

/** A list of lists is empty for most. */
const noTags: readonly string[] = [];

/** Errors that a caller makes itself: an older reply is no answer to them. */
const callersFault = new Set(["invalid-request", "invalid-option", "unsupported"]);

function isOutage(error: unknown): boolean {
  const outcome = outcomeOf(error);
  if (outcome === "cancelled" || outcome === "superseded") return false;
  return !(error instanceof TransportError && callersFault.has(error.code));
}

/**
 * Keeps replies, and answers later calls of the same key with them.
 *
 * - Held are at most `maxEntries` replies of `maxBytes` together; what was not
 *   used for longest makes room.
 * - A reply is fresh for `ttlMs`. For `staleWhileRevalidateMs` after that it is
 *   still given, while one call in the background fetches a new one. For
 *   `staleIfErrorMs` it is given where a new one can't be had.
 * - However many ask for a key that is not held, one call is made. Each of them
 *   keeps its own deadline and may give up by itself; the load is cancelled
 *   when nobody waits for it any more. It has no deadline of its own, and the
 *   metadata of the caller who came first: a {@linkcode timeout} further in
 *   bounds it.
 * - Errors are not kept, but for those that `negative` says.
 * - What is invalidated is gone at once. A load that was under way then is not
 *   kept, and not joined by those who call later.
 * - A `store` is asked before the inner service, and given what comes from it.
 *   It may fail or hang: calls go on without it.
 *
 * The key is all that tells calls apart. A cache around replies that belong to
 * one caller must have who it is in its key, or it gives them to others: the
 * metadata of a call (tenant, user, language) is not in the default key, which
 * is the text or the bytes of the request. A request of another type needs a
 * `key`, which may be `undefined` for calls that must not be answered from
 * memory, such as writes; one whose context says that it is not
 * {@linkcode idempotent} goes past the cache, too. Replies are given to many: do not change them.
 *
 * A `Response` can't be kept here: use {@linkcode httpCache}.
 *
 * `maxEntries`, `maxBytes` and the lifetimes that are numbers can be changed while it works ({@linkcode adjustablesOf}); what is
 * held keeps the lifetime that it was given.
 *
 * Place: outside retries, breakers and everything else that guards the calls
 * that are really made; inside the total deadline. A hit adds well under a
 * microsecond.
 *
 * Errors: `unsupported` (a request without a key, a `Response`), `cancelled`,
 * `deadline-exceeded`, `invalid-option`, and those of the inner service.
 *
 * @example
 * ```ts
 * import { cache, chain, mux, reconnect, tcp, text } from "@wireway/wireway";
 * const prices = cache<string, string>({ ttlMs: 60_000, staleWhileRevalidateMs: 10_000, staleIfErrorMs: 600_000 });
 * await using call = chain(tcp({ port: 9000 }), mux(), text(), reconnect(), prices);
 * console.log(await call("price of tea"), prices.stats.hits);
 * await prices.invalidate("price of tea");
 * ```
 */
export function cache<Req, Res>(options: CacheOptions<Req, Res>): Cache<Req, Res> {
  const settings = readOptions("cache()", options, {
    ttlMs: timeToLive as OptionRule<CacheOptions<Req, Res>["ttlMs"]>,
    key: given<KeyOf<Req> | undefined>(undefined, "a function"),
    staleWhileRevalidateMs: duration(0, 0),
    staleIfErrorMs: duration(0, 0),
    staleIf: given<(error: unknown) => boolean>(isOutage, "a function"),
    negative: given<NegativeCaching | undefined>(undefined, "an object"),
    tags: given<(reply: Res, request: Req) => readonly string[]>(() => noTags, "a function"),
    sizeOf: given<(reply: Res) => number>(guessSize, "a function"),
    codec: given<CacheCodec<Res>>(valueCodec as CacheCodec<Res>, "an object"),
    ...limitRules("cache"),
  });
  const { ttlMs, key, staleWhileRevalidateMs, staleIfErrorMs, clock, observer, name } = settings;
  if (ttlMs === undefined) throw invalidOption("cache()", "ttlMs", ttlMs, timeToLive.allowed);
  checkNegative(settings.negative);
  const counts = emptyCounts();
  const levels = new CacheLevels<Res>(settings);
  const { maxEntries, maxBytes, store } = settings;
  const adjusted = { ttlMs, staleWhileRevalidateMs, staleIfErrorMs, maxEntries, maxBytes };
  const lifetimeOf = (reply: Res, request: Req): Lifetime => {
    const { ttlMs, staleWhileRevalidateMs: staleMs, staleIfErrorMs: errorMs } = adjusted;
    const freshMs = typeof ttlMs === "number" ? ttlMs : ttlMs(reply, request);
    return { freshMs, staleMs, errorMs };
  };
  const keyOf = key ?? ((request: Req) => valueKey("cache()", request));
  const answered = (from: "cache" | "stale"): void => {
    if (observer !== undefined) notify(observer, { type: "call-answered", policy: name, from });
  };
  const stoodIn = (): void => {
    counts.stale++;
    answered("stale");
  };
  const now = (): number => clock.now();
  const { held } = levels;
  let loads: CacheLoads<Req, Res> | undefined;
  let outer: Service<Req, Res> | undefined;

  function around(inner: Service<Req, Res>): Service<Req, Res> {
    if (outer !== undefined) {
      throw new TransportError("invalid-option", "Cannot use cache() twice: it stands around a service already");
    }
    const own = loads = new CacheLoads(inner, levels, { ...settings, tagsOf: settings.tags, lifetimeOf, stoodIn });
    const load = (id: string, request: Req, context: CallContext): Promise<Res> => {
      counts.misses++;
      const refusal = overBefore(context, now);
      if (refusal !== undefined) return Promise.reject(refusal);
      const underWay = own.underWay(id);
      if (underWay === undefined) return own.begin(id, request, context);
      counts.joined++;
      return underWay.join(request, context);
    };
    return outer = function cache(request: Req, context: CallContext = background): Promise<Res> {
      // What is read once is not what a key stands for.
      if (request instanceof Streamed) return inner(request, context);
      let id: string | undefined;
      try {
        id = keyOf(request, context);
        if (context.get(idempotent) === false) id = undefined;
      } catch (error) {
        return Promise.reject(contextRefusal(context) ?? error);
      }
      if (id === undefined) return inner(request, context);
      const entry = held.get(id);
      if (entry !== undefined) {
        const time = clock.now();
        if (time < entry.freshUntil) {
          held.touch(entry);
          counts.hits++;
          if (observer !== undefined) answered("cache");
          return entry.failure === undefined ? entry.promise : Promise.reject(entry.failure.error);
        }
        if (time < entry.staleUntil) {
          held.touch(entry);
          stoodIn();
          own.refresh(id, request, context);
          return entry.promise;
        }
      }
      return load(id, request, context);
    };
  }

  function set(request: Req, reply: Res, context: CallContext = background): void {
    const id = keyOf(request, context);
    if (id === undefined) throw new TransportError("invalid-request", "Cannot keep reply: its request has no key");
    const lifetime = lifetimeOf(reply, request);
    const tags = settings.tags(reply, request);
    // Loads under way may bring what was there before.
    levels.replaced(id);
    levels.keep(new CacheEntry(id, reply, settings.sizeOf(reply), tags, clock.now(), lifetime));
  }

  async function warm(requests: Iterable<Req>, { concurrency = 8, context }: WarmOptions = {}): Promise<number> {
    if (outer === undefined) {
      throw new TransportError("unsupported", "Cannot warm cache: it stands around no service yet");
    }
    const call = outer;
    const rest = requests[Symbol.iterator]();
    let failed = 0;
    const work = async (): Promise<void> => {
      for (let next = rest.next(); !next.done; next = rest.next()) {
        await call(next.value, context).catch(() => void failed++);
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, concurrency) }, work));
    return failed;
  }

  const { maxEntries: entriesRule, maxBytes: bytesRule } = limitRules("cache");
  const rules = { ...lifetimeRules, maxEntries: entriesRule, maxBytes: bytesRule };
  const shown = { ...adjusted, store, name };
  const controls = cacheControls(
    levels,
    () => ({ ...counts, loads: loads?.started ?? 0, loadErrors: loads?.failed ?? 0 }),
  );
  const own = { ...controls, set: { value: set }, warm: { value: warm } };
  const made = Object.defineProperties(around, own) as Cache<Req, Res>;
  // A function that says how long is no setting: it stays what it is.
  const names = typeof ttlMs === "number" ? liveNames : liveNames.slice(1);
  const adjustable = liveSettings<typeof adjusted>("cache()", adjusted, rules, names, {
    changed: () => held.setLimits(adjusted.maxEntries, adjusted.maxBytes),
  });
  return named("cache", shown, made, cacheFigures(made), adjustable);
}

/** What can be changed while it works: what is held already keeps the lifetime that it was given. */
const liveNames = ["ttlMs", "staleWhileRevalidateMs", "staleIfErrorMs", "maxEntries", "maxBytes"] as const;

const lifetimeRules = { ttlMs: duration(0), staleWhileRevalidateMs: duration(0), staleIfErrorMs: duration(0) };

const timeToLive: OptionRule<unknown> = {
  allowed: "a time in milliseconds of at least 0, or a function",
  fallback: undefined,
  accepts: (value) => typeof value === "function" || (typeof value === "number" && value >= 0),
};

function checkNegative(negative: NegativeCaching | undefined): void {
  if (negative === undefined) return;
  const { ttlMs, when } = negative;
  if (typeof ttlMs !== "number" || !(ttlMs >= 0)) {
    throw invalidOption("cache()", "negative.ttlMs", ttlMs, "a time in milliseconds of at least 0");
  }
  if (typeof when !== "function") throw invalidOption("cache()", "negative.when", when, "a function");
}
