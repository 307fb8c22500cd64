/**
 * How much extra work may be done: a share of the work that was asked for, and
 * a reserve, over a sliding window of time.
 *
 * @module
 */

import { TimeSlices } from "./time_slices.ts";

const sliceCount = 10;

/**
 * What is earned and spent in the last `windowMs` milliseconds. Spending grows
 * old as earning does, so that the reserve comes back: over any window, what is
 * spent is at most `share · earned + reserve`.
 */
export class Allowance {
  readonly #share: number;
  readonly #reserve: number;
  readonly #earnings = new Float64Array(sliceCount);
  readonly #spendings = new Float64Array(sliceCount);
  readonly #slices: TimeSlices;
  #earned = 0;
  #spent = 0;

  constructor(windowMs: number, share: number, reserve: number) {
    this.#share = share;
    this.#reserve = reserve;
    this.#slices = new TimeSlices(windowMs, sliceCount, (slice) => this.#drop(slice));
  }

  /** What may be spent now; never less than 0. */
  balance(now: number): number {
    this.#slices.at(now);
    return Math.max(0, this.#left);
  }

  /** Counts work that was asked for. */
  earn(now: number, count: number): void {
    this.#earnings[this.#slices.at(now)] += count;
    this.#earned += count;
  }

  /** Takes 1, where there is as much. */
  spend(now: number): boolean {
    const slice = this.#slices.at(now);
    // What was earned may have grown old before what was spent of it: then there is nothing.
    if (this.#left < 1 - rounding) return false;
    this.#spendings[slice]++;
    this.#spent++;
    return true;
  }

  get #left(): number {
    return this.#share * this.#earned + this.#reserve - this.#spent;
  }

  #drop(slice: number): void {
    this.#earned -= this.#earnings[slice];
    this.#spent -= this.#spendings[slice];
    this.#earnings[slice] = this.#spendings[slice] = 0;
  }
}

/** Five times a share of 0.2 is one, whatever binary fractions make of it. */
const rounding = 1e-9;
