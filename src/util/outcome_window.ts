/**
 * How many of the latest calls failed, and how many were slow: over a time, or
 * over a number of calls.
 *
 * @module
 */

import { TimeSlices } from "./time_slices.ts";

/** Counts over the latest calls. */
export interface OutcomeWindow {
  /** Calls in the window. */
  readonly total: number;
  /** Those that failed. */
  readonly failed: number;
  /** Those that were slow. */
  readonly slow: number;
  /** Lets go of what has grown too old, and adds a call. */
  record(now: number, failed: boolean, slow: boolean): void;
  /** Forgets everything. */
  clear(): void;
}

/** Slices of a time window: a call counts for nine tenths of the window at least. */
const sliceCount = 10;

/** The calls of the last `windowMs` milliseconds, in ten slices. */
export class TimeWindow implements OutcomeWindow {
  total = 0;
  failed = 0;
  slow = 0;
  readonly #totals = new Float64Array(sliceCount);
  readonly #failures = new Float64Array(sliceCount);
  readonly #slows = new Float64Array(sliceCount);
  readonly #slices: TimeSlices;

  constructor(windowMs: number) {
    this.#slices = new TimeSlices(windowMs, sliceCount, (slice) => this.#drop(slice));
  }

  record(now: number, failed: boolean, slow: boolean): void {
    const slice = this.#slices.at(now);
    this.#totals[slice]++;
    this.total++;
    if (failed) {
      this.#failures[slice]++;
      this.failed++;
    }
    if (slow) {
      this.#slows[slice]++;
      this.slow++;
    }
  }

  clear(): void {
    for (let slice = 0; slice < sliceCount; slice++) this.#drop(slice);
  }

  #drop(slice: number): void {
    this.total -= this.#totals[slice];
    this.failed -= this.#failures[slice];
    this.slow -= this.#slows[slice];
    this.#totals[slice] = this.#failures[slice] = this.#slows[slice] = 0;
  }
}

const failedBit = 1;
const slowBit = 2;

/** The last `calls` calls, as far as they are no older than `windowMs`. */
export class CallWindow implements OutcomeWindow {
  total = 0;
  failed = 0;
  slow = 0;
  readonly #windowMs: number;
  readonly #times: Float64Array;
  readonly #marks: Uint8Array;
  #next = 0;

  constructor(calls: number, windowMs: number) {
    this.#windowMs = windowMs;
    this.#times = new Float64Array(calls);
    this.#marks = new Uint8Array(calls);
  }

  record(now: number, failed: boolean, slow: boolean): void {
    const size = this.#times.length;
    if (this.total === size) this.#dropOldest();
    while (this.total > 0 && this.#times[this.#oldest] <= now - this.#windowMs) this.#dropOldest();
    this.#times[this.#next] = now;
    this.#marks[this.#next] = (failed ? failedBit : 0) | (slow ? slowBit : 0);
    this.#next = this.#next + 1 === size ? 0 : this.#next + 1;
    this.total++;
    if (failed) this.failed++;
    if (slow) this.slow++;
  }

  clear(): void {
    this.total = this.failed = this.slow = 0;
  }

  get #oldest(): number {
    const at = this.#next - this.total;
    return at < 0 ? at + this.#times.length : at;
  }

  #dropOldest(): void {
    const marks = this.#marks[this.#oldest];
    this.total--;
    if ((marks & failedBit) !== 0) this.failed--;
    if ((marks & slowBit) !== 0) this.slow--;
  }
}
