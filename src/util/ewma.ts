/**
 * Moving averages over time.
 *
 * @module
 */

/**
 * An average that forgets: a sample weighs the less, the older it is, by
 * e^(−age/decay).
 */
export class Ewma {
  readonly #decayMs: number;
  #value: number;
  #at = -Infinity;

  /** Begins at `initial`, which the first sample replaces. */
  constructor(decayMs: number, initial: number) {
    this.#decayMs = decayMs;
    this.#value = initial;
  }

  /** The average. */
  get value(): number {
    return this.#value;
  }

  /** Whether there was a sample. */
  get known(): boolean {
    return this.#at !== -Infinity;
  }

  /** Takes a sample. */
  add(sample: number, now: number): void {
    const kept = this.known ? Math.exp((this.#at - now) / this.#decayMs) : 0;
    // A sample in the same millisecond as the last must weigh something.
    const weight = Math.max(1 - kept, minWeight);
    this.#value += (sample - this.#value) * weight;
    this.#at = now;
  }
}

/** What a sample weighs at the least. */
const minWeight = 0.05;

/**
 * An estimate of latency that rises at once and falls slowly (peak EWMA, from
 * Finagle's load balancer): a server that gets slow is noticed with its first
 * slow answer. It fades while nothing is measured, so that whoever was slow
 * once is tried again.
 */
export class PeakEwma {
  readonly #decayMs: number;
  #value = 0;
  #at = -Infinity;

  /** Makes an estimate whose past fades with `decayMs`. */
  constructor(decayMs: number) {
    this.#decayMs = decayMs;
  }

  /** Whether anything was measured. */
  get known(): boolean {
    return this.#at !== -Infinity;
  }

  /** The estimate at `now`, in milliseconds; 0 where nothing is known. */
  at(now: number): number {
    return this.known ? this.#value * Math.exp((this.#at - now) / this.#decayMs) : 0;
  }

  /** Takes a measured latency. */
  add(latencyMs: number, now: number): void {
    const faded = this.at(now);
    const kept = Math.exp((this.#at - now) / this.#decayMs);
    this.#value = latencyMs >= faded ? latencyMs : faded + latencyMs * (1 - kept);
    this.#at = now;
  }
}
