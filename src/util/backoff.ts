/**
 * Exponential back-off with full jitter.
 *
 * @module
 */

/** The bounds of a back-off, in milliseconds. */
export interface BackoffBounds {
  /** The longest first wait. */
  readonly initialMs: number;
  /** The longest wait of all. */
  readonly maxMs: number;
}

/**
 * How long to wait before attempt `attempt`, counted from 1: a random time up
 * to `initialMs · 2^(attempt − 1)`, at most `maxMs`. The whole range is drawn
 * from, so that many clients that failed together do not come back together
 * (M. Brooker, "Exponential Backoff And Jitter", 2015).
 */
export function backoffMs(attempt: number, bounds: BackoffBounds, random: () => number = Math.random): number {
  return random() * Math.min(bounds.maxMs, bounds.initialMs * 2 ** Math.min(attempt - 1, 52));
}
