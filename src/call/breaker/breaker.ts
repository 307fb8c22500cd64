/**
 * The state machine of a circuit breaker. There is no timer in it: what it does
 * is a function of what was recorded and of the clock.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import { notify, type Observer } from "../../core/observer.ts";
import type { Outcome } from "../../core/outcome.ts";
import type { BreakerSnapshot, BreakerState } from "./breaker_state.ts";
import type { WindowPolicy } from "./breaker_windows.ts";

/** What one call's end means to the breaker. */
export type Verdict = "success" | "failure" | "neutral";

/** Settings of a breaker. */
export interface BreakerSettings {
  readonly failures: number;
  readonly forgetAfterMs: number;
  readonly successes: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  readonly jitter: number;
  readonly maxProbes: number;
  readonly probeLeaseMs: number;
  readonly countsAs: ((outcome: Outcome, result: unknown) => Verdict) | undefined;
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: Observer | undefined;
}

/** The time between two changes of state. What began in an earlier one changes nothing in a later one. */
export class Period {
  readonly kind: "closed" | "open" | "half-open";

  constructor(kind: "closed" | "open" | "half-open") {
    this.kind = kind;
  }
}

/** A permit for one call while the breaker is half open. */
export interface Lease {
  readonly period: Period;
  readonly endsAt: number;
  /** Whether a response has begun to come: then it is a success, though its body may go on for ever. */
  answered: boolean;
}

/** See the module. */
export class Breaker {
  /** The present period. */
  period = new Period("closed");
  readonly settings: BreakerSettings;
  /** Whether some window asks how long calls take. */
  readonly timesCalls: boolean;
  readonly #windows: readonly WindowPolicy[];
  readonly #leases = new Set<Lease>();
  #isolations = 0;
  #row = 0;
  #lastFailureAt = -Infinity;
  #successes = 0;
  #doublings = 0;
  #openUntil = 0;
  #closedAt: number;

  constructor(settings: BreakerSettings, windows: readonly WindowPolicy[]) {
    this.settings = settings;
    this.#windows = windows;
    this.timesCalls = windows.some(({ slowCallMs }) => slowCallMs !== undefined);
    this.#closedAt = settings.clock.now();
  }

  /** The period that calls go through without asking; undefined where they must ask. */
  get passing(): Period | undefined {
    return this.#isolations === 0 && this.period.kind === "closed" ? this.period : undefined;
  }

  get state(): BreakerState {
    if (this.#isolations > 0) return "isolated";
    const { kind } = this.period;
    return kind === "open" && this.settings.clock.now() >= this.#openUntil ? "half-open" : kind;
  }

  get #maxDoublings(): number {
    return Math.ceil(Math.log2(this.settings.maxOpenMs / this.settings.openMs));
  }

  /** Leases that are out. */
  get probes(): number {
    return this.#leases.size;
  }

