/**
 * adaptiveTimeout(): bounds the time of a call by how long calls take.
 *
 * @module
 */

import { attempt } from "../../core/attempt.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { background, type CallContext } from "../../core/context.ts";
import { deadlinesOf } from "../../core/deadline_queue.ts";
import { named } from "../../core/describe.ts";
import { current } from "../../core/figures.ts";
import { enforceDeadline, expiredBefore } from "../../core/enforce.ts";
import { TransportError } from "../../core/errors.ts";
import { notify, type Observer } from "../../core/observer.ts";
import { duration, fraction, given, integer, invalidOption, label, oneOf, readOptions } from "../../core/options.ts";
import { outcomeOfReply } from "../../core/outcome.ts";
import type { Service } from "../../core/service.ts";
import { type TimeoutEstimate, TimeoutEstimates } from "./timeout_estimates.ts";

/**
 * Options of {@linkcode adaptiveTimeout}.
 *
 * @example A time for each path
 * ```ts
 * import { adaptiveTimeout, type AdaptiveTimeoutOptions } from "@wireway/wireway";
 * const options: AdaptiveTimeoutOptions<Request> = {
 *   key: (request) => new URL(request.url).pathname,
 *   minMs: 50,
 *   maxMs: 2000,
 * };
 * adaptiveTimeout(options);
 * ```
 */
export interface AdaptiveTimeoutOptions<Req = unknown> {
  /** How the time is found, see {@linkcode adaptiveTimeout}. @default {"percentile"} */
  strategy?: "fixed" | "rtt" | "percentile";
  /** The time for calls of which too few are known, in milliseconds; with `fixed`, for all. @default {Infinity} */
  initialMs?: number;
  /** The least time that is found, in milliseconds. @default {20} */
  minMs?: number;
  /** The most, in milliseconds. @default {60000} */
  maxMs?: number;
  /** Calls that must be known before the time is found from them. @default {20} */
  minSamples?: number;
  /** The share of calls that are answered within the percentile. @default {0.99} */
  percentile?: number;
  /** How many times the percentile a call may take. @default {2} */
  factor?: number;
  /** How old a call may be to count for the percentile, in milliseconds. @default {60000} */
  windowMs?: number;
  /** Which calls are measured together: those of a route, say. Default: all. */
  key?: (request: Req, context: CallContext) => string;
  /** Keys that are known at once; the one not seen for longest makes room. A key takes some 7 KB. @default {256} */
  maxKeys?: number;
  /** What it is called in events. @default {"adaptiveTimeout"} */
  name?: string;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Hears `limit-changed`, with times in milliseconds, of changes of a quarter and more. */
  observer?: Observer;
}

/**
 * What an {@linkcode adaptiveTimeout} has found.
 *
 * @example
 * ```ts
 * import { adaptiveTimeout, type AdaptiveTimeoutStats } from "@wireway/wireway";
 * const { timeoutMs }: AdaptiveTimeoutStats = adaptiveTimeout({ initialMs: 1000 }).stats();
 * ```
 */
export interface AdaptiveTimeoutStats {
  /** The time for the next call, in milliseconds. */
  timeoutMs: number;
  /** Calls that are known. */
  samples: number;
}

/**
 * A timeout that adapts: a middleware, and what reads it. All chains that it is
 * put into share what it has found.
 *
 * @example
 * ```ts
 * import { type AdaptiveTimeout, adaptiveTimeout, chain, http, reconnect } from "@wireway/wireway";
 * const patience: AdaptiveTimeout<Request> = adaptiveTimeout({ maxMs: 2000 });
 * const call = chain(http({ origin: "https://orders.example" }), reconnect(), patience);
 * ```
 */
export interface AdaptiveTimeout<Req> {
  /** Puts it around a service. */
  <R extends Req, Res>(inner: Service<R, Res>): Service<R, Res>;
  /** What it has found for a key; that of all calls without keys is the empty text. */
  stats(key?: string): AdaptiveTimeoutStats;
}

