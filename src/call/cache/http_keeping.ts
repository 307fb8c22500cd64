/**
 * What httpCache() keeps of what comes.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { CacheEntry } from "./cache_entry.ts";
import type { CacheLevels } from "./cache_levels.ts";
import { captured } from "./captured_body.ts";
import { directivesOf, timeOf } from "./http_cache_control.ts";
import type { HttpKept, KeptResponse, KeptVariants } from "./http_cache_entry.ts";
import { freshnessMs, initialAgeMs, mayStore, variantOf, varyNames } from "./http_cache_rules.ts";
import { keptFields, renewed } from "./http_cache_validation.ts";

/** What it goes by. */
export interface HttpKeepingSettings {
  readonly shared: boolean;
  readonly maxBodyBytes: number;
  readonly maxHeuristicMs: number;
  readonly keepStaleMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly tags: (response: Response, request: Request) => readonly string[];
  readonly clock: Clock;
  readonly wallClock: () => number;
}

/** A kept response that was found. */
export interface Found {
  readonly entry: CacheEntry<HttpKept>;
  readonly kept: KeptResponse;
}

/** The tag of all responses of an address. No tag of a user's begins so. */
export function urlTag(url: string): string {
  return `\0url ${url}`;
}

/** What a request asks for, without the part that is the caller's own. */
export function addressOf({ url }: Request): string {
  const hash = url.indexOf("#");
  return hash < 0 ? url : url.slice(0, hash);
}

/** What the variant of a response is found by that a request asks for. */
export function variantKey(request: Request, { names }: KeptVariants): string {
  return `${addressOf(request)}\n${variantOf(names, request.headers)}`;
}

/** See the module. */
export class HttpKeeping {
  readonly #levels: CacheLevels<HttpKept>;
  readonly #settings: HttpKeepingSettings;

  constructor(levels: CacheLevels<HttpKept>, settings: HttpKeepingSettings) {
    this.#levels = levels;
    this.#settings = settings;
  }

  /** The response again, with a copy of its body kept where that is allowed. */
  keep(request: Request, response: Response, since: number, sentAt: number): Response {
    const { shared, maxBodyBytes, clock } = this.#settings;
    // A HEAD has no body, and so leaves nothing to give.
    if (request.method !== "GET" || !mayStore(request.headers, response, shared)) return response;
    const cameAt = clock.now();
    const { status, statusText, url } = response;
    const headers = keptFields(response.headers);
    const times = this.#timesOf(status, headers, cameAt - sentAt);
    // Without a validator nothing could be done with it once it is stale, which it would be at once.
    if (times.freshMs <= times.initialAgeMs && !headers.has("etag") && !headers.has("last-modified")) return response;
    const tags = this.#tagsOf(response, request);
    return captured(response, maxBodyBytes, (body) => {
      if (body === undefined) return;
      const kept = { status, statusText, url: url === "" ? request.url : url, headers, body, ...times };
      this.#put(request, kept, tags, cameAt, since);
    });
  }

  /** What is kept, as a 304 says that it still is. */
  renew(request: Request, found: Found, response: Response, since: number, sentAt: number): KeptResponse {
    const cameAt = this.#settings.clock.now();
    const headers = renewed(found.kept.headers, response.headers);
    const kept = { ...found.kept, headers, ...this.#timesOf(found.kept.status, headers, cameAt - sentAt) };
    this.#put(request, kept, found.entry.tags, cameAt, since);
    return kept;
  }

  #timesOf(status: number, headers: Headers, delayMs: number): Pick<KeptResponse, "initialAgeMs" | "freshMs"> {
    const { shared, maxHeuristicMs, wallClock } = this.#settings;
    return {
      initialAgeMs: initialAgeMs(headers, delayMs, wallClock()),
      freshMs: freshnessMs({ status, headers }, shared, maxHeuristicMs),
    };
  }

  #tagsOf(response: Response, request: Request): readonly string[] {
    const own = urlTag(addressOf(request));
    try {
      return [own, ...this.#settings.tags(response, request)];
    } catch (error) {
      this.#levels.failed(error);
      return [own];
    }
  }

  #put(request: Request, kept: KeptResponse, tags: readonly string[], cameAt: number, since: number): void {
    const { clock, keepStaleMs, staleIfErrorMs, staleWhileRevalidateMs } = this.#settings;
    const url = addressOf(request);
    const names = varyNames(kept.headers);
    const key = names.length === 0 ? url : variantKey(request, { names });
    if (this.#levels.log.touchedSince(since, url, tags) || this.#levels.log.touchedSince(since, key, tags)) return;
    const directives = directivesOf(kept.headers);
    const freshMs = Math.max(0, kept.freshMs - kept.initialAgeMs);
    const staleMs = timeOf(directives, "stale-while-revalidate") ?? staleWhileRevalidateMs;
    const standMs = timeOf(directives, "stale-if-error") ?? staleIfErrorMs;
    const lifetime = { freshMs, staleMs, errorMs: Math.max(standMs, keepStaleMs) };
    const size = (value: HttpKept): number => this.#levels.sizeOf(value);
    if (names.length > 0) {
      const variants = { names };
      this.#levels.keep(new CacheEntry<HttpKept>(url, variants, size(variants), tags, clock.now(), lifetime));
    }
    this.#levels.keep(new CacheEntry<HttpKept>(key, kept, size(kept), tags, cameAt, lifetime));
  }
}
