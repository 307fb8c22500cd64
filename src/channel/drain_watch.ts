/**
 * The time that a peer has, after a close, to take what is still held.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { type DeadlineEntry, deadlinesOf } from "../core/deadline_queue.ts";

/** Looks every `timeoutMs` whether less is left; says so where it is not. */
export class DrainWatch implements DeadlineEntry {
  dueAt = Infinity;
  position = -1;
  readonly holds = false;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #left: () => number;
  readonly #stuck: () => void;
  #seen = 0;

  constructor(clock: Clock, timeoutMs: number, left: () => number, stuck: () => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#left = left;
    this.#stuck = stuck;
  }

  begin(): void {
    this.#seen = this.#left();
    this.dueAt = this.#clock.now() + this.#timeoutMs;
    deadlinesOf(this.#clock).add(this);
  }

  stop(): void {
    deadlinesOf(this.#clock).remove(this);
  }

  expire(): void {
    if (this.#left() < this.#seen) this.begin();
    else this.#stuck();
  }
}
