/**
 * rateLimit(): bounds how many calls are made in a time.
 *
 * @module
 */

import type { AdjustableSetting, SettingValue } from "../../core/adjustable.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { background, type CallContext } from "../../core/context.ts";
import { named } from "../../core/describe.ts";
import { counted, current, type Figure } from "../../core/figures.ts";
import { liveSettings } from "../../core/live_settings.ts";
import type { Observer } from "../../core/observer.ts";
import { duration, fraction, given, integer, invalidOption, label, readOptions } from "../../core/options.ts";
import type { Service } from "../../core/service.ts";
import { type Rate, Rates } from "../../util/gcra.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { RateStore, RateWindow } from "./rate_store.ts";
import { RateTable } from "./rate_table.ts";

export type { RateStore, RateWindow } from "./rate_store.ts";

/**
 * Options of {@linkcode rateLimit}.
 *
 * @example 10 a second and 100 a minute for each tenant, and up to half a second of waiting
 * ```ts
 * import { rateLimit, type RateLimitOptions } from "@wireway/wireway";
 * const options: RateLimitOptions<unknown> = {
 *   windows: [{ calls: 10, perMs: 1000 }, { calls: 100, perMs: 60_000 }],
 *   key: (_, context) => context.metadata.tenant ?? "",
 *   maxWaitMs: 500,
 * };
 * rateLimit(options);
 * ```
 */
export interface RateLimitOptions<Req = unknown> {
  /** The limits, one at least; a call must be within all of them. */
  windows: readonly RateWindow[];
  /** Whose limit a call counts for. Default: all calls share one. */
  key?: (request: Req, context: CallContext) => string;
  /** What a call costs; 0 and fractions are allowed. Default: 1. */
  cost?: (request: Req, context: CallContext) => number;
  /** How long a call may wait for its turn, in milliseconds; with 0 nothing waits. @default {0} */
  maxWaitMs?: number;
  /** Calls that may wait, of all keys together. @default {1000} */
  maxWaiting?: number;
  /** Keys that are known at once. Above, the one not seen for longest is forgotten, and with it what it spent. @default {10000} */
  maxKeys?: number;
  /** Keeps what was spent. @default {the memory of this process} */
  store?: RateStore;
  /** What it is called in events and errors. @default {"rateLimit"} */
  name?: string;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Hears `call-rejected`. */
  observer?: Observer;
}

/**
 * What a {@linkcode rateLimit} does now.
 *
 * @example
 * ```ts
 * import { rateLimit, type RateLimitStats } from "@wireway/wireway";
 * const stats: RateLimitStats = rateLimit({ windows: [{ calls: 10, perMs: 1000 }] }).stats();
 * ```
 */
export interface RateLimitStats {
  /** Keys that are known in this process. */
  keys: number;
  /** Calls that wait for their turn. */
  waiting: number;
  /** Calls refused so far. */
  rejected: number;
}

/**
 * A rate limit: a middleware, and what reads it. All chains that it is put into
 * share it.
 *
 * @example
 * ```ts
 * import { chain, http, type RateLimit, rateLimit, reconnect } from "@wireway/wireway";
 * const limit: RateLimit<Request> = rateLimit({ windows: [{ calls: 10, perMs: 1000 }] });
 * const call = chain(http({ origin: "https://orders.example" }), reconnect(), limit);
 * ```
 */
export interface RateLimit<Req> {
  /** Puts it around a service. */
  <R extends Req, Res>(inner: Service<R, Res>): Service<R, Res>;
  /** What it does now. */
  stats(): RateLimitStats;
}

/**
 * Lets so many calls be made in a time, of each key: evenly, after a burst of
 * what was saved up. With several windows a call must be within each of them,
 * and one that is refused has spent nothing.
 *
 * A call that comes too early is refused, or waits for its turn where that comes
 * within `maxWaitMs` and its deadline. Those who wait for one key go in the order
 * of coming; who gives up leaves at once, and what it would have spent goes to
 * the next.
 *
 * There is no timer but for calls that wait: for each key and window one time is
 * kept (GCRA). Since reading a clock costs more than the rest, a sixteenth of the
 * burst at most is given out between two readings. That never lets more pass than
 * is allowed; after a time of little use a burst may be smaller by that share. A
 * key that has earned all again is forgotten a minute later. Past `maxKeys`, one that has not is
 * forgotten, too: let keys be of what callers can't make up.
 *
 * The rates (`windows[0].calls` and so on), `maxWaitMs` and `maxWaiting` can be changed while it works
 * ({@linkcode adjustablesOf}). Then every key owes as many calls as before, and those who wait go by the new rates.
 *
 * Place: on a server outermost, inside of what finds out who calls; on a client
 * inside of retries, so that each attempt counts.
 *
 * Errors: `rate-limited`, with `processed: "no"` and `retryAfterMs` (none for a
 * call that costs more than a burst); `cancelled` and `deadline-exceeded` while
 * waiting; `invalid-request` for a cost that is no number of 0 or more;
 * `invalid-reply` for a store's answer that is none; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, http, rateLimit, serve } from "@wireway/wireway";
 * const limit = rateLimit<Request>({
 *   windows: [{ calls: 100, perMs: 1000, burst: 200 }],
 *   key: (request) => request.headers.get("x-api-key") ?? "",
 * });
 * await serve(http({ port: 8080 }), chain((_: Request) => new Response("hello"), limit));
 * ```
 */
