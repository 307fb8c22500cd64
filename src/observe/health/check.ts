/**
 * One check: what it looks at, and how it stands.
 *
 * @module
 */

import type { HealthCheck, HealthCheckKind, HealthState } from "./health_snapshot.ts";
import { HeldState, type HoldSettings } from "./held_state.ts";

/** What a look found. */
export interface Verdict {
  readonly state: HealthState;
  /** Why, with the numbers. */
  readonly reason: string;
  readonly measured?: number;
}

/** What a check is. */
export interface CheckPlan {
  readonly name: string;
  readonly kind: HealthCheckKind;
  readonly endpoint?: string;
  readonly threshold: number;
  readonly required: boolean;
  readonly liveness: boolean;
  /** Looks. `bad` says whether it is bad now: what is bad must get clearly better. */
  look(now: number, bad: boolean): Verdict;
}

/** See the module. */
export class Check {
  readonly plan: CheckPlan;
  readonly #held: HeldState;
  #last: Verdict = { state: "unknown", reason: "nothing was measured yet" };

  constructor(plan: CheckPlan, hold: HoldSettings, now: number) {
    this.plan = plan;
    this.#held = new HeldState(hold, now);
  }

  /** How it stands, as of the last look. */
  get state(): HealthState {
    return this.#held.state;
  }

  /** Looks. Returns the state before where it is another now. */
  look(now: number): HealthState | undefined {
    const verdict = this.plan.look(now, this.#held.bad);
    const before = this.#held.take(verdict.state, now);
    if (verdict.state === this.#held.state) this.#last = verdict;
    else if (this.#held.bad) this.#last = { ...verdict, reason: this.#heldReason(verdict.reason, now) };
    else this.#last = verdict;
    return before;
  }

  /** How it stands, as of the last look. */
  snapshot(now: number): HealthCheck {
    const { name, kind, endpoint, threshold, required, liveness } = this.plan;
    const { reason, measured } = this.#last;
    const { state, since, changes } = this.#held;
    return {
      name,
      kind,
      ...(endpoint === undefined ? {} : { endpoint }),
      state,
      reason,
      forMs: now - since,
      changes,
      ...(measured === undefined ? {} : { measured }),
      threshold,
      required,
      liveness,
    };
  }

  #heldReason(reason: string, now: number): string {
    const leftMs = Math.ceil(this.#held.holdMs - (now - this.#held.since));
    return `${reason}; held for another ${Math.max(0, leftMs)} ms`;
  }
}
