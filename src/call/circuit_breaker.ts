/**
 * circuitBreaker(): leaves a peer alone that fails.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { background, type CallContext } from "../core/context.ts";
import { named } from "../core/describe.ts";
import type { Observer } from "../core/observer.ts";
import { duration, fraction, given, integer, invalidOption, label, readOptions } from "../core/options.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Service } from "../core/service.ts";
import { Breaker } from "./breaker.ts";
import { guarding } from "./breaker_calls.ts";
import { type BreakerSnapshot, type BreakerState, checkedSnapshot } from "./breaker_state.ts";
import { type BreakerWindow, readWindows } from "./breaker_windows.ts";

export type { BreakerSnapshot, BreakerState } from "./breaker_state.ts";
export type { BreakerWindow } from "./breaker_windows.ts";

/**
 * Options of {@linkcode circuitBreaker}.
 *
 * @example
 * ```ts
 * import { circuitBreaker, type CircuitBreakerOptions } from "@wireway/wireway";
 * const options: CircuitBreakerOptions = { failures: 10, openMs: 5000, windows: [{ failureRate: 0.5 }] };
 * circuitBreaker(options);
 * ```
 */
export interface CircuitBreakerOptions {
  /** Failures in a row that open it; `Infinity` leaves that to the windows. @default {5} */
  failures?: number;
  /** Time without a failure after which a row of them is forgotten, in milliseconds. @default {60000} */
  forgetAfterMs?: number;
  /** Shares of failed or slow calls that open it as well: whichever says so first. @default {[]} */
  windows?: readonly BreakerWindow[];
  /** Probes that must succeed for it to close. @default {2} */
  successes?: number;
  /** Time it stays open the first time, in milliseconds. @default {30000} */
  openMs?: number;
  /** The longest time it stays open, in milliseconds. @default {300000, or openMs where that is more} */
  maxOpenMs?: number;
  /** The share of that time that is drawn at random and left out, from 0 to 1. @default {0.2} */
  jitter?: number;
  /** Calls that may probe at once while it is half open. @default {1} */
  maxProbes?: number;
  /** Time after which a probe that has not ended makes room for another, in milliseconds. @default {10000} */
  probeLeaseMs?: number;
  /** What an end of a call counts as; given its outcome, and the reply or error itself. By default, see {@linkcode circuitBreaker}. */
  countsAs?: (outcome: Outcome, result: unknown) => "success" | "failure" | "neutral";
  /** What it is called in events and errors. @default {"circuitBreaker"} */
  name?: string;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Draws the jitter, from 0 to 1. @default {Math.random} */
  random?: () => number;
  /** Hears `state-changed` and `call-rejected`. */
  observer?: Observer;
}

/**
 * A circuit breaker: a middleware, and what reads and steers its state. All
 * chains that it is put into share that state.
 *
 * @example
 * ```ts
 * import { chain, type CircuitBreaker, circuitBreaker, http, reconnect } from "@wireway/wireway";
 * const breaker: CircuitBreaker = circuitBreaker();
 * const call = chain(http({ origin: "https://orders.example" }), reconnect(), breaker);
 * console.log(breaker.state); // "closed"
 * ```
 */
export interface CircuitBreaker {
  /** Puts it around a service. */
  <Req, Res>(inner: Service<Req, Res>): Service<Req, Res>;
  /** What it does with calls now. */
  readonly state: BreakerState;
  /** Probes under way. */
  readonly probes: number;
  /**
   * Refuses all calls until the isolation that is returned is disposed of.
   * Several may isolate it; it is closed again when the last one has ended.
   */
  isolate(reason?: string): Isolation;
  /** Closes it and forgets all failures. Does not end isolations. */
  reset(): void;
  /** Its state as plain data. `JSON.stringify(breaker)` gives it, too. */
  snapshot(): BreakerSnapshot;
  /** Goes on from a snapshot. Throws `invalid-option` where it is none. */
  restore(snapshot: BreakerSnapshot): void;
  /** The same as `snapshot()`. */
  toJSON(): BreakerSnapshot;
}

/**
 * Keeps a circuit breaker isolated.
 *
 * @example
 * ```ts
 * import { circuitBreaker, type Isolation } from "@wireway/wireway";
 * const breaker = circuitBreaker();
 * {
 *   using _maintenance: Isolation = breaker.isolate("maintenance");
 * }
 * console.log(breaker.state); // "closed"
 * ```
 */
export interface Isolation extends Disposable {
  /** Ends it. A second time does nothing. */
  end(): void;
}

