/**
 * Chooses by latency: of two drawn at random the one that is likely to answer
 * sooner.
 *
 * @module
 */

import type { Candidate, Strategy, StrategySettings } from "./strategy.ts";

/** How often two are drawn before all are looked at. */
const draws = 4;

/** What one costs of which nothing is known while it carries calls: it gets one call, and more when that was good. */
const unknownMs = 60_000;

/**
 * The cheaper of two that are drawn at random (M. Mitzenmacher, "The Power of
 * Two Choices in Randomized Load Balancing", 2001). That spreads load almost as
 * well as looking at all, and many clients do not all run to the same one.
 */
export function cheaperOfTwo<C extends Candidate>(
  candidates: readonly C[],
  random: () => number,
  cost: (candidate: C) => number,
): C | undefined {
  const { length } = candidates;
  for (let draw = 0; draw < draws && length > 2; draw++) {
    const first = Math.floor(random() * length) % length;
    const second = (first + 1 + Math.floor(random() * (length - 1)) % (length - 1)) % length;
    const [a, b] = [candidates[first], candidates[second]];
    if (a.available && b.available) return cost(b) < cost(a) ? b : a;
  }
  let best: C | undefined;
  let lowest = Infinity;
  for (const candidate of candidates) {
    if (!candidate.available) continue;
    const price = cost(candidate);
    if (best === undefined || price < lowest) {
      best = candidate;
      lowest = price;
    }
  }
  return best;
}

/** The latency of late times the calls in flight (peak EWMA, from Finagle and tower), for its weight. */
export class LeastLatency implements Strategy {
  readonly measures = true;
  readonly #settings: StrategySettings;

  constructor(settings: StrategySettings) {
    this.#settings = settings;
  }

  pick<C extends Candidate>(candidates: readonly C[]): C | undefined {
    const now = this.#settings.now();
    return cheaperOfTwo(candidates, this.#settings.random, ({ load, weight, record: { latency } }) => {
      const ms = latency.known ? latency.at(now) : load === 0 ? 0 : unknownMs;
      return (ms * (load + 1)) / weight;
    });
  }
}
