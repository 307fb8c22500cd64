/**
 * How one of several is chosen: connections of a pool, endpoints of a balancer.
 *
 * @module
 */

import { fraction, invalidOption, readOptions } from "../core/options.ts";
import { Adaptive, type AdaptiveWeights, defaultWeights } from "./adaptive.ts";
import type { CallRecord } from "./call_record.ts";
import { LeastLatency } from "./least_latency.ts";

/** What a strategy knows of one it may choose. */
export interface Candidate {
  /** Calls in flight. */
  readonly load: number;
  /** Whether it takes another call now. */
  readonly available: boolean;
  /** How much it may carry compared with the others, from 0 to 1: less than 1 while it is new. */
  readonly weight: number;
  /** When it came, in milliseconds on the clock. */
  readonly since: number;
  /** What its calls were like. */
  readonly record: CallRecord;
}

/** The names of the strategies that need no key. */
export const strategyNames: readonly StrategyName[] = [
  "round-robin",
  "least-loaded",
  "least-latency",
  "adaptive",
];

/**
 * How one of several connections or endpoints is chosen, without a key.
 *
 * @example
 * ```ts
 * import { pool, type StrategyName } from "@wireway/wireway";
 * const strategy: StrategyName = "round-robin";
 * pool({ strategy });
 * ```
 */
export type StrategyName = "round-robin" | "least-loaded" | "least-latency" | "adaptive";

/** Chooses. */
export interface Strategy {
  /** Whether it wants calls to be timed. */
  readonly measures: boolean;
  /** One that is available; undefined where none is. */
  pick<C extends Candidate>(candidates: readonly C[]): C | undefined;
}

/** What the strategies go by. */
export interface StrategySettings {
  /** Draws candidates, from 0 to 1. */
  readonly random: () => number;
  /**
   * Whether those that are alike are used alike: endpoints must be, or all
   * clients run to the first one, dead or not. Of connections the first is
   * used, so that the others may fall idle.
   */
  readonly spread: boolean;
  /** The time now, in milliseconds. */
  readonly now: () => number;
  /** The age at which `adaptive` counts a candidate as old, in milliseconds. */
  readonly oldMs: number;
  /** What `adaptive` weighs. */
  readonly weights: AdaptiveWeights;
}

/** Makes a strategy. */
export function strategyOf(name: StrategyName, settings: StrategySettings): Strategy {
  switch (name) {
    case "round-robin":
      return new RoundRobin();
    case "least-loaded":
      return new LeastLoaded(settings.spread ? settings.random : undefined);
    case "least-latency":
      return new LeastLatency(settings);
    case "adaptive":
      return new Adaptive(settings);
  }
}

/** Checks the weights and fills in the defaults. */
export function readWeights(owner: string, weights: Partial<AdaptiveWeights>): AdaptiveWeights {
  const read = readOptions(`weights of ${owner}`, weights, {
    latency: fraction(defaultWeights.latency, 0, 1000),
    errors: fraction(defaultWeights.errors, 0, 1000),
    age: fraction(defaultWeights.age, 0, 1000),
  });
  if (read.latency + read.errors + read.age > 0) return read;
  throw invalidOption(owner, "weights", "nothing but zeros", "at least one weight above 0");
}

/** Each in its turn. */
class RoundRobin implements Strategy {
  readonly measures = false;
  #turn = 0;

  pick<C extends Candidate>(candidates: readonly C[]): C | undefined {
    for (let tried = 0; tried < candidates.length; tried++) {
      this.#turn = (this.#turn + 1) % candidates.length;
      const candidate = candidates[this.#turn];
      if (candidate.available) return candidate;
    }
    return undefined;
  }
}

/** The one with the fewest calls in flight for its weight; of several the first from a place on that may be drawn. */
export class LeastLoaded implements Strategy {
  readonly measures = false;
  readonly #random: (() => number) | undefined;

  /** Without `random` it looks from the first one on. */
  constructor(random?: () => number) {
    this.#random = random;
  }

  pick<C extends Candidate>(candidates: readonly C[]): C | undefined {
    const { length } = candidates;
    let best: C | undefined;
    let lowest = Infinity;
    let next = this.#random === undefined ? 0 : Math.floor(this.#random() * length) % length;
    for (let looked = 0; looked < length; looked++) {
      const candidate = candidates[next];
      if (++next === length) next = 0;
      const { load, weight } = candidate;
      // Between candidates that do nothing the weight decides.
      const cost = weight === 1 ? load : (load + 1) / weight - 1;
      if (cost >= lowest || !candidate.available) continue;
      // None has less to do than nothing: with many connections this is most of the price.
      if (cost === 0) return candidate;
      best = candidate;
      lowest = cost;
    }
    return best;
  }
}
