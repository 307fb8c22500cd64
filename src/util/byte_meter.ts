/**
 * How many bytes went, and how many of them in the last second.
 *
 * @module
 */

import { TimeSlices } from "./time_slices.ts";

const sliceCount = 10;

/** See the module. */
export class ByteMeter {
  /** Bytes so far. */
  total = 0;
  #lately = 0;
  readonly #slices: number[] = new Array(sliceCount).fill(0);
  readonly #times = new TimeSlices(1000, sliceCount, (slice) => {
    this.#lately -= this.#slices[slice];
    this.#slices[slice] = 0;
  });

  add(bytes: number, now: number): void {
    this.total += bytes;
    this.#slices[this.#times.at(now)] += bytes;
    this.#lately += bytes;
  }

  /** Bytes in the last second. */
  lately(now: number): number {
    this.#times.at(now);
    return this.#lately;
  }
}
