/**
 * The loads of a cache: one for each key, however many wait for it.
 *
 * @module
 */

import { discardReply } from "../../core/completion.ts";
import { background, type CallContext } from "../../core/context.ts";
import { type DeadlineQueue, deadlinesOf } from "../../core/deadline_queue.ts";
import type { Clock } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import { type Outcome, outcomeOf } from "../../core/outcome.ts";
import type { Service } from "../../core/service.ts";
import { Streamed } from "../../core/streamed.ts";
import { CacheEntry, type Lifetime } from "./cache_entry.ts";
import type { CacheLevels } from "./cache_levels.ts";
import type { NegativeCaching } from "./cache_options.ts";
import { SharedCall, type SharedCallOwner } from "./shared_call.ts";
import { passStreamOn } from "./shared_response.ts";

/** What a cache does with replies and errors. */
export interface CachePolicy<Req, Res> {
  readonly clock: Clock;
  /** How long a reply may be given. */
  readonly lifetimeOf: (reply: Res, request: Req) => Lifetime;
  readonly tagsOf: (reply: Res, request: Req) => readonly string[];
  readonly sizeOf: (reply: Res) => number;
  /** Whether a stale reply stands in for an error. */
  readonly staleIf: (error: unknown) => boolean;
  readonly negative: NegativeCaching | undefined;
  readonly refreshTimeoutMs: number;
  readonly maxRefreshes: number;
  /** A stale reply was given in the place of an error. */
  readonly stoodIn: () => void;
}

/** A load. */
class Load<Req, Res> extends SharedCall<Req, Res> {
  /** How many invalidations there were when it began. */
  since = 0;
  /** Whether it is to bring something better than a stale reply. */
  refreshes = false;
}

/** What a remembered error counts for, in bytes. */
const errorBytes = 1000;

const noTags: readonly string[] = [];

/** See the module. */
export class CacheLoads<Req, Res> implements SharedCallOwner<Req, Res> {
  /** Calls made to the inner service. */
  started = 0;
  /** Those that failed. */
  failed = 0;
  readonly #inner: Service<Req, Res>;
  readonly #levels: CacheLevels<Res>;
  readonly #policy: CachePolicy<Req, Res>;
  readonly #deadlines: DeadlineQueue;
  readonly #loads = new Map<string, Load<Req, Res>>();
  #refreshes = 0;

  constructor(inner: Service<Req, Res>, levels: CacheLevels<Res>, policy: CachePolicy<Req, Res>) {
    this.#inner = inner;
    this.#levels = levels;
    this.#policy = policy;
    this.#deadlines = deadlinesOf(policy.clock);
  }

  /** The load of a key that is under way, where a call that comes now may join it. */
  underWay(key: string): SharedCall<Req, Res> | undefined {
    const load = this.#loads.get(key);
    // What has been invalidated since is not what a later call asks for.
    return load !== undefined && this.#levels.log.touchedSince(load.since, key, undefined) ? undefined : load;
  }

  /** Begins to load a key. */
  begin(key: string, request: Req, context: CallContext): Promise<Res> {
    const load = this.#open(key);
    const promise = load.join(request, context);
    this.#run(load, request, context);
    return promise;
  }

