/**
 * The breaking point: the highest rate that still meets the objectives.
 *
 * A rate that misses them is measured again: another program on the machine can
 * stall a second of it, and the search must not turn back for that.
 *
 * Doubles the rate until the objectives are missed, halves the interval between
 * the highest rate that met them and the lowest that did not until it is narrow
 * enough, and then measures both of its ends again and again.
 *
 * @module
 */

import { judge, type Objectives } from "./objectives.ts";
import type { Tally } from "./tally.ts";

/** How to search. */
export interface RampOptions {
  /** The first rate, in calls a second. */
  from: number;
  /** The highest rate that is tried. */
  maxRate: number;
  /** How far apart the two ends may be in the end: 0.05 is 5 %. */
  precision: number;
  /** How often each end is measured again. */
  repeats: number;
  /** What must be kept to. */
  objectives: Objectives;
  /** Measures one rate; undefined where the search is to end. */
  measure: (rate: number) => Promise<Tally | undefined>;
  /** Hears of each measurement. */
  onStep?: (step: RampStep) => void;
}

/** One measurement. */
export interface RampStep {
  /** Calls a second. */
  rate: number;
  /** Whether the objectives were met. */
  met: boolean;
  /** What decided. */
  reason: string;
}

/** What was found. */
export interface Breaking {
  /** The highest rate that meets the objectives; 0 where none does. */
  rate: number;
  /** The lowest rate that was seen to miss them; undefined where none was. */
  beyond: number | undefined;
  /** How sure it is that the breaking point lies between the two, from 0 to 1. */
  confidence: number;
  /** All measurements, in their order. */
  steps: RampStep[];
}

/** A measurement that is not sure is made up to so many times, and judged by all of them together. */
const attempts = 3;

/** The lowest rate that is tried. */
const leastRate = 1;

/** Searches the breaking point. */
export async function ramp(options: RampOptions): Promise<Breaking> {
  const search = new Search(options);
  const { from, maxRate, precision } = options;
  let met = 0;
  let missed: number | undefined;
  for (let rate = from; missed === undefined && !search.ended;) {
    if (await search.meets(rate)) {
      met = rate;
      if (rate >= maxRate) break;
      rate = Math.min(maxRate, 2 * rate);
    } else if (!search.ended) {
      missed = rate;
    }
  }
  // The first rate was too much already: downwards then.
  for (let rate = from / 2; met === 0 && missed !== undefined && rate >= leastRate && !search.ended; rate /= 2) {
    if (await search.meets(rate)) met = rate;
    else if (!search.ended) missed = rate;
  }
  while (met > 0 && missed !== undefined && missed / met > 1 + precision && !search.ended) {
    const middle = Math.round((met + missed) / 2);
    if (middle <= met || middle >= missed) break;
    if (await search.meets(middle)) met = middle;
    else if (!search.ended) missed = middle;
  }
  return { rate: met, beyond: missed, confidence: await search.confidence(met, missed), steps: search.steps };
}

class Search {
  readonly steps: RampStep[] = [];
  ended = false;
  readonly #options: RampOptions;
  readonly #seen = new Map<number, { met: number; missed: number }>();

  constructor(options: RampOptions) {
    this.#options = options;
  }

  /** Whether a rate meets the objectives. That it does not is believed when two measurements of at most three say so. */
  async meets(rate: number): Promise<boolean> {
    for (let missed = 0; missed < 2;) {
      if (!await this.#judged(rate)) missed++;
      else if (missed === 0 || await this.#judged(rate)) return true;
      else missed++;
      if (this.ended) return false;
    }
    return false;
  }

  /** Measures until it is sure, or often enough. */
  async #judged(rate: number): Promise<boolean> {
    const { measure, objectives } = this.#options;
    let all: Tally | undefined;
    for (let attempt = 1;; attempt++) {
      const tally = await measure(rate);
      if (tally === undefined) {
        this.ended = true;
        return false;
      }
      if (all === undefined) all = tally;
      else all.merge(tally);
      const { met, sure, reason } = judge(all, objectives);
      if (!sure && attempt < attempts) continue;
      this.#count(rate, met, reason);
      return met;
    }
  }

  /**
   * How sure it is that more measurements at `met` keep to the objectives than
   * not, and fewer at `missed`: with k of n for and an even prior, the weight of
   * the beta distribution of k + 1 and n − k + 1 above one half.
   */
  async confidence(met: number, missed: number | undefined): Promise<number> {
    const { repeats, measure, objectives } = this.#options;
    for (let i = 0; i < repeats && !this.ended; i++) {
      for (const rate of [met, missed]) {
        if (rate === undefined || rate === 0 || this.ended) continue;
        const tally = await measure(rate);
        if (tally === undefined) this.ended = true;
        else {
          const { met, reason } = judge(tally, objectives);
          this.#count(rate, met, reason);
        }
      }
    }
    const below = this.#seen.get(met);
    const above = missed === undefined ? undefined : this.#seen.get(missed);
    const sureBelow = met === 0 || below === undefined ? 1 : majority(below.met, below.missed);
    const sureAbove = above === undefined ? 1 : majority(above.missed, above.met);
    return met === 0 && missed === undefined ? 0 : sureBelow * sureAbove;
  }

  #count(rate: number, met: boolean, reason: string): void {
    const seen = this.#seen.get(rate) ?? { met: 0, missed: 0 };
    this.#seen.set(rate, seen);
    if (met) seen.met++;
    else seen.missed++;
    const step = { rate, met, reason };
    this.steps.push(step);
    this.#options.onStep?.(step);
  }
}

/** The weight of the beta distribution of `for + 1` and `against + 1` above one half: a sum of binomials. */
export function majority(agreed: number, against: number): number {
  const tosses = agreed + against + 1;
  let ways = 1;
  let sum = 0;
  for (let heads = 0; heads <= agreed; heads++) {
    sum += ways;
    ways = ways * (tosses - heads) / (heads + 1);
  }
  return sum / 2 ** tosses;
}
