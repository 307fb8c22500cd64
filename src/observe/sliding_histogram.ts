/**
 * A histogram of what was recorded in the last minute, say.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { TimeSlices } from "../util/time_slices.ts";
import { Histogram } from "./histogram.ts";
import { readSliding, type SlidingOptions } from "./sliding_options.ts";

export type { SlidingOptions } from "./sliding_options.ts";

/**
 * Histograms of the last `windowMs` milliseconds. The window moves in steps:
 * what is read is between `windowMs · (1 − 1/slices)` and `windowMs` old at the
 * most. There is no timer; what has grown too old goes with the next reading or
 * recording.
 *
 * Memory: at most that of `slices` {@linkcode Histogram}s.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { SlidingHistogram } from "@wireway/wireway";
 * const latency = new SlidingHistogram({ windowMs: 10_000 });
 * latency.record(12.5);
 * console.log(latency.read().percentile(0.95));
 * ```
 */
export class SlidingHistogram {
  readonly #slices: readonly Histogram[];
  readonly #times: TimeSlices;
  readonly #clock: Clock;

  /** Makes an empty one. */
  constructor(options: SlidingOptions = {}) {
    const { windowMs, slices, clock } = readSliding("SlidingHistogram", options);
    this.#clock = clock;
    this.#slices = Array.from({ length: slices }, () => new Histogram());
    this.#times = new TimeSlices(windowMs, slices, (slice) => this.#slices[slice].reset());
  }

  /** Adds a value, recorded at `now` on the clock. */
  record(value: number, now: number = this.#clock.now()): void {
    this.#slices[this.#times.at(now)].record(value);
  }

  /** All that stands in the window, as a histogram of its own. */
  read(now: number = this.#clock.now()): Histogram {
    this.#times.at(now);
    const all = new Histogram();
    for (const slice of this.#slices) if (slice.count > 0) all.merge(slice);
    return all;
  }
}
