/**
 * The last values of something, and what they were like.
 *
 * @module
 */

/** A ring of the last values. */
export class RecentValues {
  readonly #ring: Float64Array;
  #count = 0;

  /** Keeps `size` values. */
  constructor(size: number) {
    this.#ring = new Float64Array(size);
  }

  /** Takes a value; the oldest one makes room. */
  add(value: number): void {
    this.#ring[this.#count++ % this.#ring.length] = value;
  }

  /** The values at these shares of the way from the smallest to the largest; undefined where there are none. */
  percentiles<const Shares extends readonly number[]>(
    ...shares: Shares
  ): { [Index in keyof Shares]: number | undefined } {
    const sorted = this.#ring.slice(0, Math.min(this.#count, this.#ring.length)).sort();
    const found = shares.map((share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
    return found as { [Index in keyof Shares]: number | undefined };
  }
}
