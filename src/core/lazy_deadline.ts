/**
 * A deadline that is moved lazily: for limits that are set again long before
 * they are reached.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { type DeadlineEntry, deadlinesOf } from "./deadline_queue.ts";

/**
 * One entry of the deadline queue for any number of limits. The queue is
 * touched only where a limit could be the next one; `expire()` may come too
 * early, looks at what has become of the limits, and at when to look again.
 */
export abstract class LazyDeadline implements DeadlineEntry {
  dueAt = Infinity;
  position = -1;
  readonly holds = false;
  protected readonly clock: Clock;
  #stopped = false;

  /** Waits for nothing yet. */
  constructor(clock: Clock) {
    this.clock = clock;
  }

  abstract expire(): void;

  /** Nothing is waited for any more, nor will be. */
  stop(): void {
    this.#stopped = true;
    const deadlines = deadlinesOf(this.clock);
    deadlines.remove(this);
    deadlines.trim();
  }

  /** Sees to it that `expire()` runs at `at`, or earlier where it would anyway. */
  protected lookAt(at: number): void {
    if (at === Infinity || this.#stopped || (this.position >= 0 && this.dueAt <= at)) return;
    const deadlines = deadlinesOf(this.clock);
    deadlines.remove(this);
    this.dueAt = at;
    deadlines.add(this);
  }
}
