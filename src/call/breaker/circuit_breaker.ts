/**
 * circuitBreaker(): leaves a peer alone that fails.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { named } from "../../core/describe.ts";
import { current } from "../../core/figures.ts";
import type { Observer } from "../../core/observer.ts";
import type { Outcome } from "../../core/outcome.ts";
import { Breaker } from "./breaker.ts";
import { guarding } from "./breaker_calls.ts";
import { type CircuitBreaker, controlled } from "./breaker_controls.ts";
import { readBreaker } from "./breaker_settings.ts";
import type { BreakerWindow } from "./breaker_windows.ts";

export type { CircuitBreaker, Isolation } from "./breaker_controls.ts";
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
  /**
   * What an end of a call counts as; given its outcome, and the reply or error
   * itself. A call is rejected with what it throws, and counts as nothing. By
   * default, see {@linkcode circuitBreaker}.
   */
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
 * has begun by then, as an event stream's does, it is a success, or slow.
 *
 * There is no timer: the state is a function of the clock. A closed breaker
 * reads the clock at failures only, with windows at the end of each call.
 *
 * Its numbers, times and shares can be changed while it works ({@linkcode adjustablesOf}), those of the windows, too:
 * `windows[0].failureRate`. A window whose `windowMs` or `windowCalls` has changed counts anew from the next call on.
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
  const { settings, windows, adjustable, shown } = readBreaker("circuitBreaker()", options);
  const breaker = new Breaker(settings, windows());
  return named("circuitBreaker", shown, controlled(breaker, guarding(breaker)), () => [
    current("state", breaker.state),
    current("probes", breaker.probes),
    current("failures in a row", breaker.snapshot().failures),
  ], adjustable);
}
