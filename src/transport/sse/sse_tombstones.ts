/**
 * What is still known of channels that are over: enough to answer a client that
 * did not hear the answer before.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import type { TransportError } from "../../core/errors.ts";

/** How a channel ended. */
export interface Tombstone {
  /** Why, where that was not in order. */
  readonly error: TransportError | undefined;
}

/** See the module. Needs no timer: what is too old is thrown out when something is added. */
export class Tombstones {
  readonly #clock: Clock;
  readonly #keepMs: number;
  readonly #max: number;
  readonly #all = new Map<string, Tombstone & { readonly until: number }>();

  /** Remembers at most `max`, for `keepMs` each. */
  constructor(clock: Clock, keepMs: number, max: number) {
    this.#clock = clock;
    this.#keepMs = keepMs;
    this.#max = max;
  }

  /** A channel is over. */
  add(id: string, error: TransportError | undefined): void {
    const now = this.#clock.now();
    this.#all.set(id, { error, until: now + this.#keepMs });
    // They fall due in the order in which they were added.
    for (const [old, { until }] of this.#all) {
      if (until >= now && this.#all.size <= this.#max) break;
      this.#all.delete(old);
    }
  }

  /** How it ended, where that is remembered. */
  get(id: string): Tombstone | undefined {
    const tombstone = this.#all.get(id);
    return tombstone !== undefined && tombstone.until >= this.#clock.now() ? tombstone : undefined;
  }
}
