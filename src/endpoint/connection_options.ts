/**
 * The options that everything has which keeps connections.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import type { Observer } from "../core/observer.ts";
import { duration, flag, given, integer, type OptionRule } from "../core/options.ts";
import type { RetryBudget } from "../core/retry_budget.ts";

/**
 * Options of what keeps connections: waiting for one, opening one again.
 *
 * @example
 * ```ts
 * import { type ConnectionOptions, pool, reconnect } from "@wireway/wireway";
 * const patient: ConnectionOptions = { waitForReady: true, acquireTimeoutMs: 30_000 };
 * reconnect(patient);
 * pool({ ...patient, max: 4 });
 * ```
 */
export interface ConnectionOptions {
  /** Calls that may wait for a connection. @default {1024} */
  maxWaiting?: number;
  /** How long a call waits for a connection, in milliseconds. @default {5000} */
  acquireTimeoutMs?: number;
  /** Whether calls wait through failed attempts to connect, instead of being told of the failure. @default {false} */
  waitForReady?: boolean;
  /** The longest wait after a first failed attempt to connect, in milliseconds. @default {100} */
  initialBackoffMs?: number;
  /** The longest wait between attempts, in milliseconds. @default {10000} */
  maxBackoffMs?: number;
  /**
   * Attempts to connect that follow a failed one draw on it; without any left,
   * the next one waits for another back-off. Share it with retry() and hedge(),
   * which pay in. Default: none, bounded by the back-off alone.
   */
  budget?: RetryBudget;
  /** How long one may take to show that it is still good (a ping, for connections), in milliseconds. @default {2000} */
  validateTimeoutMs?: number;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Draws the jitter and the candidates, from 0 to 1. @default {Math.random} */
  random?: () => number;
  /** Hears of attempts to connect that failed. */
  observer?: Observer;
}

/** The same, complete. */
export interface ConnectionSettings {
  readonly maxWaiting: number;
  readonly acquireTimeoutMs: number;
  readonly waitForReady: boolean;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly budget: RetryBudget | undefined;
  readonly validateTimeoutMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: Observer | undefined;
}

/** How these options are read. */
export const connectionRules: { readonly [Name in keyof ConnectionSettings]: OptionRule<ConnectionSettings[Name]> } = {
  maxWaiting: integer(1024, 0, 10_000_000),
  acquireTimeoutMs: duration(5000),
  waitForReady: flag(false),
  initialBackoffMs: duration(100),
  maxBackoffMs: duration(10_000),
  budget: given<RetryBudget | undefined>(undefined, "an object"),
  validateTimeoutMs: duration(2000, 1),
  clock: given<Clock>(systemClock, "an object"),
  random: given<() => number>(Math.random, "a function"),
  observer: given<Observer | undefined>(undefined, "a function"),
};
