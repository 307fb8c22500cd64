/**
 * A limit from how the latency of now compares with that of the last minutes.
 *
 * @module
 */

import type { LimitAlgorithm, LimitSample } from "./limit_algorithm.ts";

/** How many windows the long average remembers. */
const longWindows = 600;

/** Of how many it is a plain mean at the beginning. */
const warmupWindows = 10;

/** How much longer than the long average latencies may be before the limit falls. */
const tolerance = 1.5;

/** How much of each new limit is taken on. */
const smoothing = 0.2;

/** Calls that may stand in a queue at the far side: what the limit grows by. */
const queue = 4;

/** The most that one window takes off the limit, before smoothing. */
const leastGradient = 0.5;

/** Where the long average is so many times the latency of now, it forgets faster. */
const outdated = 2;
const forgetting = 0.95;

/** What is left of the limit after a drop. */
const decrease = 0.9;

/**
 * Multiplies the limit by `1.5 · long/latency`, held between 0.5 and 1, adds 4,
 * and takes a fifth of the difference on; `long` is an average over 600 windows
 * (the algorithm Gradient2 of Netflix's concurrency-limits).
 *
 * That one hears nothing of calls that fail, so that a far side which refuses
 * quickly looks like a fast one; here a drop lowers the limit to 9/10.
 */
export class Gradient2 implements LimitAlgorithm {
  #longMs = 0;
  #windows = 0;

  next(limit: number, { latencyMs, calls, dropped, busy }: LimitSample): number {
    if (dropped) return limit * decrease;
    if (calls === 0) return limit;
    this.#windows++;
    const weight = this.#windows <= warmupWindows ? 1 / this.#windows : 2 / (longWindows + 1);
    this.#longMs += (latencyMs - this.#longMs) * weight;
    if (this.#longMs > outdated * latencyMs) this.#longMs *= forgetting;
    if (!busy) return limit;
    const gradient = Math.min(1, Math.max(leastGradient, tolerance * this.#longMs / latencyMs));
    return limit + smoothing * (limit * gradient + queue - limit);
  }
}
