/**
 * What was counted in each step of a long time, and in windows of it.
 *
 * @module
 */

import { TimeSlices } from "../../util/time_slices.ts";

/** How much of something was bad. */
export interface Share {
  readonly bad: number;
  readonly total: number;
}

/**
 * For several things at once, how many there were and how many were bad, in
 * steps of `stepMs` over the last `spanMs`. 16 bytes a step and thing.
 */
export class StepCounts {
  readonly #stepMs: number;
  readonly #steps: number;
  readonly #bad: readonly Float64Array[];
  readonly #total: readonly Float64Array[];
  readonly #times: TimeSlices;

  constructor(things: number, stepMs: number, spanMs: number) {
    const steps = this.#steps = Math.ceil(spanMs / stepMs);
    this.#stepMs = stepMs;
    this.#bad = Array.from({ length: things }, () => new Float64Array(steps));
    this.#total = Array.from({ length: things }, () => new Float64Array(steps));
    this.#times = new TimeSlices(steps * stepMs, steps, (step) => {
      for (const counts of [...this.#bad, ...this.#total]) counts[step] = 0;
    });
  }

  /** The step that `now` is in, for {@linkcode add}. */
  at(now: number): number {
    return this.#times.at(now);
  }

  /** Counts one more of a thing in a step. */
  add(thing: number, step: number, isBad: boolean): void {
    this.#total[thing][step]++;
    if (isBad) this.#bad[thing][step]++;
  }

  /** What was counted of a thing in the last `windowMs`, the step that runs included. */
  read(thing: number, windowMs: number, now: number): Share {
    const last = this.#times.at(now);
    const length = Math.min(this.#steps, Math.ceil(windowMs / this.#stepMs));
    let [bad, total] = [0, 0];
    for (let back = 0; back < length; back++) {
      const step = (last - back + this.#steps) % this.#steps;
      bad += this.#bad[thing][step];
      total += this.#total[thing][step];
    }
    return { bad, total };
  }
}
