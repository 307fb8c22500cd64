/**
 * hedge(): makes a slow call a second time, and takes the faster answer.
 *
 * @module
 */

import { attempt } from "../../core/attempt.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { background, type CallContext } from "../../core/context.ts";
import { contextRefusal } from "../../core/context_refusal.ts";
import { named } from "../../core/describe.ts";
import { counted, current } from "../../core/figures.ts";
import { type Idempotence, isIdempotent } from "../../core/idempotent.ts";
import type { Observer } from "../../core/observer.ts";
import { duration, fraction, given, integer, invalidOption, label, readOptions } from "../../core/options.ts";
import { RetryBudget } from "../../core/retry_budget.ts";
import type { CallMiddleware, Service } from "../../core/service.ts";
import { Streamed } from "../../core/streamed.ts";
import { LatencyWindow } from "../../util/latency_window.ts";
import { HedgedCall, type HedgeSettings } from "./hedged_call.ts";
import { idempotence } from "./idempotence.ts";
import { isRepeatable } from "./replay.ts";

/**
 * Options of {@linkcode hedge}.
 *
 * @example
 * ```ts
 * import { hedge, type HedgeOptions } from "@wireway/wireway";
 * const options: HedgeOptions = { percentile: 0.99, idempotent: true };
 * hedge(options);
 * ```
 */
export interface HedgeOptions {
  /** The share of calls that are answered before they would be hedged. @default {0.95} */
  percentile?: number;
  /** A fixed time before a call is hedged, in milliseconds, in place of the percentile. */
  delayMs?: number;
  /** The shortest time that the percentile may give, in milliseconds. @default {1} */
  minDelayMs?: number;
  /** Where the percentile is above this time, in milliseconds, nothing is hedged: everything is slow then. @default {2000} */
  maxDelayMs?: number;
  /** Answers that must be in the window before anything is hedged. @default {20} */
  minCalls?: number;
  /** How old an answer may be to count for the percentile, in milliseconds. @default {30000} */
  windowMs?: number;
  /** Further attempts for a call, each as much later. @default {1} */
  maxHedges?: number;
  /** Whether calls may be made more than once, where their context does not say. By default HTTP methods say it. */
  idempotent?: Idempotence;
  /** What further attempts are paid from. @default {a budget of its own, of ratio 0.1 and 1 a second} */
  budget?: RetryBudget;
  /** What it is called in events. @default {"hedge"} */
  name?: string;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Hears `call-hedged`. */
  observer?: Observer;
}

/** How often the percentile is looked up anew, as a share of the window. */
const looksPerWindow = 10;

/**
 * Makes a call again that has not been answered when most calls are, takes the
 * answer that comes first and cancels what is still under way, with the reason
 * `superseded`. It cuts off the longest latencies for a little more load.
 *
 * When that is follows from the latest answers: the `percentile` of the last
 * `windowMs`, looked up ten times in that time. Measured is how long the first
 * attempt took to answer, for a response to its head; of one that was overtaken,
 * how long it had taken by then. Failures are not measured, since they may be
 * quick. The window is a histogram of fixed size.
 *
 * Only calls that may be made more than once are hedged ({@linkcode idempotent},
 * the option, or for HTTP the method), and of HTTP only requests without a body.
 * All others pass through untouched.
 *
 * An attempt that fails does not make another one; that is a retry's work. Where
 * one fails while another is under way, that one decides. Where all fail, the
 * call does as the first of them, unless that was refused by this side and
 * another was not. The body of a response that is not passed on is cancelled.
 * An attempt is paid from the budget when it is sent, so a call that needs none
 * costs none; where there is nothing left the call waits for what is under way.
 *
 * Place: as {@linkcode retry}, inside of it, outside of what chooses a
 * connection, so that the further attempt may take another one.
 *
 * Errors: those of the attempts; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, hedge, http, pool, retry, RetryBudget } from "@wireway/wireway";
 * const budget = new RetryBudget();
 * const call = chain(http({ origin: "https://orders.example" }), pool(), hedge({ budget }), retry({ budget }));
 * ```
 */
