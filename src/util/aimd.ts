/**
 * A limit that grows by one and shrinks by a share: additive increase,
 * multiplicative decrease.
 *
 * @module
 */

import type { LimitAlgorithm, LimitSample } from "./limit_algorithm.ts";

/** What is left of the limit after a drop; of congestion control in TCP, with a gentler factor (RFC 8312). */
const decrease = 0.9;

/** From this latency on calls count as dropped, in milliseconds. */
const slowMs = 5000;

/**
 * Grows by 1 in each window without a drop, and falls to 9/10 with one (D. Chiu
 * and R. Jain, "Analysis of the Increase and Decrease Algorithms for Congestion
 * Avoidance in Computer Networks", 1989). Sees trouble only once calls fail.
 */
export class Aimd implements LimitAlgorithm {
  next(limit: number, { latencyMs, dropped, busy }: LimitSample): number {
    if (dropped || latencyMs > slowMs) return limit * decrease;
    return busy ? limit + 1 : limit;
  }
}
