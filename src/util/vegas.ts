/**
 * A limit from how many calls stand in a queue at the far side.
 *
 * @module
 */

import type { LimitAlgorithm, LimitSample } from "./limit_algorithm.ts";

/** The queue, in calls times the logarithm of the limit, below which the limit grows. */
const alpha = 3;

/** The queue above which it falls. */
const beta = 6;

/** How much of a latency below the least one is taken on: the least of many noisy means is less than any true one. */
const trust = 0.2;

/** What is left of the limit after a drop. */
const decrease = 0.9;

/** After so many windows the latency without a queue is measured anew. */
const probeWindows = 100;

/** What is left of the limit for the time of such a probe, so that the queue drains. */
const probeShare = 0.5;

/**
 * Compares the latency with the least one seen: what is longer is a queue of
 * `limit · (1 − least/latency)` calls. Between `3·log10(limit)` and
 * `6·log10(limit)` of them the limit stays (L. Brakmo and L. Peterson, "TCP
 * Vegas", 1995, with the logarithmic bounds of Netflix's concurrency-limits).
 *
 * The far side may get slower for good, so the least latency is measured anew
 * every 50 to 100 windows, under half the limit: measured with the queue that the
 * limit itself makes, it would grow with each probe, and the limit with it.
 */
export class Vegas implements LimitAlgorithm {
  readonly #random: () => number;
  #leastMs = Infinity;
  #untilProbe: number;
  /** The limit to go back to. */
  #probing: number | undefined = undefined;

  /** `random` spreads the probes of many, so that they do not come together. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
    this.#untilProbe = this.#nextProbe();
  }

  next(limit: number, { latencyMs, calls, dropped, busy }: LimitSample): number {
    if (this.#probing !== undefined) {
      const before = this.#probing;
      this.#probing = undefined;
      if (calls > 0) this.#leastMs = latencyMs;
      return before * (dropped ? decrease : 1);
    }
    if (dropped) return limit * decrease;
    if (calls === 0) return limit;
    if (--this.#untilProbe <= 0) {
      this.#untilProbe = this.#nextProbe();
      this.#probing = limit;
      return limit * probeShare;
    }
    if (this.#leastMs === Infinity) this.#leastMs = latencyMs;
    else if (latencyMs < this.#leastMs) this.#leastMs += (latencyMs - this.#leastMs) * trust;
    if (!busy) return limit;
    const step = Math.max(1, Math.log10(limit));
    const queue = limit * (1 - this.#leastMs / latencyMs);
    // Next to no queue: far from what the far side can do.
    if (queue <= step) return limit + beta * step;
    if (queue < alpha * step) return limit + step;
    return queue > beta * step ? limit - step : limit;
  }

  #nextProbe(): number {
    return Math.ceil(probeWindows * (0.5 + 0.5 * this.#random()));
  }
}
