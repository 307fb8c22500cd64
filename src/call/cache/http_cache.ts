/**
 * httpCache(): keeps HTTP responses by the rules of RFC 9111.
 *
 * @module
 */

import { named } from "../../core/describe.ts";
import { background, type CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import { notify } from "../../core/observer.ts";
import { duration, flag, given, integer, readOptions } from "../../core/options.ts";
import type { Service } from "../../core/service.ts";
import { cacheControls, cacheFigures, emptyCounts } from "./cache_controls.ts";
import { CacheLevels } from "./cache_levels.ts";
import { type CacheControls, type CacheLimits, limitRules } from "./cache_options.ts";
import { HttpCaching } from "./http_caching.ts";
import { type HttpKept, keptBytes, keptCodec } from "./http_cache_entry.ts";
import { urlTag } from "./http_keeping.ts";

/**
 * Options of {@linkcode httpCache}.
 *
 * @example
 * ```ts
 * import { httpCache, type HttpCacheOptions } from "@wireway/wireway";
 * const options: HttpCacheOptions = { shared: false, staleIfErrorMs: 60_000 };
 * httpCache(options);
 * ```
 */
export interface HttpCacheOptions extends CacheLimits {
  /**
   * Whether it serves more than one user. A shared one keeps nothing that is
   * `private`, that sets a cookie, or that answers a request with credentials
   * without saying that it may be kept.
   *
   * @default {true}
   */
  shared?: boolean;
  /** The largest body that is kept, in bytes. @default {1_048_576} */
  maxBodyBytes?: number;
  /** The longest time for which a response is fresh that does not say for how long, in milliseconds. @default {86_400_000} */
  maxHeuristicMs?: number;
  /** How long after it was fresh a response with a validator is kept to be validated, in milliseconds. @default {86_400_000} */
  keepStaleMs?: number;
  /** How long a stale response is given during a refresh where it says nothing of it, in milliseconds. @default {0} */
  staleWhileRevalidateMs?: number;
  /** How long a stale response stands in for an error where it says nothing of it, in milliseconds. @default {0} */
  staleIfErrorMs?: number;
  /** What a response can be invalidated by, beside its address. @default {nothing} */
  tags?: (response: Response, request: Request) => readonly string[];
}

/**
 * A cache for HTTP: the middleware, and what can be done to it. It stands
 * around one service. Keys are addresses: `invalidate(url)` forgets all
 * variants of it, `invalidatePrefix(url)` all that begins so.
 *
 * @example
 * ```ts
 * import { type HttpCache, httpCache } from "@wireway/wireway";
 * const pages: HttpCache = httpCache();
 * await pages.invalidatePrefix("https://example.com/news/");
 * ```
 */
export interface HttpCache extends CacheControls {
  /** Puts the cache around a service. */
  (inner: Service<Request, Response>): Service<Request, Response>;
}

/**
 * Keeps HTTP responses as RFC 9111 allows it, as a shared cache or as a private
 * one, on a client or in front of a server's handler.
 *
 * - Kept are whole responses to GET, of any status but 206: with `max-age`,
 *   `s-maxage`, `Expires`, `public`, or of a status that may be kept without
 *   (then for a tenth of the time since Last-Modified, `maxHeuristicMs` at
 *   most). Not with `no-store`, `Vary: *`, and what a shared cache must not
 *   keep. A body is kept once the caller has read it to its end, if it is within
 *   `maxBodyBytes`.
 * - A fresh one answers GET and HEAD, with an `Age`; a request with a validator
 *   that matches gets 304. What the request says (`no-cache`, `max-age`,
 *   `min-fresh`, `max-stale`, `only-if-cached`) is heeded.
 * - A stale one is validated with its ETag and Last-Modified; a 304 renews it.
 *   `stale-while-revalidate` and `stale-if-error` (RFC 5861) are heeded,
 *   `must-revalidate` goes before them.
 * - `Vary` keeps the variants of an address apart.
 * - A write that succeeds throws out its address, and the addresses in its
 *   Location and Content-Location of the same origin.
 * - Requests with a Range or a body, and conditional ones that can't be answered,
 *   go through as they are.
 *
 * Calls that come together for what is not kept are all made: put
 * {@linkcode coalesce} inside to make them one.
 *
 * Place: outside retries and everything that guards real calls; on a server
 * outside the handler, inside authentication where that decides who may read.
 *
 * Errors: those of the inner service; `invalid-option`. A store that fails
 * breaks no call.
 *
 * @example A client's
 * ```ts
 * import { chain, coalesce, http, httpCache, reconnect } from "@wireway/wireway";
 * const pages = httpCache({ shared: false });
 * await using call = chain(http({ origin: "https://example.com" }), reconnect(), coalesce(), pages);
 * const response = await call(new Request("https://example.com/"));
 * console.log(await response.text(), pages.stats.hits);
 * ```
 *
 * @example A server's
 * ```ts
 * import { chain, http, httpCache, serve } from "@wireway/wireway";
 * const handler = () => new Response("hello", { headers: { "cache-control": "max-age=60" } });
 * await serve(http({ port: 8000 }), chain(handler, httpCache()));
 * ```
 */
export function httpCache(options: HttpCacheOptions = {}): HttpCache {
  const settings = readOptions("httpCache()", options, {
    shared: flag(true),
    maxBodyBytes: integer(1_048_576, 0, 2 ** 31),
    maxHeuristicMs: duration(86_400_000, 0),
    keepStaleMs: duration(86_400_000, 0),
    staleWhileRevalidateMs: duration(0, 0),
    staleIfErrorMs: duration(0, 0),
    tags: given<NonNullable<HttpCacheOptions["tags"]>>(() => [], "a function"),
    ...limitRules("httpCache"),
  });
  const { observer, name } = settings;
  const counts = emptyCounts();
  const levels = new CacheLevels<HttpKept>({ ...settings, codec: keptCodec, sizeOf: keptBytes });
  const answered = (from: "cache" | "stale"): void => {
    if (from === "cache") counts.hits++;
    else counts.stale++;
    if (observer !== undefined) notify(observer, { type: "call-answered", policy: name, from });
  };
  let used = false;

  function around(inner: Service<Request, Response>): Service<Request, Response> {
    if (used) {
      throw new TransportError("invalid-option", "Cannot use httpCache() twice: it stands around a service already");
    }
    used = true;
    const caching = new HttpCaching(inner, levels, counts, answered, settings);
    return function httpCache(request: Request, context: CallContext = background): Promise<Response> {
      return caching.call(request, context);
    };
  }

  const { shared, maxBodyBytes, maxEntries, maxBytes, store } = settings;
  const cache = Object.defineProperties(around, {
    ...cacheControls(levels, () => counts),
    invalidate: { value: (url: string) => levels.invalidate("tag", urlTag(new URL(url).href)) },
  });
  const shown = { shared, maxBodyBytes, maxEntries, maxBytes, store, name };
  return named("httpCache", shown, cache as HttpCache, cacheFigures(cache as HttpCache));
}