  /** Loads a key although nobody waits for it, if no load of it is under way. */
  refresh(key: string, request: Req, context: CallContext): void {
    const { refreshTimeoutMs, maxRefreshes, clock } = this.#policy;
    if (this.#refreshes >= maxRefreshes || this.underWay(key) !== undefined) return;
    this.#refreshes++;
    const load = this.#open(key);
    load.refreshes = true;
    const done = (): void => void this.#refreshes--;
    // The cache itself is the one who waits. Its caller's time and patience do not count.
    load.join(request, background.with({ deadline: clock.now() + refreshTimeoutMs })).then((reply) => {
      discardReply(reply);
      done();
    }, done);
    this.#run(load, request, context);
  }

  abandoned(load: SharedCall<Req, Res>): void {
    this.#forget(load);
  }

  /** Makes an entry of a reply; undefined where it is not to be kept. */
  entryOf(key: string, reply: Res, request: Req): CacheEntry<Res> | undefined {
    const { lifetimeOf, tagsOf, sizeOf, clock } = this.#policy;
    try {
      const lifetime = lifetimeOf(reply, request);
      if (!(lifetime.freshMs > 0)) return undefined;
      return new CacheEntry(key, reply, sizeOf(reply), tagsOf(reply, request), clock.now(), lifetime);
    } catch (error) {
      this.#levels.failed(error);
      return undefined;
    }
  }

  #open(key: string): Load<Req, Res> {
    const load = new Load<Req, Res>(key, this.#deadlines, this);
    load.since = this.#levels.log.count;
    this.#loads.set(key, load);
    return load;
  }

  #run(load: Load<Req, Res>, request: Req, context: CallContext): void {
    if (this.#levels.hasStore) void this.#fromStore(load, request, context);
    else this.#call(load, request, context);
  }

  async #fromStore(load: Load<Req, Res>, request: Req, context: CallContext): Promise<void> {
    const entry = await this.#levels.fetch(load.key, load.since);
    if (load.over) return;
    const now = this.#policy.clock.now();
    if (entry === undefined || now >= entry.staleUntil) return this.#call(load, request, context);
    if (now >= entry.freshUntil && load.refreshes) return this.#call(load, request, context);
    this.#forget(load);
    load.resolve(entry.value);
    if (now >= entry.freshUntil) this.refresh(load.key, request, context);
  }

  #call(load: Load<Req, Res>, request: Req, context: CallContext): void {
    this.started++;
    try {
      this.#inner(request, this.#levels.marked(load.contextFor(context))).then(
        (reply) => this.#loaded(load, request, reply),
        (error) => this.#failed(load, error),
      );
    } catch (error) {
      this.#failed(load, error);
    }
  }

  #loaded(load: Load<Req, Res>, request: Req, reply: Res): void {
    this.#forget(load);
    if (reply instanceof Streamed) return passStreamOn(load, reply, this.#inner);
    if (reply instanceof Response) {
      discardReply(reply);
      const why = "Cannot cache reply: the body of a Response is read once, use httpCache() in the place of cache()";
      load.reject(new TransportError("unsupported", why, { processed: "yes" }));
      return;
    }
    const { key, since } = load;
    const entry = load.over ? undefined : this.entryOf(key, reply, request);
    if (entry !== undefined && !this.#levels.log.touchedSince(since, key, entry.tags)) this.#levels.keep(entry);
    load.resolve(reply);
  }

  #failed(load: Load<Req, Res>, error: unknown): void {
    this.#forget(load);
    if (load.over) return;
    this.failed++;
    const { clock, staleIf, stoodIn } = this.#policy;
    const { key } = load;
    const held = this.#levels.held.get(key);
    if (held !== undefined && held.failure === undefined && clock.now() < held.errorUntil) {
      if (this.#says(() => staleIf(error))) {
        for (let waiting = load.size; waiting > 0; waiting--) stoodIn();
        return load.resolve(held.value);
      }
    } else {
      this.#remember(load, error);
    }
    load.reject(error);
  }

  #remember({ key, since }: Load<Req, Res>, error: unknown): void {
    const { negative, clock } = this.#policy;
    if (negative === undefined || this.#levels.log.touchedSince(since, key, undefined)) return;
    const outcome: Outcome = outcomeOf(error);
    if (outcome === "cancelled" || !this.#says(() => negative.when(error, outcome))) return;
    const lifetime = { freshMs: negative.ttlMs, staleMs: 0, errorMs: 0 };
    // The value is never looked at where there is a failure.
    const none = undefined as unknown as Res;
    this.#levels.hold(new CacheEntry<Res>(key, none, errorBytes, noTags, clock.now(), lifetime, { error }));
  }

  /** What a function in the options says; no, where it throws. */
  #says(ask: () => boolean): boolean {
    try {
      return ask();
    } catch (error) {
      this.#levels.failed(error);
      return false;
    }
  }

  #forget(load: SharedCall<Req, Res>): void {
    if (this.#loads.get(load.key) === load) this.#loads.delete(load.key);
  }
}