export function hedge(options: HedgeOptions = {}): CallMiddleware {
  const read = readOptions("hedge()", options, {
    percentile: fraction(0.95, 0.01, 1),
    delayMs: duration(undefined),
    minDelayMs: duration(1),
    maxDelayMs: duration(2000),
    minCalls: integer(20, 1, 1_000_000),
    windowMs: integer(30_000, 10, 86_400_000),
    maxHedges: integer(1, 1, 100),
    idempotent: idempotence,
    budget: given<RetryBudget | undefined>(undefined, "an object"),
    name: label("hedge"),
    clock: given<Clock>(systemClock, "an object"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  const { maxHedges, name, clock, observer, idempotent, minDelayMs, maxDelayMs } = read;
  if (minDelayMs > maxDelayMs) {
    throw invalidOption("hedge()", "minDelayMs", minDelayMs, `maxDelayMs (${maxDelayMs}) or less`);
  }
  const budget = read.budget ?? new RetryBudget({ clock, ratio: 0.1, minPerSecond: 1 });
  const delay = read.delayMs === undefined ? new PercentileDelay(read) : new FixedDelay(read.delayMs);
  const measured = (now: number, latencyMs: number): void => delay.record(now, latencyMs);
  const settings: HedgeSettings = { maxHedges, budget, name, clock, observer, measured, made: { count: 0 } };
  const { clock: _, observer: __, budget: shared, ...shown } = read;
  return named(
    "hedge",
    { ...shown, budget: shared && "shared" },
    <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> =>
      function hedge(request: Req, context: CallContext = background): Promise<Res> {
        if (request instanceof Streamed || !isRepeatable(request)) return inner(request, context);
        try {
          if (!isIdempotent(request, context, idempotent)) return inner(request, context);
        } catch (error) {
          return Promise.reject(contextRefusal(context) ?? error);
        }
        if (context.get(attempt) === 1) budget.deposit();
        const now = clock.now();
        return new HedgedCall(inner, request, context, settings, now, delay.at(now)).start();
      },
    () => [
      counted("hedges", settings.made.count),
      current("budget left", Math.floor(budget.balance)),
      counted("budget refused", budget.refused),
    ],
  );
}

/** When a call is hedged. */
interface Delay {
  /** Counted from the call's beginning, in milliseconds; `Infinity` where it is not to be hedged. */
  at(now: number): number;
  record(now: number, latencyMs: number): void;
}

class FixedDelay implements Delay {
  readonly #ms: number;

  constructor(ms: number) {
    this.#ms = ms;
  }

  at(): number {
    return this.#ms;
  }

  record(): void {}
}

/** What a percentile is looked up by. */
interface PercentileSettings {
  readonly percentile: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly minCalls: number;
  readonly windowMs: number;
}

class PercentileDelay implements Delay {
  readonly #settings: PercentileSettings;
  readonly #window: LatencyWindow;
  #delayMs = Infinity;
  #lookAt = -Infinity;

  constructor(settings: PercentileSettings) {
    this.#settings = settings;
    this.#window = new LatencyWindow(settings.windowMs);
  }

  at(now: number): number {
    if (now >= this.#lookAt) this.#look(now);
    return this.#delayMs;
  }

  record(now: number, latencyMs: number): void {
    this.#window.record(now, latencyMs);
    // The first delay is not to wait for the next look.
    if (this.#window.total === this.#settings.minCalls) this.#lookAt = now;
  }

  #look(now: number): void {
    const { percentile, minDelayMs, maxDelayMs, minCalls, windowMs } = this.#settings;
    this.#lookAt = now + windowMs / looksPerWindow;
    const ms = this.#window.percentile(now, percentile);
    const known = this.#window.total >= minCalls;
    this.#delayMs = known && ms <= maxDelayMs ? Math.max(minDelayMs, ms) : Infinity;
  }
}
