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

/** How many are remembered, and for how long. */
interface TombstoneSettings {
  readonly clock: Clock;
  readonly resumeWindowMs: number;
  readonly maxChannels: number;
}

/** See the module. Needs no timer: what is too old is thrown out when something is added. */
export class Tombstones {
  readonly #settings: TombstoneSettings;
  readonly #all = new Map<string, Tombstone & { readonly until: number }>();

  /** Remembers none yet. */
  constructor(settings: TombstoneSettings) {
    this.#settings = settings;
  }

  /** A channel is over. */
  add(id: string, error: TransportError | undefined): void {
    const { clock, resumeWindowMs, maxChannels } = this.#settings;
    const now = clock.now();
    this.#all.set(id, { error, until: now + resumeWindowMs });
    // They fall due in the order in which they were added, but for those of a longer window that was shortened since.
    for (const [old, { until }] of this.#all) {
      if (until >= now && this.#all.size <= maxChannels) break;
      this.#all.delete(old);
    }
  }

  /** How it ended, where that is remembered. */
  get(id: string): Tombstone | undefined {
    const tombstone = this.#all.get(id);
    return tombstone !== undefined && tombstone.until >= this.#settings.clock.now() ? tombstone : undefined;
  }
}
