/**
 * A limit on the connections of several pools together.
 *
 * @module
 */

import { integer, readOptions } from "../core/options.ts";

/**
 * The most connections that several pools may have together, as a program's
 * share of a database's or of this machine's. Give the same one to each of the
 * pools. A pool that waits for room hears when another one gives some up.
 *
 * Errors: `invalid-option`.
 *
 * @example At most 4 connections to each of 10 servers, and 20 to all of them
 * ```ts
 * import { balance, chain, ConnectionLimit, mux, pool, tcp } from "@wireway/wireway";
 * const limit = new ConnectionLimit({ max: 20 });
 * const call = balance({
 *   endpoints: Array.from({ length: 10 }, (_, i) => 9000 + i),
 *   connect: (port) => chain(tcp({ port }), mux(), pool({ max: 4, limit })),
 * });
 * await call.close();
 * ```
 */
export class ConnectionLimit {
  readonly #max: number;
  #open = 0;
  readonly #waiting = new Set<() => void>();

  /** Allows `max` connections at once. */
  constructor(options: { max: number }) {
    this.#max = readOptions("ConnectionLimit", options, { max: integer(1, 1, 10_000_000) }).max;
  }

  /** Connections that are open or being opened now. */
  get open(): number {
    return this.#open;
  }

  /** Takes room for one, where there is some; else `onRoom` is called once when there may be. */
  take(onRoom: () => void): boolean {
    if (this.#open >= this.#max) {
      this.#waiting.add(onRoom);
      return false;
    }
    this.#waiting.delete(onRoom);
    this.#open++;
    return true;
  }

  /** Gives room back. */
  release(): void {
    this.#open--;
    for (const onRoom of this.#waiting) {
      if (this.#open >= this.#max) return;
      // To the end of the line: whoever can't use it must not keep it from the others.
      this.#waiting.delete(onRoom);
      onRoom();
    }
  }

  /** A pool that has ended waits no longer. */
  forget(onRoom: () => void): void {
    this.#waiting.delete(onRoom);
  }
}
