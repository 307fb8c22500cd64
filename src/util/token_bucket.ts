/**
 * A token bucket without a timer: tokens are counted when somebody asks.
 *
 * @module
 */

/** Lets `perSecond` units through a second, and `burst` at once after a pause. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** How long until something may be taken, in milliseconds; 0 where it may now. */
  waitMs(now: number): number {
    if (this.#perMs === Infinity) return 0;
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    // Tokens may be owed: what is taken is as large as it is, and the next one waits the longer.
    return this.#tokens > 0 ? 0 : (1 - this.#tokens) / this.#perMs;
  }

  /** Takes so many. */
  take(units: number): void {
    if (this.#perMs !== Infinity) this.#tokens -= units;
  }
}
