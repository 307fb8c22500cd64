/**
 * The state of a check, kept from flapping.
 *
 * @module
 */

import type { HealthState } from "./health_snapshot.ts";

/** How long a bad state is held. */
export interface HoldSettings {
  /** At the least, in milliseconds; twice as long with each relapse. */
  readonly holdMs: number;
  /** At the most, in milliseconds. One that was well for so long starts anew. */
  readonly maxHoldMs: number;
}

const ranks: Record<HealthState, number> = { unknown: 0, healthy: 0, degraded: 1, unhealthy: 2 };

/** The worst of several states: `unknown` only where nothing is known of any. */
export function worstOf(states: Iterable<HealthState>): HealthState {
  let worst: HealthState = "unknown";
  for (const state of states) {
    if (ranks[state] > ranks[worst] || (worst === "unknown" && state === "healthy")) worst = state;
  }
  return worst;
}

/**
 * Gets worse at once and better only after a hold, which doubles each time it
 * turns bad again soon. All is read off the clock.
 */
export class HeldState {
  state: HealthState = "unknown";
  /** When it got into that state. */
  since: number;
  changes = 0;
  readonly #settings: HoldSettings;
  #relapses = 0;
  #badSince = -Infinity;
  #wellSince: number;

  constructor(settings: HoldSettings, now: number) {
    this.#settings = settings;
    this.since = now;
    this.#wellSince = now;
  }

  /** Whether it is bad. */
  get bad(): boolean {
    return ranks[this.state] > 0;
  }

  /** How long it has to be bad before it may get better, in milliseconds. */
  get holdMs(): number {
    const { holdMs, maxHoldMs } = this.#settings;
    return Math.min(maxHoldMs, holdMs * 2 ** Math.min(this.#relapses - 1, 52));
  }

  /** Takes a verdict. Returns the state before where it is another now. */
  take(verdict: HealthState, now: number): HealthState | undefined {
    const before = this.state;
    if (verdict === before) return undefined;
    if (ranks[verdict] > ranks[before]) {
      if (ranks[before] === 0) {
        if (now - this.#wellSince >= this.#settings.maxHoldMs) this.#relapses = 0;
        this.#relapses++;
      }
      this.#badSince = now;
    } else if (ranks[before] > 0) {
      if (now - this.#badSince < this.holdMs) return undefined;
      if (ranks[verdict] === 0) this.#wellSince = now;
    } else if (verdict === "unknown") {
      // Whoever was well and does nothing is well as far as anybody knows.
      return undefined;
    }
    this.state = verdict;
    this.since = now;
    this.changes++;
    return before;
  }
}
