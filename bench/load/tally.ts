/**
 * What became of the calls of a run: counts, errors by code, latencies.
 *
 * @module
 */

import { Histogram, type HistogramSnapshot, TransportError } from "../../mod.ts";

/** The class of calls that an open loop could not start in time because too many were in flight. */
export const notStarted = "not-started";

/** The class of calls that had not ended when the wait for them did. */
export const unfinished = "unfinished";

/** Counts as plain data, for another process. */
export interface TallySnapshot {
  /** Calls that were answered. */
  ok: number;
  /** Calls that failed, by the code of their error. */
  errors: Record<string, number>;
  /** Milliseconds that answered calls took: in an open loop from the intended start. */
  latency: HistogramSnapshot;
  /** Milliseconds that calls of an open loop were started too late. */
  startDelay: HistogramSnapshot;
}

/** Counts calls. */
export class Tally {
  /** Calls that were answered. */
  ok = 0;
  /** Calls that failed, by the code of their error. */
  readonly errors = new Map<string, number>();
  /** Milliseconds that answered calls took. */
  readonly latency = new Histogram();
  /** Milliseconds that calls were started too late. */
  readonly startDelay = new Histogram();

  /** A call was answered. What failed has no latency here: a quick refusal must not look like a quick answer. */
  succeed(latencyMs: number): void {
    this.ok++;
    this.latency.record(latencyMs);
  }

  /** A call failed. */
  fail(error: unknown): void {
    this.count(error instanceof TransportError ? error.code : (error as Error)?.name ?? "unknown", 1);
  }

  /** Adds calls that failed. */
  count(code: string, calls: number): void {
    if (calls > 0) this.errors.set(code, (this.errors.get(code) ?? 0) + calls);
  }

  /** Calls that failed. */
  get failed(): number {
    let failed = 0;
    for (const calls of this.errors.values()) failed += calls;
    return failed;
  }

  /** Calls that ended in any way. */
  get total(): number {
    return this.ok + this.failed;
  }

  /** Which share of the calls failed, from 0 to 1. */
  get errorShare(): number {
    return this.total === 0 ? 0 : this.failed / this.total;
  }

  /** The latency that `fraction` of the answered calls had at most; undefined where none was answered. */
  percentile(fraction: number): number | undefined {
    return this.latency.percentile(fraction);
  }

  /** Adds what another one has counted. */
  merge(other: Tally): void {
    this.ok += other.ok;
    for (const [code, calls] of other.errors) this.count(code, calls);
    this.latency.merge(other.latency);
    this.startDelay.merge(other.startDelay);
  }

  /** What was counted, as plain data. */
  snapshot(): TallySnapshot {
    return {
      ok: this.ok,
      errors: Object.fromEntries(this.errors),
      latency: this.latency.snapshot(),
      startDelay: this.startDelay.snapshot(),
    };
  }

  /** Takes out what was counted, and starts again. */
  take(): Tally {
    const taken = Tally.from(this.snapshot());
    this.ok = 0;
    this.errors.clear();
    this.latency.reset();
    this.startDelay.reset();
    return taken;
  }

  /** Makes a tally of plain data. */
  static from({ ok, errors, latency, startDelay }: TallySnapshot): Tally {
    const tally = new Tally();
    tally.ok = ok;
    for (const [code, calls] of Object.entries(errors)) tally.count(code, calls);
    tally.latency.merge(Histogram.from(latency));
    tally.startDelay.merge(Histogram.from(startDelay));
    return tally;
  }
}
