/**
 * What algorithms that find a limit are told, and what they say.
 *
 * @module
 */

/**
 * What was seen of calls in one window of time.
 *
 * @example
 * ```ts
 * import type { LimitSample } from "@wireway/wireway";
 * const slow = (sample: LimitSample): boolean => sample.latencyMs > 500;
 * ```
 */
export interface LimitSample {
  /** The mean latency of the calls that succeeded, in milliseconds; 0 where none did. */
  readonly latencyMs: number;
  /** How many calls that is. */
  readonly calls: number;
  /** Whether the far side refused a call as overloaded, or did not answer in time. */
  readonly dropped: boolean;
  /** Whether at least half of the limit was in use. If not, success says nothing on a higher limit. */
  readonly busy: boolean;
}

/**
 * Finds how many calls may be in flight at once. One object serves one
 * {@linkcode concurrencyLimit}.
 *
 * @example A limit that keeps latency below 100 ms
 * ```ts
 * import { concurrencyLimit, type LimitAlgorithm } from "@wireway/wireway";
 * const algorithm: LimitAlgorithm = {
 *   next: (limit, { latencyMs, dropped, busy }) =>
 *     dropped || latencyMs > 100 ? limit * 0.9 : busy ? limit + 1 : limit,
 * };
 * concurrencyLimit({ algorithm, max: 500 });
 * ```
 */
export interface LimitAlgorithm {
  /** The next limit, after a window of calls under `limit`. It is held to its bounds by the caller, and may be a fraction. */
  next(limit: number, sample: LimitSample): number;
}
