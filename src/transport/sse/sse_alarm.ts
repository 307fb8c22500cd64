/**
 * A deadline that is set and cleared again and again, in the shared queue of
 * its clock.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";

/** See the module. */
export class Alarm implements DeadlineEntry {
  dueAt = Infinity;
  position = -1;
  readonly holds: boolean;
  readonly expire: () => void;
  readonly #clock: Clock;

  constructor(clock: Clock, expire: () => void, holds = false) {
    this.#clock = clock;
    this.expire = expire;
    this.holds = holds;
  }

  /** Whether it is waited for. */
  get isSet(): boolean {
    return this.position >= 0;
  }

  /** Sets it to so many milliseconds from now; never for `Infinity`. */
  set(ms: number): void {
    const queue = deadlinesOf(this.#clock);
    queue.remove(this);
    this.dueAt = this.#clock.now() + ms;
    queue.add(this);
  }

  /** Takes it back. */
  clear(): void {
    const queue = deadlinesOf(this.#clock);
    queue.remove(this);
    queue.trim();
  }
}
