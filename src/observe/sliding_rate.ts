/**
 * How often something happens, over a sliding window.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { TimeSlices } from "../util/time_slices.ts";
import { readSliding, type SlidingOptions } from "./sliding_options.ts";

export type { SlidingOptions } from "./sliding_options.ts";

/**
 * Counts over the last `windowMs` milliseconds, and what that is per second.
 * Feed it with events, or with the growth of a counter. The window moves in
 * steps; there is no timer. Memory: 8 bytes for each slice.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { SlidingRate } from "@wireway/wireway";
 * const calls = new SlidingRate({ windowMs: 10_000 });
 * calls.add();
 * calls.add(5);
 * console.log(calls.total(), calls.perSecond());
 * ```
 */
export class SlidingRate {
  readonly #counts: Float64Array;
  readonly #times: TimeSlices;
  readonly #clock: Clock;
  readonly #sliceMs: number;
  readonly #startedAt: number;
  #total = 0;

  /** Starts to count. */
  constructor(options: SlidingOptions = {}) {
    const { windowMs, slices, clock } = readSliding("SlidingRate", options);
    this.#clock = clock;
    this.#counts = new Float64Array(slices);
    this.#sliceMs = windowMs / slices;
    this.#startedAt = clock.now();
    this.#times = new TimeSlices(windowMs, slices, (slice) => {
      this.#total -= this.#counts[slice];
      this.#counts[slice] = 0;
    });
  }

  /** Counts `count` more, at `now` on the clock. */
  add(count = 1, now: number = this.#clock.now()): void {
    this.#counts[this.#times.at(now)] += count;
    this.#total += count;
  }

  /** How much was counted in the window. */
  total(now: number = this.#clock.now()): number {
    this.#times.at(now);
    return this.#total;
  }

  /**
   * How much was counted per second: of the window, or of the time since the
   * start where that is shorter. Undefined while no time has passed.
   */
  perSecond(now: number = this.#clock.now()): number | undefined {
    const total = this.total(now);
    // The present slice is not over yet: it stands for as much time as has passed in it.
    const sliceStart = Math.floor(now / this.#sliceMs) * this.#sliceMs;
    const windowStart = sliceStart - (this.#counts.length - 1) * this.#sliceMs;
    const coveredMs = now - Math.max(windowStart, this.#startedAt);
    return coveredMs > 0 ? total / (coveredMs / 1000) : undefined;
  }
}
