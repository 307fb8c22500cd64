/**
 * concurrencyLimit(): bounds how many calls are in flight at once.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import { background, type CallContext } from "../../core/context.ts";
import { named } from "../../core/describe.ts";
import { counted, current, type Figure } from "../../core/figures.ts";
import type { Adjustable } from "../../core/adjustable.ts";
import { liveSettings } from "../../core/live_settings.ts";
import type { Observer } from "../../core/observer.ts";
import {
  duration,
  given,
  integer,
  invalidOption,
  label,
  oneOf,
  type OptionRule,
  readOptions,
} from "../../core/options.ts";
import type { Service } from "../../core/service.ts";
import { Aimd } from "../../util/aimd.ts";
import { Gradient2 } from "../../util/gradient2.ts";
import type { LimitAlgorithm } from "../../util/limit_algorithm.ts";
import { LimitWindow } from "../../util/limit_window.ts";
import { Vegas } from "../../util/vegas.ts";
import { CallGate, type GateSettings } from "./call_gate.ts";
import { type CallQueue, callQueues } from "./call_line.ts";
import { MeasuredGate } from "./measured_gate.ts";

export type { LimitAlgorithm, LimitSample } from "../../util/limit_algorithm.ts";
export type { CallQueue } from "./call_line.ts";

/**
 * Options of {@linkcode concurrencyLimit}.
 *
 * @example
 * ```ts
 * import { concurrencyLimit, type ConcurrencyLimitOptions } from "@wireway/wireway";
 * const options: ConcurrencyLimitOptions = { max: 50, maxWaiting: 200, acquireTimeoutMs: 500, queue: "priority" };
 * concurrencyLimit(options);
 * ```
 */
export interface ConcurrencyLimitOptions {
  /** The limit; with an algorithm, its ceiling. @default {200} */
  max?: number;
  /**
   * How the limit is found: `fixed` is `max` itself; the others find it between
   * `min` and `max`, see {@linkcode concurrencyLimit}. @default {"fixed"}
   */
  algorithm?: "fixed" | "aimd" | "vegas" | "gradient2" | LimitAlgorithm;
  /** The limit that an algorithm begins with. @default {20} */
  initial?: number;
  /** The floor of an algorithm. @default {4} */
  min?: number;
  /** Calls that may wait; with 0 nothing waits. @default {100} */
  maxWaiting?: number;
  /** How long a call may wait, in milliseconds. @default {1000} */
  acquireTimeoutMs?: number;
  /** Who of those who wait is served first. @default {"fifo"} */
  queue?: CallQueue;
  /** What it is called in events and errors. @default {"concurrencyLimit"} */
  name?: string;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Draws random numbers from 0 to 1, for Vegas' probes. @default {Math.random} */
  random?: () => number;
  /** Hears `limit-changed` and `call-rejected`. */
  observer?: Observer;
}

/**
 * What a {@linkcode concurrencyLimit} does now.
 *
 * @example
 * ```ts
 * import { concurrencyLimit, type ConcurrencyLimitStats } from "@wireway/wireway";
 * const limit = concurrencyLimit({ max: 10 });
 * const { inFlight, waiting }: ConcurrencyLimitStats = limit.stats();
 * ```
 */
export interface ConcurrencyLimitStats {
  /** Calls that may be in flight. */
  limit: number;
  /** Calls in flight: those whose reply is not whole. */
  inFlight: number;
  /** Calls that wait. */
  waiting: number;
  /** Calls refused so far. */
  rejected: number;
}

/**
 * A limit on calls in flight: a middleware, and what reads and steers it. All
 * chains that it is put into share it.
 *
 * @example
 * ```ts
 * import { chain, type ConcurrencyLimit, concurrencyLimit, http, reconnect } from "@wireway/wireway";
 * const limit: ConcurrencyLimit = concurrencyLimit({ max: 10 });
 * const call = chain(http({ origin: "https://orders.example" }), reconnect(), limit);
 * limit.setMax(20);
 * ```
 */
export interface ConcurrencyLimit {
  /** Puts it around a service. */
  <Req, Res>(inner: Service<Req, Res>): Service<Req, Res>;
  /** What it does now. */
  stats(): ConcurrencyLimitStats;
  /**
   * Changes `max`. Calls in flight above it go on; calls that wait go at once
   * where it has grown. Throws `invalid-option`.
   */
  setMax(max: number): void;
  /** How long the call has waited that has waited longest, in milliseconds: what {@linkcode loadShed} may go by. */
  delayMs(): number;
}

