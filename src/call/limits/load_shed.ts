/**
 * loadShed(): refuses what would come too late.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import { background, type CallContext } from "../../core/context.ts";
import { named } from "../../core/describe.ts";
import { counted, current, type Figure } from "../../core/figures.ts";
import { liveSettings } from "../../core/live_settings.ts";
import type { Observer } from "../../core/observer.ts";
import {
  duration,
  fraction,
  given,
  integerOrInfinity,
  label,
  type OptionRule,
  readOptions,
} from "../../core/options.ts";
import type { Service } from "../../core/service.ts";
import { ThreadLateness } from "./thread_lateness.ts";
import { type DelaySource, Shedder } from "./shedder.ts";

export type { DelaySource } from "./shedder.ts";

/**
 * Options of {@linkcode loadShed}.
 *
 * @example
 * ```ts
 * import { concurrencyLimit, loadShed, type LoadShedOptions } from "@wireway/wireway";
 * const limit = concurrencyLimit({ max: 100 });
 * const options: LoadShedOptions = { delay: limit, targetMs: 10 };
 * loadShed(options);
 * ```
 */
export interface LoadShedOptions {
  /**
   * The delay to keep short: of a {@linkcode concurrencyLimit}, how long its
   * first call has waited; `event-loop`, how late this thread's timers come; or
   * what you measure. @default {"event-loop"}
   */
  delay?: "event-loop" | DelaySource;
  /** A delay that is no trouble, in milliseconds. @default {5} */
  targetMs?: number;
  /** How long the delay may be above that before a call is refused, in milliseconds. @default {100} */
  intervalMs?: number;
  /** At this delay all calls but those of priority 0 are refused, in milliseconds. @default {intervalMs} */
  maxDelayMs?: number;
  /** Calls in flight at which all are refused, whatever the delay. @default {Infinity} */
  maxInFlight?: number;
  /** The share of `maxInFlight` that the least urgent calls leave free for the most urgent. @default {0.2} */
  reserve?: number;
  /** What it is called in events and errors. @default {"loadShed"} */
  name?: string;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Hears `call-rejected`. */
  observer?: Observer;
}

/**
 * What a {@linkcode loadShed} does now.
 *
 * @example
 * ```ts
 * import { loadShed, type LoadShedStats } from "@wireway/wireway";
 * const { shedding }: LoadShedStats = loadShed().stats();
 * ```
 */
export interface LoadShedStats {
  /** Whether the delay has been too long for a while. */
  shedding: boolean;
  /** Calls refused so far. */
  rejected: number;
  /** Calls in flight; 0 where there is no `maxInFlight`. */
  inFlight: number;
}

/**
 * What sheds load: a middleware, and what reads it. All chains that it is put
 * into share it.
 *
 * @example
 * ```ts
 * import { chain, concurrencyLimit, type LoadShed, loadShed } from "@wireway/wireway";
 * const limit = concurrencyLimit({ max: 100 });
 * const shed: LoadShed = loadShed({ delay: limit });
 * chain((request: string) => request, limit, shed);
 * ```
 */
export interface LoadShed {
  /** Puts it around a service. */
  <Req, Res>(inner: Service<Req, Res>): Service<Req, Res>;
  /** What it does now. */
  stats(): LoadShedStats;
}

/**
 * Refuses calls while what stands before them takes too long, so that those that
 * are let in are still of use to somebody when they are answered.
 *
 * A delay above `targetMs` is a burst at first, and let be. When it has lasted
 * for `intervalMs`, the queue stands: then one call is refused, and the next
 * after a shorter time each, `intervalMs/√n`, until the delay is below the target
 * (CoDel, RFC 8289; refused are new calls, not those that wait). That law is made
 * for senders who slow down when something is lost. Callers need not, so past
 * `maxDelayMs` all are refused.
 *
 * The less urgent are refused first, by the priority in their contexts: a call
 * is spared while enough calls came of late that are less urgent, and are to be
 * refused in its place. Calls of priority 0 are let through at any delay as long
 * as there are others to refuse.
 *
 * With no delay it costs next to nothing: no clock is read. `event-loop` sets a
 * timer of 10 ms while calls come, which keeps no process alive.
 *
 * Its times and limits can be changed while it works ({@linkcode adjustablesOf}).
 *
 * Place: outermost on a server, before the {@linkcode concurrencyLimit} whose
 * delay it goes by.
 *
 * Errors: `overloaded`, with `processed: "no"` and `retryAfterMs`;
 * `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, concurrencyLimit, loadShed, mux, serve, tcp } from "@wireway/wireway";
 * const handler = (request: Uint8Array) => request;
 * const limit = concurrencyLimit({ max: 50, maxWaiting: 500, queue: "priority" });
 * await serve(chain(tcp({ port: 9000 }), mux()), chain(handler, limit, loadShed({ delay: limit })));
 * ```
 */
export function loadShed(options: LoadShedOptions = {}): LoadShed {
  const { delay, ...settings } = readOptions("loadShed()", options, rules);
  const { clock } = settings;
  const source = delay === "event-loop" ? new ThreadLateness(clock) : delay;
  const { maxDelayMs = Math.max(settings.intervalMs, settings.targetMs) } = settings;
  const complete = { ...settings, maxDelayMs, delay: source };
  const shedder = new Shedder(complete);
  const middleware = <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> =>
    function loadShed(request: Req, context: CallContext = background): Promise<Res> {
      const refused = shedder.refusal(context);
      if (refused !== undefined) return Promise.reject(refused);
      return complete.maxInFlight === Infinity ? inner(request, context) : shedder.run(inner, request, context);
    };
  const stats = (): LoadShedStats => {
    const { shedding, rejections, inFlight } = shedder;
    return { shedding, rejected: rejections.count, inFlight };
  };
  const { clock: _, observer: __, ...shown } = settings;
  const by = delay === "event-loop" ? delay : "given";
  const part = Object.assign(middleware, { stats });
  const adjustable = liveSettings("loadShed()", complete, rules, liveNames);
  const figures = (): Figure[] => {
    const { shedding, rejected, inFlight } = stats();
    return [
      current("state", shedding ? "shedding" : "open"),
      ...(complete.maxInFlight === Infinity ? [] : [current("in flight", inFlight)]),
      counted("refused", rejected),
    ];
  };
  return named("loadShed", { delay: by, ...shown, maxDelayMs }, part, figures, adjustable);
}

/** What can be changed while it works. Calls in flight are counted from the first one on that comes under a limit. */
const liveNames = ["targetMs", "intervalMs", "maxDelayMs", "maxInFlight", "reserve"] as const;

const delayRule: OptionRule<"event-loop" | DelaySource> = {
  allowed: '"event-loop", a concurrencyLimit() or an object with a function delayMs',
  fallback: "event-loop",
  accepts: (value) => value === "event-loop" || typeof (value as DelaySource | null)?.delayMs === "function",
};

const rules = {
  delay: delayRule,
  targetMs: duration(5, 0.1),
  intervalMs: fraction(100, 1, 3_600_000),
  maxDelayMs: duration(undefined, 0.1),
  maxInFlight: integerOrInfinity(Infinity, 1, 10_000_000),
  reserve: fraction(0.2, 0, 1),
  name: label("loadShed"),
  clock: given<Clock>(systemClock, "an object"),
  observer: given<Observer | undefined>(undefined, "a function"),
};
