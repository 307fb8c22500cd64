/**
 * bulkhead(): keeps one tenant from taking all.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import { background, type CallContext } from "../../core/context.ts";
import { named } from "../../core/describe.ts";
import { counted, current, type Figure } from "../../core/figures.ts";
import { liveSettings } from "../../core/live_settings.ts";
import type { Observer } from "../../core/observer.ts";
import { duration, given, integer, integerOrInfinity, invalidOption, label, readOptions } from "../../core/options.ts";
import type { Service } from "../../core/service.ts";
import { Compartments } from "./compartments.ts";

/**
 * Options of {@linkcode bulkhead}.
 *
 * @example
 * ```ts
 * import { bulkhead, type BulkheadOptions } from "@wireway/wireway";
 * const options: BulkheadOptions<unknown> = {
 *   key: (_, context) => context.metadata.tenant ?? "",
 *   maxPerKey: 10,
 *   max: 100,
 * };
 * bulkhead(options);
 * ```
 */
export interface BulkheadOptions<Req = unknown> {
  /** Whose share a call takes. */
  key: (request: Req, context: CallContext) => string;
  /** Calls of one key that may be in flight at once. @default {10} */
  maxPerKey?: number;
  /** Calls of all keys together that may be in flight at once. @default {Infinity} */
  max?: number;
  /** Calls of one key that may wait; with 0 nothing waits. @default {10} */
  maxWaitingPerKey?: number;
  /** Calls of all keys together that may wait. @default {1000} */
  maxWaiting?: number;
  /** How long a call may wait, in milliseconds. @default {1000} */
  acquireTimeoutMs?: number;
  /** Keys that may have calls in flight or waiting at once. @default {10000} */
  maxKeys?: number;
  /** What it is called in events and errors. @default {"bulkhead"} */
  name?: string;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Hears `limit-changed` and `call-rejected`. */
  observer?: Observer;
}

/**
 * What a {@linkcode bulkhead} does now.
 *
 * @example
 * ```ts
 * import { bulkhead, type BulkheadStats } from "@wireway/wireway";
 * const tenants = bulkhead({ key: (_, context) => context.metadata.tenant ?? "" });
 * const acme: BulkheadStats = tenants.stats("acme");
 * ```
 */
export interface BulkheadStats {
  /** Calls that may be in flight. */
  limit: number;
  /** Calls in flight: those whose reply is not whole. */
  inFlight: number;
  /** Calls that wait. */
  waiting: number;
  /** Calls refused so far; of a single key, for as long as it is remembered. */
  rejected: number;
  /** Keys with calls in flight or waiting. */
  keys: number;
}

/**
 * A bulkhead: a middleware, and what reads and steers it. All chains that it is
 * put into share it.
 *
 * @example
 * ```ts
 * import { type Bulkhead, bulkhead, chain, http, reconnect } from "@wireway/wireway";
 * const tenants: Bulkhead<Request> = bulkhead({ key: (request) => request.headers.get("x-tenant") ?? "" });
 * const call = chain(http({ origin: "https://orders.example" }), reconnect(), tenants);
 * tenants.setMax(500);
 * ```
 */
export interface Bulkhead<Req> {
  /** Puts it around a service. */
  <R extends Req, Res>(inner: Service<R, Res>): Service<R, Res>;
  /** What it does now, for one key or for all together. */
  stats(key?: string): BulkheadStats;
  /** Changes `max`. Throws `invalid-option`. */
  setMax(max: number): void;
  /** Changes `maxPerKey`. Throws `invalid-option`. */
  setMaxPerKey(max: number): void;
}

/**
 * A limit on calls in flight for each key, so that a tenant, a route or a peer
 * that is slow or greedy fills its own compartment and no other.
 *
 * With `max`, all keys together have a limit, too. Then keys that wait take
 * turns: each place that becomes free goes to the next key, and within a key to
 * the call that came first. So a key with one call waits for one turn, however
 * many calls another has in line.
 *
 * Places are held, and lines are left, as with {@linkcode concurrencyLimit}. A
 * key that has no calls makes room for others.
 *
 * Its limits can be changed while it works ({@linkcode adjustablesOf}).
 *
 * Place: as a concurrency limit; where there are both, the bulkhead outside.
 *
 * Errors: `too-many-calls` where nothing may wait or too many keys are in use,
 * `overloaded` where too many wait, `acquire-timeout`, `deadline-exceeded` and
 * `cancelled` while waiting, all with `processed: "no"`; `invalid-option`.
 *
 * @example
 * ```ts
 * import { bulkhead, chain, mux, serve, tcp } from "@wireway/wireway";
 * const handler = (request: Uint8Array) => request;
 * const tenants = bulkhead({ key: (_, context) => context.metadata.tenant ?? "", maxPerKey: 20, max: 200 });
 * await serve(chain(tcp({ port: 9000 }), mux()), chain(handler, tenants));
 * ```
 */
export function bulkhead<Req = unknown>(options: BulkheadOptions<Req>): Bulkhead<Req> {
  const owner = "bulkhead()";
  const { key: keyOf, ...settings } = readOptions(owner, options, {
    key: given<BulkheadOptions<Req>["key"] | undefined>(undefined, "a function"),
    ...rules,
  });
  if (keyOf === undefined) throw invalidOption(owner, "key", keyOf, "a function from a call to its key");
  const compartments = new Compartments(settings);
  const middleware = <R extends Req, Res>(inner: Service<R, Res>): Service<R, Res> =>
    function bulkhead(request: R, context: CallContext = background): Promise<Res> {
      try {
        return compartments.call(keyOf(request, context), inner, request, context);
      } catch (error) {
        return Promise.reject(error);
      }
    };
  const { clock: _, observer: __, ...shown } = settings;
  const adjustable = liveSettings(owner, settings, rules, liveNames, {
    changed: (name) => {
      if (name === "max") compartments.setMax(settings.max);
      if (name === "maxPerKey") compartments.setMaxPerKey(settings.maxPerKey);
    },
  });
  const controls = {
    stats: (key?: string): BulkheadStats => compartments.stats(key),
    setMax: (max: number): void => adjustable.adjust("max", max),
    setMaxPerKey: (max: number): void => adjustable.adjust("maxPerKey", max),
  };
  const figures = (): Figure[] => {
    const { inFlight, waiting, rejected, keys } = compartments.stats(undefined);
    return [
      current("in flight", inFlight),
      current("waiting", waiting),
      current("keys", keys),
      counted("refused", rejected),
    ];
  };
  return named("bulkhead", shown, Object.assign(middleware, controls), figures, adjustable);
}

/** What can be changed while it works. */
const liveNames = ["maxPerKey", "max", "maxWaitingPerKey", "maxWaiting", "acquireTimeoutMs", "maxKeys"] as const;

const mostCalls = 10_000_000;

const perKeyRule = integer(10, 1, mostCalls);

const maxRule = integerOrInfinity(Infinity, 1, mostCalls);

const rules = {
  maxPerKey: perKeyRule,
  max: maxRule,
  maxWaitingPerKey: integer(10, 0, mostCalls),
  maxWaiting: integer(1000, 0, mostCalls),
  acquireTimeoutMs: duration(1000),
  maxKeys: integer(10_000, 1, mostCalls),
  name: label("bulkhead"),
  clock: given<Clock>(systemClock, "an object"),
  observer: given<Observer | undefined>(undefined, "a function"),
};