/**
 * Lets only so many calls be in flight at once. Up to `maxWaiting` others wait,
 * each for `acquireTimeoutMs` and not beyond its deadline; the rest are refused
 * at once. Who is cancelled or has waited for too long leaves the line there and
 * then.
 *
 * A call holds its place until its inner service has settled, also where the
 * caller has given up on it, since the work goes on until it is cancelled; and
 * where the reply is a `Response`, until its body was read, cancelled or has
 * failed. A body that nobody reads or cancels holds its place for ever.
 *
 * The algorithms look at calls in windows of at least 100 ms, 10 calls and
 * twice their latency:
 *
 * - `aimd` adds 1 in each window; takes a tenth off when calls are dropped, or
 *   take more than 5 s. It finds the limit of a far side that refuses.
 * - `vegas` estimates from the latency how many calls stand in a queue at the
 *   far side, and keeps that between 3 and 6 times log10 of the limit. It adds
 *   the least latency, and measures latencies below half of the limit every 50
 *   to 100 windows.
 * - `gradient2` holds the latency to 1.5 times its average over 600 windows, and
 *   always tries 4 calls more. That average forgets: a load that stays too high
 *   lets the limit rise slowly, so the far side should refuse at some point.
 *
 * A drop is a call that the far side refused as overloaded (HTTP 429 and 503,
 * too), or that ran out of time although it had more than calls take. The drops
 * of one moment count once. Latencies are those of calls that succeeded, to the
 * end of a body; not those of further attempts, failures, cancelled calls and
 * event streams. No algorithm raises a limit of which less than half is in use.
 * Use one of them in a chain at most, around all calls to one endpoint: two that
 * adapt to each other find nothing.
 *
 * `max`, `maxWaiting` and `acquireTimeoutMs` can be changed while it works ({@linkcode adjustablesOf}).
 *
 * Place: on a server around the handler, or around what is dear in it. On a
 * client inside of retries and timeouts, around one endpoint.
 *
 * Errors: `too-many-calls` where nothing may wait, `overloaded` where too many
 * wait (with `priority`, the least urgent one goes), `acquire-timeout`,
 * `deadline-exceeded` and `cancelled` while waiting, all with
 * `processed: "no"`; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, concurrencyLimit, mux, serve, tcp } from "@wireway/wireway";
 * const limit = concurrencyLimit({ algorithm: "vegas", max: 500 });
 * await serve(chain(tcp({ port: 9000 }), mux()), chain((request: Uint8Array) => request, limit));
 * console.log(limit.stats().inFlight);
 * ```
 */
export function concurrencyLimit(options: ConcurrencyLimitOptions = {}): ConcurrencyLimit {
  const owner = "concurrencyLimit()";
  const settings = readOptions(owner, options, rules);
  const { max, algorithm } = settings;
  const { min = Math.min(4, max), initial = Math.min(Math.max(20, min), max) } = settings;
  for (const [name, value] of [["min", min], ["initial", initial]] as const) {
    if (value > max) throw invalidOption(owner, name, value, `max (${max}) or less`);
  }
  const gate = algorithm === "fixed"
    ? new CallGate(max, settings)
    : measured(settings, algorithm, { initial, min, max });
  const { clock: _, random: __, observer: ___, ...shown } = settings;
  const shownBounds = algorithm === "fixed" ? {} : { min, initial };
  const setMax = (max: number): void => {
    if (!(gate instanceof MeasuredGate)) return gate.setLimit(max);
    gate.window.setMax(max);
    gate.setLimit(Math.floor(gate.window.limit));
  };
  const adjustable = liveSettings(owner, settings, rules, ["max", "maxWaiting", "acquireTimeoutMs"], {
    changed: (name) => {
      if (name === "max") setMax(settings.max);
    },
  });
  const figures = (): Figure[] => [
    current("in flight", gate.inFlight),
    current("limit", gate.limit),
    current("waiting", gate.line.size),
    counted("refused", gate.rejections.count),
  ];
  return named("concurrencyLimit", { ...shown, ...shownBounds }, controlled(gate, adjustable), figures, adjustable);
}

/** The middleware with its controls on it. */
function controlled(gate: CallGate, { adjust }: Adjustable): ConcurrencyLimit {
  const middleware = <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> =>
    function concurrencyLimit(request: Req, context: CallContext = background): Promise<Res> {
      return gate.inFlight < gate.limit ? gate.run(inner, request, context) : gate.wait(inner, request, context);
    };
  return Object.assign(middleware, {
    stats: (): ConcurrencyLimitStats => {
      const { limit, inFlight, line, rejections } = gate;
      return { limit, inFlight, waiting: line.size, rejected: rejections.count };
    },
    setMax: (max: number): void => adjust("max", max),
    delayMs: (): number => gate.delayMs(),
  });
}

const mostCalls = 10_000_000;

const maxRule = integer(200, 1, mostCalls);

const algorithms = ["fixed", "aimd", "vegas", "gradient2"];

const algorithmRule: OptionRule<NonNullable<ConcurrencyLimitOptions["algorithm"]>> = {
  allowed: `${algorithms.map((name) => JSON.stringify(name)).join(", ")} or an object with a function next`,
  fallback: "fixed",
  accepts: (value) =>
    algorithms.includes(value as string) || typeof (value as LimitAlgorithm | null)?.next === "function",
};

const rules = {
  max: maxRule,
  algorithm: algorithmRule,
  initial: integer(undefined, 1, mostCalls),
  min: integer(undefined, 1, mostCalls),
  maxWaiting: integer(100, 0, mostCalls),
  acquireTimeoutMs: duration(1000),
  queue: oneOf("fifo", callQueues),
  name: label("concurrencyLimit"),
  clock: given<Clock>(systemClock, "an object"),
  random: given<() => number>(Math.random, "a function"),
  observer: given<Observer | undefined>(undefined, "a function"),
};

function measured(
  settings: GateSettings & { readonly random: () => number },
  algorithm: "aimd" | "vegas" | "gradient2" | LimitAlgorithm,
  bounds: { initial: number; min: number; max: number },
): MeasuredGate {
  const found = typeof algorithm === "object"
    ? algorithm
    : algorithm === "aimd"
    ? new Aimd()
    : algorithm === "vegas"
    ? new Vegas(settings.random)
    : new Gradient2();
  return new MeasuredGate(new LimitWindow(found, bounds), settings);
}
