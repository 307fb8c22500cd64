/**
 * How late this thread is with what it has to do.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import type { DelaySource } from "./shedder.ts";

/** Time between two looks, in milliseconds. */
const lookMs = 10;

/** How long a look counts, in milliseconds: longer than a thread is busy at a stretch. */
const validMs = 1000;

/** A timer that is set when it is asked for, and how late it comes. While nobody asks, there is none. */
export class ThreadLateness implements DelaySource {
  readonly #clock: Clock;
  #waiting = false;
  #delayMs = 0;
  #lookedAt = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  delayMs(): number {
    if (!this.#waiting) this.#look();
    return this.#delayMs;
  }

  #look(): void {
    const now = this.#clock.now();
    if (now - this.#lookedAt > validMs) this.#delayMs = 0;
    this.#waiting = true;
    const timer = this.#clock.schedule(() => {
      this.#waiting = false;
      this.#lookedAt = this.#clock.now();
      this.#delayMs = Math.max(0, this.#lookedAt - now - lookMs);
    }, lookMs);
    timer.hold(false);
  }
}
