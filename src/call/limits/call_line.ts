/**
 * The lines that calls wait in, and who of them is served first.
 *
 * @module
 */

import type { Waiting } from "../../core/waiting_call.ts";
import { PriorityLine } from "../../util/priority_line.ts";
import { type Line, WaiterLine } from "../../util/waiters.ts";

/**
 * Who of the calls that wait is served:
 *
 * - `fifo`: who came first;
 * - `adaptive-lifo`: who came last while more than half of the places are
 *   taken, as those who came first will have given up soon and all would be
 *   served too late; else who came first;
 * - `priority`: the most urgent by its context, of those who came first.
 *
 * @example
 * ```ts
 * import { type CallQueue, concurrencyLimit } from "@wireway/wireway";
 * const queue: CallQueue = "priority";
 * concurrencyLimit({ max: 10, queue });
 * ```
 */
export type CallQueue = "fifo" | "adaptive-lifo" | "priority";

/** All of them. */
export const callQueues = ["fifo", "adaptive-lifo", "priority"] as const satisfies readonly CallQueue[];

/** A line of calls. */
export interface CallLine extends Line<Waiting<void>> {
  /** Since when the one has waited who has waited longest; `Infinity` where nobody does. */
  readonly oldest: number;
  /** Takes the one to be served. */
  next(): Waiting<void> | undefined;
  /** Who makes room for a call of this priority where the line is full; undefined where nobody has to. */
  below(priority: number): Waiting<void> | undefined;
}

/** What a line goes by. */
export interface LineSettings {
  readonly queue: CallQueue;
  /** How many calls it has room for. */
  readonly maxWaiting: number;
}

/** Makes a line. */
export function callLine(settings: LineSettings): CallLine {
  return settings.queue === "priority" ? new UrgentFirst() : new InOrder(settings);
}

class InOrder extends WaiterLine<Waiting<void>> implements CallLine {
  readonly #settings: LineSettings;

  constructor(settings: LineSettings) {
    super();
    this.#settings = settings;
  }

  get oldest(): number {
    return this.first?.since ?? Infinity;
  }

  next(): Waiting<void> | undefined {
    const { queue, maxWaiting } = this.#settings;
    return queue === "adaptive-lifo" && this.size > maxWaiting / 2 ? this.pop() : this.shift();
  }

  below(): undefined {}
}

class UrgentFirst extends PriorityLine<Waiting<void>> implements CallLine {
  get oldest(): number {
    return this.firsts.reduce((oldest, { since }) => Math.min(oldest, since), Infinity);
  }

  next(): Waiting<void> | undefined {
    return this.shift();
  }

  below(priority: number): Waiting<void> | undefined {
    const { last } = this;
    return last !== undefined && last.priority > priority ? last : undefined;
  }
}