  /** Where calls must ask: a lease for one, or why there is none. */
  admit(): Lease | TransportError {
    if (this.#isolations > 0) return this.#refused("it is isolated", undefined);
    const { clock, maxProbes, probeLeaseMs } = this.settings;
    const now = clock.now();
    if (this.period.kind === "open") {
      if (now < this.#openUntil) return this.#refused("it is open", this.#openUntil - now);
      this.#change("half-open", "its time open is over");
    }
    this.#endLapsed(now);
    // A lapsed lease that counts as a success may have closed it, and one that was slow have opened it.
    if (this.period.kind === "open") return this.#refused("it is open", this.#openUntil - now);
    if (this.#leases.size >= maxProbes) {
      return this.#refused(`it is half open, and ${maxProbes} call(s) are on probation`, undefined);
    }
    const lease = { period: this.period, endsAt: now + probeLeaseMs, answered: false };
    if (this.period.kind === "half-open") this.#leases.add(lease);
    return lease;
  }

  /** A lease's call has ended. One that ended before, or lapsed, gives nothing back. */
  giveBack(lease: Lease): void {
    this.#leases.delete(lease);
  }

  /** A call that began in `period` has ended. */
  record(period: Period, verdict: Verdict, durationMs: number): void {
    if (period !== this.period || verdict === "neutral") return;
    const failed = verdict === "failure";
    if (period.kind === "half-open") {
      const slow = this.#windows.some(({ slowCallMs }) => slowCallMs !== undefined && durationMs >= slowCallMs);
      if (failed || slow) this.#open(failed ? "a probe failed" : "a probe was slow", this.settings.clock.now());
      else if (++this.#successes >= this.settings.successes) this.#change("closed", "its probes succeeded");
      return;
    }
    if (!failed) this.#row = 0;
    if (!failed && this.#windows.length === 0) return;
    const now = this.settings.clock.now();
    let reason = failed ? this.#lengthenRow(now) : undefined;
    // Not the next best: every window sees every call.
    for (const window of this.#windows) reason = window.record(now, failed, durationMs) ?? reason;
    if (reason !== undefined) this.#open(reason, now);
  }

  isolate(reason: string): void {
    const from = this.state;
    if (this.#isolations++ > 0) return;
    this.#enter("closed");
    this.#notify(from, "isolated", reason);
  }

  endIsolation(): void {
    if (--this.#isolations > 0) return;
    this.#enter("closed");
    this.#notify("isolated", "closed", "nobody isolates it any more");
  }

  reset(): void {
    this.#doublings = 0;
    this.#change("closed", "reset() was called");
  }

  snapshot(): BreakerSnapshot {
    const left = this.period.kind === "open" ? Math.max(0, this.#openUntil - this.settings.clock.now()) : 0;
    const state = this.period.kind === "open" && left === 0 ? "half-open" : this.period.kind;
    return { state, openForMs: left, failures: this.#row, doublings: this.#doublings };
  }

  restore({ state, openForMs, failures, doublings }: BreakerSnapshot): void {
    const now = this.settings.clock.now();
    this.#doublings = Math.min(doublings, this.#maxDoublings);
    this.#change(state, "restore() was called");
    // A row that would have opened it is not restored as one that has not.
    this.#row = Math.min(failures, this.settings.failures - 1);
    this.#lastFailureAt = now;
    this.#openUntil = now + Math.min(openForMs, this.settings.maxOpenMs);
  }

  /** Counts a failure in the row; returns why the breaker is to open. */
  #lengthenRow(now: number): string | undefined {
    const { failures, forgetAfterMs } = this.settings;
    if (now - this.#lastFailureAt >= forgetAfterMs) this.#row = 0;
    this.#lastFailureAt = now;
    return ++this.#row >= failures ? `${this.#row} call(s) in a row failed` : undefined;
  }

  #open(reason: string, now: number): void {
    const { openMs, maxOpenMs, jitter, random } = this.settings;
    if (this.period.kind === "closed") {
      const healthy = Math.floor((now - this.#closedAt) / openMs);
      this.#doublings = Math.max(0, this.#doublings - healthy);
    }
    const time = Math.min(maxOpenMs, openMs * 2 ** this.#doublings) * (1 - jitter * random());
    this.#openUntil = now + time;
    this.#doublings = Math.min(this.#doublings + 1, this.#maxDoublings);
    this.#change("open", reason);
  }

  #change(kind: Period["kind"], reason: string): void {
    const from = this.period.kind;
    this.#enter(kind);
    if (this.#isolations === 0 && from !== kind) this.#notify(from, kind, reason);
  }

  /** Begins a period: nothing of an earlier one is left. */
  #enter(kind: Period["kind"]): void {
    this.period = new Period(kind);
    this.#leases.clear();
    this.#successes = 0;
    this.#row = 0;
    for (const window of this.#windows) window.clear();
    if (kind === "closed") this.#closedAt = this.settings.clock.now();
  }

  /** Takes back the leases of probes that have had their time. */
  #endLapsed(now: number): void {
    for (const lease of this.#leases) {
      if (now < lease.endsAt) continue;
      this.#leases.delete(lease);
      if (lease.answered) this.record(lease.period, "success", this.settings.probeLeaseMs);
    }
  }

  #refused(why: string, retryAfterMs: number | undefined): TransportError {
    const { name, observer } = this.settings;
    const error = new TransportError("circuit-open", `Call refused by ${name}: ${why}`, { retryAfterMs });
    if (observer !== undefined) notify(observer, { type: "call-rejected", policy: name, error });
    return error;
  }

  #notify(from: BreakerState, to: BreakerState, reason: string): void {
    const { observer, name } = this.settings;
    if (observer !== undefined) notify(observer, { type: "state-changed", policy: name, from, to, reason });
  }
}
