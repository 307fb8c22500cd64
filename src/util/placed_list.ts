/**
 * A list whose members know their places: what a set does for things that come
 * and go with every call, at a tenth of the cost. A set that shrinks makes its
 * table anew, which is garbage with each call.
 *
 * @module
 */

/** A member of a {@linkcode PlacedList}, and of one only. */
export interface Placed {
  /** Where it is; the list's own to write. -1 while it is in none. */
  place: number;
}

/**
 * Keeps members in no order.
 *
 * @example
 * ```ts
 * const running = new PlacedList<Run>();
 * running.add(run);
 * running.remove(run);
 * ```
 */
export class PlacedList<T extends Placed> {
  readonly #members: T[] = [];

  /** Puts a member in that is in no list. */
  add(member: T): void {
    member.place = this.#members.push(member) - 1;
  }

  /** Takes a member out; does nothing for one that is not in it. */
  remove(member: T): void {
    const { place } = member;
    if (place < 0) return;
    const last = this.#members.pop()!;
    if (last !== member) {
      this.#members[place] = last;
      last.place = place;
    }
    member.place = -1;
  }

  /** Those in it now: they may go while they are looked at. */
  all(): T[] {
    return this.#members.slice();
  }
}
