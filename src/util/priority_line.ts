/**
 * A line in which the more urgent stand before the less urgent.
 *
 * @module
 */

import { type Line, type Waiter, WaiterLine } from "./waiters.ts";

/** One who waits, and how urgently. */
export interface UrgentWaiter extends Waiter {
  /** From 0 (most urgent) to 7. */
  readonly priority: number;
}

/** How many priorities there are: those of RFC 9218. */
const priorities = 8;

/** A line for each priority. Within one, who came first is served first. */
export class PriorityLine<W extends UrgentWaiter> implements Line<W> {
  readonly #lines: readonly WaiterLine<W>[] = Array.from({ length: priorities }, () => new WaiterLine<W>());
  /** How many wait. */
  size = 0;

  /** Those who stand first within their priority. */
  get firsts(): W[] {
    return this.#lines.flatMap(({ first }) => first ?? []);
  }

  join(waiter: W): void {
    this.#lines[waiter.priority].join(waiter);
    this.size++;
  }

  leave(waiter: W): void {
    if (!waiter.waiting) return;
    this.#lines[waiter.priority].leave(waiter);
    this.size--;
  }

  /** Takes the most urgent, of those the one who has waited longest. */
  shift(): W | undefined {
    const line = this.#lines.find(({ size }) => size > 0);
    if (line !== undefined) this.size--;
    return line?.shift();
  }

  /** The least urgent, of those the one who came last; stays where it is. */
  get last(): W | undefined {
    return this.#lines.findLast(({ size }) => size > 0)?.last;
  }
}
