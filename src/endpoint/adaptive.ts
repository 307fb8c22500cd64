/**
 * Chooses by a health score made of latency, errors and age.
 *
 * @module
 */

import { cheaperOfTwo } from "./least_latency.ts";
import type { Candidate, Strategy, StrategySettings } from "./strategy.ts";

/**
 * What the score of the strategy `adaptive` is made of.
 *
 * @example
 * ```ts
 * import { type AdaptiveWeights, pool } from "@wireway/wireway";
 * const weights: AdaptiveWeights = { latency: 0.7, errors: 0.3, age: 0 };
 * pool({ strategy: "adaptive", weights });
 * ```
 */
export interface AdaptiveWeights {
  /** How much the latency of late counts, compared with the fastest. @default {0.5} */
  latency: number;
  /** How much the share of failed calls counts. @default {0.3} */
  errors: number;
  /** How much age counts: an old connection is nearer to its end. @default {0.2} */
  age: number;
}

/** The defaults: speed first, then faults; age decides between equals. */
export const defaultWeights: AdaptiveWeights = { latency: 0.5, errors: 0.3, age: 0.2 };

/** The lowest score: who has it is still tried now and then, and so can recover. */
const lowestScore = 0.01;

/** Below this difference two latencies are the same: clocks and schedulers are no finer. */
const sameMs = 0.05;

/**
 * The score is the weighted mean of three marks from 0 to 1: the fastest
 * latency divided by the candidate's, 1 less its share of failures, and 1 less
 * its age as a part of its life. The cost of a candidate is its calls in
 * flight, and one, divided by score and weight; the cheaper of two is chosen.
 */
export class Adaptive implements Strategy {
  readonly measures = true;
  readonly #settings: StrategySettings;

  constructor(settings: StrategySettings) {
    this.#settings = settings;
  }

  pick<C extends Candidate>(candidates: readonly C[]): C | undefined {
    const now = this.#settings.now();
    const fastest = this.#fastest(candidates, now);
    return cheaperOfTwo(candidates, this.#settings.random, (candidate) => {
      return (candidate.load + 1) / (this.score(candidate, fastest, now) * candidate.weight);
    });
  }

  /** From 0.01 to 1, the higher the healthier. */
  score({ record, since }: Candidate, fastestMs: number, now: number): number {
    const { oldMs, weights } = this.#settings;
    const latency = record.latency.known ? (fastestMs + sameMs) / (record.latency.at(now) + sameMs) : 1;
    const errors = 1 - record.failures.value;
    const age = 1 - Math.min(1, (now - since) / oldMs);
    const sum = weights.latency + weights.errors + weights.age;
    const score = (weights.latency * latency + weights.errors * errors + weights.age * age) / sum;
    return Math.max(lowestScore, score);
  }

  #fastest(candidates: readonly Candidate[], now: number): number {
    let fastest = Infinity;
    for (const { available, record: { latency } } of candidates) {
      if (available && latency.known) fastest = Math.min(fastest, latency.at(now));
    }
    return fastest === Infinity ? 0 : fastest;
  }
}
