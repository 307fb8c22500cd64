/**
 * One timer for any number of deadlines.
 *
 * A `setTimeout` and its `clearTimeout` cost more than a whole chain of
 * middleware. Here a deadline is put into a binary heap and taken out again,
 * and a single timer of the clock stands for the earliest one.
 *
 * @module
 */

import { reportUncaught } from "../util/report_uncaught.ts";
import { type Clock, systemClock, type Timer } from "./clock.ts";

/**
 * Something that falls due. Subclass or implement it; one entry stands in at
 * most one queue at a time.
 *
 * @example
 * ```ts
 * import { type DeadlineEntry, deadlinesOf, systemClock } from "@wireway/wireway";
 * const entry: DeadlineEntry = {
 *   dueAt: systemClock.now() + 200,
 *   position: -1,
 *   holds: true,
 *   expire: () => console.log("200 ms have passed"),
 * };
 * deadlinesOf(systemClock).add(entry);
 * deadlinesOf(systemClock).remove(entry);
 * ```
 */
export interface DeadlineEntry {
  /** When it falls due, in milliseconds on the queue's clock. */
  dueAt: number;
  /** Where it stands in its queue; −1 where it stands in none. The queue's own. */
  position: number;
  /** Whether waiting for it keeps the process alive. */
  readonly holds: boolean;
  /** Called once when it falls due, after it was taken out of the queue. */
  expire(): void;
}

/**
 * A heap of deadlines over one timer. Adding and removing cost O(log n), and a
 * deadline in the order of arrival costs O(1) to add. It never fires early, and
 * late only as far as the platform's timers are.
 *
 * Get the queue of a clock with {@linkcode deadlinesOf}.
 *
 * @example
 * ```ts
 * import { DeadlineQueue, ManualClock } from "@wireway/wireway";
 * const clock = new ManualClock();
 * const queue = new DeadlineQueue(clock);
 * queue.add({ dueAt: 50, position: -1, holds: false, expire: () => console.log("due") });
 * await clock.advance(50);
 * ```
 */
export class DeadlineQueue {
  readonly #clock: Clock;
  readonly #heap: DeadlineEntry[] = [];
  readonly #wake = (): void => this.#expireDue();
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #holding = 0;
  #timerHolds = true;

  /** Makes a queue on `clock`. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many deadlines are waited for. */
  get size(): number {
    return this.#heap.length;
  }

  /** Adds a deadline. An infinite one is never due and is not kept; nor is one that is no number, which has no place. */
  add(entry: DeadlineEntry): void {
    if (!(entry.dueAt < Infinity)) return;
    const heap = this.#heap;
    entry.position = heap.length;
    heap.push(entry);
    this.#rise(entry);
    if (entry.holds) this.#holding++;
    if (entry.dueAt < this.#timerAt) this.#arm(entry.dueAt);
    this.#hold();
  }

  /** Takes a deadline back; does nothing where it is in no queue. */
  remove(entry: DeadlineEntry): void {
    const position = entry.position;
    if (position < 0) return;
    const heap = this.#heap;
    const last = heap.pop()!;
    if (last !== entry) {
      heap[position] = last;
      last.position = position;
      this.#rise(last);
      this.#sink(last);
    }
    entry.position = -1;
    if (entry.holds) this.#holding--;
    // The timer stays armed: the next call most likely needs it, and arming
    // costs twenty times what a deadline does. It does not keep the process.
    this.#hold();
  }

  /**
   * Ends the timer if nothing is waited for. An armed timer that nobody needs
   * is harmless but visible to a test runner that looks for leaks; closing a
   * client or a server calls this.
   */
  trim(): void {
    if (this.#heap.length > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.schedule(this.#wake, Math.max(0, at - this.#clock.now()));
    this.#timerHolds = true;
  }

  #hold(): void {
    const holds = this.#holding > 0;
    if (holds === this.#timerHolds || this.#timer === undefined) return;
    this.#timerHolds = holds;
    this.#timer.hold(holds);
  }

  #expireDue(): void {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const heap = this.#heap;
    const now = this.#clock.now();
    while (heap.length > 0 && heap[0].dueAt <= now) {
      const entry = heap[0];
      this.remove(entry);
      try {
        entry.expire();
      } catch (error) {
        // One bad entry must not keep the others from expiring.
        reportUncaught(error);
      }
    }
    if (heap.length > 0 && heap[0].dueAt < this.#timerAt) this.#arm(heap[0].dueAt);
    this.#hold();
  }

  #rise(entry: DeadlineEntry): void {
    const heap = this.#heap;
    let position = entry.position;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      const parent = heap[parentPosition];
      if (parent.dueAt <= entry.dueAt) break;
      heap[position] = parent;
      parent.position = position;
      position = parentPosition;
    }
    heap[position] = entry;
    entry.position = position;
  }

  #sink(entry: DeadlineEntry): void {
    const heap = this.#heap;
    const length = heap.length;
    let position = entry.position;
    for (;;) {
      let childPosition = 2 * position + 1;
      if (childPosition >= length) break;
      if (childPosition + 1 < length && heap[childPosition + 1].dueAt < heap[childPosition].dueAt) childPosition++;
      const child = heap[childPosition];
      if (child.dueAt >= entry.dueAt) break;
      heap[position] = child;
      child.position = position;
      position = childPosition;
    }
    heap[position] = entry;
    entry.position = position;
  }
}

const queues = new WeakMap<Clock, DeadlineQueue>();

/**
 * The deadline queue of a clock: always the same one for the same clock, so
 * that all timeouts of a process share a single timer.
 *
 * @example
 * ```ts
 * import { deadlinesOf } from "@wireway/wireway";
 * console.log(deadlinesOf().size);
 * ```
 */
export function deadlinesOf(clock: Clock = systemClock): DeadlineQueue {
  let queue = queues.get(clock);
  if (queue === undefined) {
    queue = new DeadlineQueue(clock);
    queues.set(clock, queue);
  }
  return queue;
}
