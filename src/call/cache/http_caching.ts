/**
 * What httpCache() does with each call.
 *
 * @module
 */

import { Cancellation } from "../../core/cancellation.ts";
import { discardReply } from "../../core/completion.ts";
import type { CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import { outcomeOf } from "../../core/outcome.ts";
import type { Service } from "../../core/service.ts";
import type { CacheCounts } from "./cache_controls.ts";
import type { CacheEntry } from "./cache_entry.ts";
import type { CacheLevels } from "./cache_levels.ts";
import { directivesOf } from "./http_cache_control.ts";
import { type HttpKept, type KeptVariants, notModifiedOf, responseOf } from "./http_cache_entry.ts";
import { mayStandIn, type Standing, verdictOn } from "./http_cache_rules.ts";
import { conditions, hasAlready, madeInvalid, meansKept, validating } from "./http_cache_validation.ts";
import { addressOf, type Found, HttpKeeping, type HttpKeepingSettings, urlTag, variantKey } from "./http_keeping.ts";
import { overBefore } from "../limits/waiting_caller.ts";

/** What it goes by. */
export interface HttpCachingSettings extends HttpKeepingSettings {
  readonly refreshTimeoutMs: number;
  readonly maxRefreshes: number;
}

/** Statuses of a server that can't answer (RFC 5861, section 4). */
const outages = new Set([500, 502, 503, 504]);

/** See the module. */
export class HttpCaching {
  readonly #inner: Service<Request, Response>;
  readonly #levels: CacheLevels<HttpKept>;
  readonly #counts: CacheCounts;
  readonly #answered: (from: "cache" | "stale") => void;
  readonly #settings: HttpCachingSettings;
  readonly #keeping: HttpKeeping;
  readonly #refreshing = new Set<string>();

  constructor(
    inner: Service<Request, Response>,
    levels: CacheLevels<HttpKept>,
    counts: CacheCounts,
    answered: (from: "cache" | "stale") => void,
    settings: HttpCachingSettings,
  ) {
    this.#inner = inner;
    this.#levels = levels;
    this.#counts = counts;
    this.#answered = answered;
    this.#settings = settings;
    this.#keeping = new HttpKeeping(levels, settings);
  }

  async call(request: Request, context: CallContext): Promise<Response> {
    const { method, headers } = request;
    if (method !== "GET" && method !== "HEAD") return await this.#write(request, context);
    if (headers.has("range") || request.body !== null) return await this.#inner(request, context);
    const found = this.#levels.hasStore ? await this.#find(request) : this.#findHeld(request);
    const asked = conditions.some((name) => headers.has(name));
    if (found !== undefined) {
      const answer = this.#fromKept(found, request, context, asked);
      if (answer !== undefined) return answer;
    }
    this.#counts.misses++;
    if (directivesOf(headers).has("only-if-cached")) return new Response(null, { status: 504 });
    const refusal = overBefore(context, () => this.#settings.clock.now());
    if (refusal !== undefined) throw refusal;
    return await this.#fetch(request, context, found, asked);
  }

  /** A response that needs nobody else; undefined where there is none. */
  #fromKept(found: Found, request: Request, context: CallContext, asked: boolean): Response | undefined {
    const { shared } = this.#settings;
    const { headers } = request;
    const { kept, entry } = found;
    // Of the conditions a cache answers these two alone.
    if (asked && conditions.slice(2).some((name) => headers.has(name))) return undefined;
    const standing = this.#standing(found);
    const verdict = verdictOn(headers, kept.headers, shared, standing);
    if (verdict === "validate") return undefined;
    this.#levels.held.touch(entry);
    this.#answered(standing.ageMs < standing.freshMs ? "cache" : "stale");
    if (verdict === "give-and-refresh") void this.#refresh(found, request, context);
    if (asked && kept.status === 200 && hasAlready(headers, kept.headers)) return notModifiedOf(kept, standing.ageMs);
    return responseOf(kept, standing.ageMs, request);
  }

  #standing({ kept, entry }: Found): Standing {
    const ageMs = kept.initialAgeMs + this.#settings.clock.now() - entry.storedAt;
    return { ageMs, freshMs: kept.freshMs, staleMs: this.#settings.staleWhileRevalidateMs };
  }

  async #write(request: Request, context: CallContext): Promise<Response> {
    const { method, url } = request;
    const response = await this.#inner(request, context);
    for (const one of madeInvalid(method, url, response.status, response.headers)) {
      this.#levels.invalidate("tag", urlTag(one)).catch((error) => this.#levels.failed(error));
    }
    return response;
  }

  #findHeld(request: Request): Found | undefined {
    const { held } = this.#levels;
    const first = held.get(addressOf(request));
    return foundIn(first !== undefined && "names" in first.value ? held.get(variantKey(request, first.value)) : first);
  }

  async #find(request: Request): Promise<Found | undefined> {
    const first = await this.#look(addressOf(request));
    const depends = first !== undefined && "names" in first.value;
    return foundIn(depends ? await this.#look(variantKey(request, first.value as KeptVariants)) : first);
  }

  #look(key: string): CacheEntry<HttpKept> | Promise<CacheEntry<HttpKept> | undefined> {
    return this.#levels.held.get(key) ?? this.#levels.fetch(key, this.#levels.log.count);
  }

  /** Asks the inner service, with the validators of what is kept. */
  async #fetch(
    request: Request,
    context: CallContext,
    found: Found | undefined,
    asked: boolean,
    refresh = false,
  ): Promise<Response> {
    const { clock, shared, staleIfErrorMs } = this.#settings;
    const since = this.#levels.log.count;
    const fields = found === undefined || asked ? undefined : validating(request.headers, found.kept.headers);
    const sentAt = clock.now();
    this.#counts.loads++;
    const standsIn = (): boolean =>
      found !== undefined && !asked && !refresh &&
      mayStandIn(request.headers, found.kept.headers, shared, this.#standing(found), staleIfErrorMs);
    let response: Response;
    try {
      const asking = fields === undefined ? request : new Request(request, { headers: fields });
      response = await this.#inner(asking, this.#levels.marked(context));
    } catch (error) {
      this.#counts.loadErrors++;
      const outcome = outcomeOf(error);
      if (outcome === "cancelled" || outcome === "superseded" || !standsIn()) throw error;
      return this.#standIn(found!, request);
    }
    if (outages.has(response.status) && standsIn()) {
      this.#counts.loadErrors++;
      discardReply(response);
      return this.#standIn(found!, request);
    }
    if (response.status === 304 && found !== undefined && meansKept(response.headers, found.kept.headers)) {
      const again = this.#keeping.renew(request, found, response, since, sentAt);
      return fields === undefined ? response : responseOf(again, again.initialAgeMs, request);
    }
    // It holds for something else than what is kept, and the caller has asked for no 304.
    if (response.status === 304 && fields !== undefined) {
      return await this.#fetch(request, context, undefined, asked, refresh);
    }
    return this.#keeping.keep(request, response, since, sentAt);
  }

  #standIn(found: Found, request: Request): Response {
    this.#answered("stale");
    return responseOf(found.kept, this.#standing(found).ageMs, request);
  }

  /** Fetches again what is given meanwhile. */
  async #refresh(found: Found, request: Request, context: CallContext): Promise<void> {
    const { clock, refreshTimeoutMs, maxRefreshes } = this.#settings;
    const { key } = found.entry;
    if (this.#refreshing.has(key) || this.#refreshing.size >= maxRefreshes) return;
    this.#refreshing.add(key);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancellation = new Cancellation();
    const timer = clock.schedule(() => {
      const error = new TransportError(
        "deadline-exceeded",
        `Refresh ended: it took longer than ${refreshTimeoutMs} ms`,
      );
      cancellation.cancel(error);
      reject(error);
    }, refreshTimeoutMs);
    const fields = new Headers(request.headers);
    for (const name of conditions) fields.delete(name);
    const own = new Request(request.url, { headers: fields });
    const bounded = context.bounded(clock.now() + refreshTimeoutMs, cancellation);
    const work = this.#fetch(own, bounded, found, false, true).then((response) => readAll(response, cancellation));
    // What was given stays what is kept where this fails; the next caller tries again.
    await Promise.race([work, late]).catch(() => {});
    timer.cancel();
    this.#refreshing.delete(key);
  }
}

/** Reads a body to its end, or until it is cancelled, to have it kept. */
async function readAll(response: Response, cancellation: Cancellation): Promise<void> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  cancellation.subscribe({ cancelled: (reason) => void reader.cancel(reason).catch(() => {}) });
  if (cancellation.reason !== undefined) return await reader.cancel(cancellation.reason);
  while (!(await reader.read()).done);
}

function foundIn(entry: CacheEntry<HttpKept> | undefined): Found | undefined {
  return entry === undefined || "names" in entry.value ? undefined : { entry, kept: entry.value };
}