export function rateLimit<Req = unknown>(options: RateLimitOptions<Req>): RateLimit<Req> {
  const owner = "rateLimit()";
  const { store: shared, key: keyOf, cost: costOf, ...settings } = readOptions(owner, options, {
    key: given<RateLimitOptions<Req>["key"]>(undefined, "a function"),
    cost: given<RateLimitOptions<Req>["cost"]>(undefined, "a function"),
    store: given<RateStore | undefined>(undefined, "an object"),
    ...rules,
  });
  const { clock, maxKeys } = settings;
  const windows = readWindows(owner, settings.windows);
  const table = new RateTable(new Rates(ratesOf(windows)), maxKeys, clock);
  const complete = { ...settings, windows, store: shared ?? table };
  const limiter = new RateLimiter(complete);
  // The whole of the usual case stands here, so that it can be compiled into one: no queue, and time to spare.
  const run = <R extends Req, Res>(inner: Service<R, Res>, request: R, context: CallContext): Promise<Res> => {
    try {
      const key = keyOf === undefined ? "" : keyOf(request, context);
      const cost = costOf === undefined ? 1 : costOf(request, context);
      return limiter.run(inner, request, context, key, cost);
    } catch (error) {
      return Promise.reject(error);
    }
  };
  const middleware = <R extends Req, Res>(inner: Service<R, Res>): Service<R, Res> =>
    function rateLimit(request: R, context: CallContext = background): Promise<Res> {
      return run(inner, request, context);
    };
  const stats = (): RateLimitStats => {
    const { waiting, rejections } = limiter;
    return { keys: shared === undefined ? table.size : 0, waiting, rejected: rejections.count };
  };
  const { clock: _, observer: __, ...shown } = settings;
  const adjustable = liveSettings(owner, complete, rules, ["maxWaitMs", "maxWaiting"], {
    changed: () => limiter.changed(),
    more: windowSettings(windows, settings.windows, () => {
      table.change(ratesOf(windows));
      limiter.changed();
    }),
  });
  const figures = (): Figure[] => {
    const { keys, waiting, rejected } = stats();
    return [
      current("keys", shared === undefined ? keys : undefined),
      current("waiting", waiting),
      counted("refused", rejected),
    ];
  };
  return named("rateLimit", { ...shown, windows }, Object.assign(middleware, { stats }), figures, adjustable);
}

const rules = {
  windows: given<readonly RateWindow[]>([], "a list"),
  maxWaitMs: duration(0),
  maxWaiting: integer(1000, 1, 10_000_000),
  maxKeys: integer(10_000, 1, 10_000_000),
  name: label("rateLimit"),
  clock: given<Clock>(systemClock, "an object"),
  observer: given<Observer | undefined>(undefined, "a function"),
};

const windowRules = {
  calls: fraction(undefined, 1e-6, 1e9),
  perMs: fraction(undefined, 1, 1e12),
  burst: integer(undefined, 1, 1e9),
};

function ratesOf(windows: readonly Required<RateWindow>[]): Rate[] {
  return windows.map(({ calls, perMs, burst }) => ({ perOneMs: perMs / calls, burst }));
}

/** The settings of the windows: `windows[0].calls`. A burst that was not given goes with the calls. */
function windowSettings(
  windows: readonly Required<RateWindow>[],
  asked: readonly RateWindow[],
  changed: () => void,
): Record<string, AdjustableSetting> {
  return Object.fromEntries(windows.flatMap((window, index) => {
    let follows = asked[index].burst === undefined;
    return (["calls", "perMs", "burst"] as const).map((name): [string, AdjustableSetting] => {
      const rule = windowRules[name];
      const set = (value: SettingValue): void => {
        if (name === "burst") follows = false;
        window[name] = Number(value);
        if (follows) window.burst = Math.max(1, window.calls);
        changed();
      };
      return [`windows[${index}].${name}`, { rule, min: rule.min, max: rule.max, get: () => window[name], set }];
    });
  }));
}

function readWindows(owner: string, windows: readonly RateWindow[]): Required<RateWindow>[] {
  if (windows.length === 0) throw invalidOption(owner, "windows", windows, "a list of one window or more");
  return windows.map((window, index) => {
    const { calls, perMs, burst = calls } = readOptions(`windows[${index}] of ${owner}`, window, windowRules);
    if (calls === undefined) throw invalidOption(owner, `windows[${index}].calls`, calls, "a number of calls");
    if (perMs === undefined) throw invalidOption(owner, `windows[${index}].perMs`, perMs, "a time in milliseconds");
    return { calls, perMs, burst: Math.max(1, burst!) };
  });
}
