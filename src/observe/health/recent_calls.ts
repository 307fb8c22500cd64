/**
 * The calls of an endpoint of late, and what was usual before.
 *
 * @module
 */

import { TimeSlices } from "../../util/time_slices.ts";
import { Histogram } from "../histogram.ts";

/** Steps of the window of late, and of the one before it: how much memory an endpoint takes. */
const steps = 5;

/** What was counted in a step. */
class Step {
  readonly latency: Histogram = new Histogram();
  calls = 0;
  failures = 0;

  reset(): void {
    this.latency.reset();
    this.calls = this.failures = 0;
  }
}

/** What the calls of late were like. */
export interface RecentFigures {
  readonly calls: number;
  readonly failures: number;
  /** Of the calls that succeeded. */
  readonly latency: Histogram;
}

/**
 * Two windows. What leaves the short one goes into the long one, so that the
 * two have nothing in common; while latencies are raised it does not, so that
 * trouble does not become the measure of itself. What stays as it is for as
 * long as the long window is the new measure.
 */
export class RecentCalls {
  /** Whether what leaves the short window is left out of the long one. */
  raised = false;
  readonly #steps: readonly Step[] = Array.from({ length: steps }, () => new Step());
  readonly #late: TimeSlices;
  readonly #usual: readonly Histogram[] = Array.from({ length: steps }, () => new Histogram());
  readonly #before: TimeSlices;
  #now = 0;

  constructor(windowMs: number, usualMs: number) {
    this.#before = new TimeSlices(usualMs, steps, (slice) => this.#usual[slice].reset());
    this.#late = new TimeSlices(windowMs, steps, (slice) => {
      const { latency } = this.#steps[slice];
      if (latency.count > 0 && !this.raised) this.#usual[this.#before.at(this.#now)].merge(latency);
      this.#steps[slice].reset();
    });
  }

  /** Takes note of a call. `tookMs` is left out where it failed: how fast a call fails says nothing. */
  add(failed: boolean, tookMs: number, now: number): void {
    const step = this.#at(now);
    step.calls++;
    if (failed) step.failures++;
    else step.latency.record(tookMs);
  }

  /** The calls of late. */
  recent(now: number): RecentFigures {
    const latency = new Histogram();
    const { calls, failures } = this.counts(now);
    for (const step of this.#steps) if (step.latency.count > 0) latency.merge(step.latency);
    return { calls, failures, latency };
  }

  /** The calls of late, counted. */
  counts(now: number): { calls: number; failures: number } {
    this.#at(now);
    let [calls, failures] = [0, 0];
    for (const step of this.#steps) {
      calls += step.calls;
      failures += step.failures;
    }
    return { calls, failures };
  }

  /** The latencies before that. */
  usual(now: number): Histogram {
    this.#at(now);
    this.#before.at(now);
    const usual = new Histogram();
    for (const histogram of this.#usual) if (histogram.count > 0) usual.merge(histogram);
    return usual;
  }

  #at(now: number): Step {
    this.#now = now;
    return this.#steps[this.#late.at(now)];
  }
}
