/**
 * Controlled delay: tells a queue that stands from one that only takes up a
 * burst (RFC 8289).
 *
 * @module
 */

/** What it goes by. */
export interface CodelSettings {
  /** A delay that is no trouble, in milliseconds. */
  readonly targetMs: number;
  /** How long a longer one may last before the queue stands, in milliseconds. */
  readonly intervalMs: number;
}

/** See the module. Who asks gives the delay of the queue: how long its first one has waited. */
export class Codel {
  readonly #settings: CodelSettings;
  /** When the delay will have been above the target for an interval; `Infinity` while it is below. */
  #firstAboveAt = Infinity;
  #dropping = false;
  #dropNextAt = 0;
  /** How many were dropped since dropping began. */
  #count = 0;
  /** That number when dropping began. */
  #lastCount = 0;

  /** A delay above `targetMs` is no longer a burst when it has lasted for `intervalMs`. */
  constructor(settings: CodelSettings) {
    this.#settings = settings;
  }

  /** Whether the queue stands. */
  get dropping(): boolean {
    return this.#dropping;
  }

  /** The delay is below the target. */
  clear(): void {
    this.#firstAboveAt = Infinity;
    this.#dropping = false;
  }

  /** Whether one is to be dropped now. */
  drop(delayMs: number, now: number): boolean {
    if (delayMs < this.#settings.targetMs) {
      this.clear();
      return false;
    }
    if (this.#firstAboveAt === Infinity) this.#firstAboveAt = now + this.#settings.intervalMs;
    if (now < this.#firstAboveAt) return false;
    if (!this.#dropping) {
      this.#begin(now);
      return true;
    }
    if (now < this.#dropNextAt) return false;
    this.#count++;
    this.#dropNextAt += this.#settings.intervalMs / Math.sqrt(this.#count);
    return true;
  }

  /** Where dropping ended only a while ago, it goes on about as fast as it was then (RFC 8289, 5.6). */
  #begin(now: number): void {
    this.#dropping = true;
    const before = this.#count - this.#lastCount;
    const recent = now - this.#dropNextAt < 16 * this.#settings.intervalMs;
    this.#count = before > 1 && recent ? before : 1;
    this.#lastCount = this.#count;
    this.#dropNextAt = now + this.#settings.intervalMs / Math.sqrt(this.#count);
  }
}
