/**
 * The slices of a sliding window of time: which of them is the present one, and
 * which have grown too old.
 *
 * @module
 */

/**
 * Divides the last `windowMs` milliseconds into slices. With each reading of
 * the clock the slices that have left the window are handed to `drop`; there is
 * no timer.
 *
 * What stands in the window is between `windowMs · (1 − 1/count)` and
 * `windowMs` old at the most.
 */
export class TimeSlices {
  readonly #sliceMs: number;
  readonly #count: number;
  readonly #drop: (slice: number) => void;
  #present = -Infinity;

  constructor(windowMs: number, count: number, drop: (slice: number) => void) {
    this.#sliceMs = windowMs / count;
    this.#count = count;
    this.#drop = drop;
  }

  /** The index of the slice that `now` is in, from 0 to `count - 1`. What is out of the window was dropped before. */
  at(now: number): number {
    const present = Math.floor(now / this.#sliceMs);
    // A clock that was read earlier than another one may be behind it: then the newer slice stands.
    if (present > this.#present) {
      const first = Math.max(this.#present + 1, present - this.#count + 1);
      for (let slice = first; slice <= present; slice++) this.#drop(this.#indexOf(slice));
      this.#present = present;
    }
    return this.#indexOf(this.#present);
  }

  /** Never negative, also before the clock's zero. */
  #indexOf(slice: number): number {
    return ((slice % this.#count) + this.#count) % this.#count;
  }
}
