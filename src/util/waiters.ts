/**
 * A bounded line of callers who wait for something to become free.
 *
 * @module
 */

/** One who waits: a member of a doubly linked list, so that leaving costs nothing. */
export interface Waiter {
  /** Who came before; the line's own. */
  previous: Waiter | undefined;
  /** Who came after; the line's own. */
  next: Waiter | undefined;
  /** Whether it stands in a line; the line's own. */
  waiting: boolean;
}

/** What one can wait in. */
export interface Line<W extends Waiter> {
  /** How many wait. */
  readonly size: number;
  /** Joins at the end. */
  join(waiter: W): void;
  /** Leaves, from wherever it stands; does nothing where it stands in no line. */
  leave(waiter: W): void;
}

/** A line that is served from its front, or from its back. */
export class WaiterLine<W extends Waiter> implements Line<W> {
  #first: Waiter | undefined = undefined;
  #last: Waiter | undefined = undefined;
  /** How many wait. */
  size = 0;

  /** The one who has waited longest. */
  get first(): W | undefined {
    return this.#first as W | undefined;
  }

  /** The one who came last. */
  get last(): W | undefined {
    return this.#last as W | undefined;
  }

  /** Joins at the end. */
  join(waiter: W): void {
    waiter.waiting = true;
    waiter.previous = this.#last;
    waiter.next = undefined;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    this.size++;
  }

  /** Leaves, from wherever it stands; does nothing where it stands in no line. */
  leave(waiter: W): void {
    if (!waiter.waiting) return;
    waiter.waiting = false;
    if (waiter.previous === undefined) this.#first = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === undefined) this.#last = waiter.previous;
    else waiter.next.previous = waiter.previous;
    waiter.previous = waiter.next = undefined;
    this.size--;
  }

  /** Takes the one who has waited longest. */
  shift(): W | undefined {
    const { first } = this;
    if (first !== undefined) this.leave(first);
    return first;
  }

  /** Takes the one who came last. */
  pop(): W | undefined {
    const { last } = this;
    if (last !== undefined) this.leave(last);
    return last;
  }
}