/**
 * Stops calling a peer that fails, so that it can recover and callers learn of
 * it at once.
 *
 * Closed, it lets calls through and counts. It opens with `failures` failures
 * in a row, or when one of the `windows` says so. Open, it refuses calls for
 * `openMs`, less a random share of up to `jitter`; each opening that follows
 * doubles that time, up to `maxOpenMs`, and each `openMs` spent closed takes a
 * doubling back. Then it is half open: up to `maxProbes` calls at once go
 * through, and the others are refused. After `successes` successful probes it
 * closes; a probe that fails, or is slow where a window knows what that is,
 * opens it again.
 *
 * What counts: replies as successes; as failures what
 * {@linkcode outcomeOf} and {@linkcode outcomeOfReply} call `failure` or
 * `overload`: errors of the peer and of the network, timeouts, HTTP statuses of
 * 500 and above and 429. What this side refused, what its caller gave up and
 * what another attempt superseded counts as nothing, and a probe that ends so
 * gives its place to another. A `Response` has succeeded at the end of its
 * body. The result of a call that began before the last change of state changes
 * nothing.
 *
 * A probe that does not end makes room after `probeLeaseMs`; if its response
 * has begun by then, as an event stream's does, it is a success.
 *
 * There is no timer: the state is a function of the clock. A closed breaker
 * reads the clock at failures only, with windows at the end of each call.
 *
 * Place: around one endpoint, inside of retries and of balancing, outside of
 * the timeout of a single attempt, so that it hears of every attempt.
 *
 * Errors: `circuit-open`, with `processed: "no"`, and with `retryAfterMs` while
 * it is open; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, circuitBreaker, mux, pool, tcp, timeout } from "@wireway/wireway";
 * const breaker = circuitBreaker({ failures: 5, openMs: 30_000 });
 * await using call = chain(tcp({ port: 9000 }), mux(), pool({ max: 4 }), timeout({ ms: 200 }), breaker);
 * ```
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  const owner = "circuitBreaker()";
  const { windows, maxOpenMs: maxGiven, ...rest } = readOptions(owner, options, {
    failures: {
      allowed: "an integer from 1 to 1000000, or Infinity",
      fallback: 5,
      accepts: (value) => value === Infinity || integer(5, 1, 1_000_000).accepts(value),
    },
    forgetAfterMs: duration(60_000, 1),
    windows: given<readonly BreakerWindow[]>([], "a list"),
    successes: integer(2, 1, 1_000_000),
    openMs: integer(30_000, 1, 86_400_000),
    maxOpenMs: integer(undefined, 1, 86_400_000),
    jitter: fraction(0.2, 0, 1),
    maxProbes: integer(1, 1, 1_000_000),
    probeLeaseMs: duration(10_000, 1),
    countsAs: given<CircuitBreakerOptions["countsAs"]>(undefined, "a function"),
    name: label("circuitBreaker"),
    clock: given<Clock>(systemClock, "an object"),
    random: given<() => number>(Math.random, "a function"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  const maxOpenMs = maxGiven ?? Math.max(300_000, rest.openMs);
  if (maxOpenMs < rest.openMs) throw invalidOption(owner, "maxOpenMs", maxOpenMs, `openMs (${rest.openMs}) or more`);
  const settings = { ...rest, maxOpenMs };
  const breaker = new Breaker(settings, readWindows(owner, windows)());
  const { clock: _, random: __, observer: ___, ...shown } = settings;
  return named("circuitBreaker", { ...shown, windows }, controlled(breaker));
}

/** The middleware with its controls on it. */
function controlled(breaker: Breaker): CircuitBreaker {
  const guard = guarding(breaker);
  const middleware = <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> =>
    function circuitBreaker(request: Req, context: CallContext = background): Promise<Res> {
      return guard(inner, request, context);
    };
  const snapshot = (): BreakerSnapshot => breaker.snapshot();
  const controls = {
    isolate(reason = "isolate() was called"): Isolation {
      breaker.isolate(reason);
      let over = false;
      const end = (): void => {
        if (!over) breaker.endIsolation();
        over = true;
      };
      return { end, [Symbol.dispose]: end };
    },
    reset: () => breaker.reset(),
    snapshot,
    restore: (from: BreakerSnapshot) => breaker.restore(checkedSnapshot(from)),
    toJSON: snapshot,
  };
  return Object.defineProperties(Object.assign(middleware, controls), {
    state: { get: () => breaker.state },
    probes: { get: () => breaker.probes },
  }) as unknown as CircuitBreaker;
}