/**
 * Gives each call about as much time as calls like it take. When that has passed
 * the call is cancelled, all the way to the far side's handler, and rejected. An
 * earlier deadline that the call came with stays.
 *
 * - `percentile`: `factor` times the percentile of the latencies of the last
 *   `windowMs`, looked up ten times in that time and after each timeout. For
 *   calls, whose times spread widely and differ from route to route: see `key`.
 * - `rtt`: the smoothed time plus four times its deviation, doubled with each
 *   timeout until an answer comes (RFC 6298). For what takes about the same time
 *   always: connecting, pings.
 * - `fixed`: always `initialMs`.
 *
 * Found times are held between `minMs` and `maxMs`, and none is applied before
 * `minSamples` calls are known. Measured is the time to the reply, for a response
 * to its head, of calls that succeeded. Further attempts are not measured, as
 * what they hit may be warm (Karn's rule). A call that ran out of time counts as
 * one that took as long as it was waited for: without the slow ones the time
 * would ratchet down. If many run out, so, the time grows `factor`-fold with each
 * look. Cancelled calls, failures, and calls whose own deadline was shorter than
 * the percentile say nothing.
 *
 * Place: around single attempts, inside of retries and breakers; with it, use no
 * other loop on latency (hedging, a limit by latency) around the same calls
 * unless you have measured them together.
 *
 * Errors: `deadline-exceeded`, with `processed: "maybe"`, or `"no"` where it had
 * passed before, or while the call waited for its turn; `invalid-option`.
 *
 * @example
 * ```ts
 * import { adaptiveTimeout, chain, mux, pool, tcp } from "@wireway/wireway";
 * await using call = chain(tcp({ port: 9000 }), mux(), pool(), adaptiveTimeout({ initialMs: 1000, maxMs: 2000 }));
 * ```
 */
export function adaptiveTimeout<Req = unknown>(options: AdaptiveTimeoutOptions<Req> = {}): AdaptiveTimeout<Req> {
  const owner = "adaptiveTimeout()";
  const { key: keyOf, ...settings } = readOptions(owner, options, {
    strategy: oneOf("percentile", ["fixed", "rtt", "percentile"]),
    initialMs: duration(Infinity),
    minMs: duration(20),
    maxMs: duration(60_000, 1),
    minSamples: integer(20, 1, 1_000_000),
    percentile: fraction(0.99, 0.01, 1),
    factor: fraction(2, 1, 1000),
    windowMs: integer(60_000, 10, 86_400_000),
    key: given<AdaptiveTimeoutOptions<Req>["key"]>(undefined, "a function"),
    maxKeys: integer(256, 1, 1_000_000),
    name: label("adaptiveTimeout"),
    clock: given<Clock>(systemClock, "an object"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  const { strategy, initialMs, minMs, maxMs, clock, observer, name, maxKeys } = settings;
  if (minMs > maxMs) throw invalidOption(owner, "minMs", minMs, `maxMs (${maxMs}) or less`);
  if (strategy === "fixed" && initialMs === Infinity) {
    throw invalidOption(owner, "initialMs", initialMs, "a time in milliseconds, for the strategy fixed");
  }
  const deadlines = deadlinesOf(clock);
  const estimates = new TimeoutEstimates(settings, maxKeys);
  const tell = (estimate: TimeoutEstimate, to: number): void => {
    const from = estimate.toldMs;
    if (observer === undefined || (to > from * 0.75 && to < from * 1.25) || to === from) return;
    estimate.toldMs = to;
    notify(observer, { type: "limit-changed", policy: name, from, to });
  };
  const middleware = <R extends Req, Res>(inner: Service<R, Res>): Service<R, Res> =>
    function adaptiveTimeout(request: R, context: CallContext = background): Promise<Res> {
      let estimate: TimeoutEstimate;
      try {
        estimate = estimates.of(keyOf === undefined ? "" : keyOf(request, context));
      } catch (error) {
        return Promise.reject(error);
      }
      const now = clock.now();
      if (context.deadline <= now) return Promise.reject(expiredBefore());
      const ms = estimate.at(now);
      if (observer !== undefined) tell(estimate, ms);
      const due = Math.min(now + ms, context.deadline);
      const seenTo = due === Infinity || (context.deadlineEnforced && context.deadline <= due);
      const describe = (): string => `it took longer than ${Math.round((due - now) * 10) / 10} ms`;
      const reply = seenTo
        ? inner(request, context)
        : enforceDeadline(inner, request, context, due, deadlines, describe);
      return reply.then(
        (reply) => {
          if (context.get(attempt) === 1 && outcomeOfReply(reply) === "success") {
            const end = clock.now();
            estimate.answered(end, end - now);
          }
          return reply;
        },
        (error) => {
          if (ranOut(context.cancellation?.reason ?? error)) {
            const end = clock.now();
            estimate.expired(end, end - now);
          }
          throw error;
        },
      );
    };
  const stats = (key = ""): AdaptiveTimeoutStats => {
    const estimate = estimates.known(key);
    if (estimate === undefined) return { timeoutMs: initialMs, samples: 0 };
    return { timeoutMs: estimate.at(clock.now()), samples: estimate.samples };
  };
  const { clock: _, observer: __, ...shown } = settings;
  return named("adaptiveTimeout", shown, Object.assign(middleware, { stats }), () => [
    current("timeout", stats().timeoutMs, "ms"),
  ]);
}

/** Whether a call was sent and not answered in time. */
function ranOut(error: unknown): boolean {
  return error instanceof TransportError && error.code === "deadline-exceeded" && error.processed !== "no";
}
