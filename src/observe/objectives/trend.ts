/**
 * What was measured over the last hours: in small steps of late, in larger ones
 * before.
 *
 * @module
 */

import { Histogram } from "../histogram.ts";
import type { TrendPoint } from "./objectives_snapshot.ts";

/** Steps that are kept as they are. */
const fineSteps = 60;
/** Larger steps that are kept before those, at the most. */
const coarseSteps = 144;
/** Steps in a larger one, at the least. */
const stepsInCoarse = 10;

/** What was measured in a step. */
class Step {
  readonly startedAt: number;
  readonly latency: Histogram = new Histogram();
  calls = 0;
  errors = 0;
  timedOut = 0;
  residentBytes: number | undefined;
  cpuShare: number | undefined;

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  merge(other: Step): void {
    this.latency.merge(other.latency);
    this.calls += other.calls;
    this.errors += other.errors;
    this.timedOut += other.timedOut;
    this.sample(other.residentBytes, other.cpuShare);
  }

  sample(residentBytes: number | undefined, cpuShare: number | undefined): void {
    this.residentBytes = most(this.residentBytes, residentBytes);
    this.cpuShare = most(this.cpuShare, cpuShare);
  }
}

/** What was measured over some time. */
export interface TrendFigures {
  readonly latency: Histogram;
  readonly calls: number;
  readonly errors: number;
  readonly timedOut: number;
  /** How long that was, in milliseconds. */
  readonly coveredMs: number;
  readonly residentBytes: number | undefined;
  readonly cpuShare: number | undefined;
}

/** See the module. At most 205 histograms, and only of steps in which there was something. */
export class Trend {
  readonly #stepMs: number;
  readonly #coarseMs: number;
  readonly #spanMs: number;
  readonly #startedAt: number;
  /** Both from the oldest to the latest. */
  #fine: Step[] = [];
  #coarse: Step[] = [];
  /** Up to when steps were put into larger ones, and up to when those were forgotten. */
  #mergedUntil = -Infinity;
  #forgottenUntil = -Infinity;

  constructor(stepMs: number, spanMs: number, now: number) {
    this.#stepMs = stepMs;
    this.#spanMs = spanMs;
    const larger = Math.max(stepsInCoarse, Math.ceil(spanMs / coarseSteps / stepMs));
    this.#coarseMs = larger * stepMs;
    this.#startedAt = now;
  }

  /** The step that `now` is in. */
  at(now: number): Step {
    const last = this.#fine.at(-1);
    if (last !== undefined && now < last.startedAt + this.#stepMs) return last;
    const step = new Step(Math.floor(now / this.#stepMs) * this.#stepMs);
    this.#fine.push(step);
    this.#shrink(now);
    return step;
  }

  /** What was measured in the last `windowMs`, in whole steps with the one that runs, and as far as it is kept. */
  read(windowMs: number, now: number): TrendFigures {
    const all = new Step(now);
    const steps = Math.max(1, Math.ceil(windowMs / this.#stepMs));
    let from = (Math.floor(now / this.#stepMs) + 1 - steps) * this.#stepMs;
    // A larger step is all in it or not at all, and what is not kept was not nothing: neither counts as covered.
    if (from < this.#mergedUntil) {
      from = Math.min(Math.ceil(from / this.#coarseMs) * this.#coarseMs, this.#mergedUntil);
    }
    from = Math.max(from, this.#forgottenUntil);
    for (const step of [...this.#coarse, ...this.#fine]) if (step.startedAt >= from) all.merge(step);
    const { latency, calls, errors, timedOut, residentBytes, cpuShare } = all;
    const coveredMs = now - Math.max(from, this.#startedAt);
    return { latency, calls, errors, timedOut, residentBytes, cpuShare, coveredMs };
  }

  /** All steps, the oldest first. */
  points(now: number): TrendPoint[] {
    this.#shrink(now);
    const coarse = this.#coarse.map((step) => this.#point(step, this.#coarseMs, now));
    return [...coarse, ...this.#fine.map((step) => this.#point(step, this.#stepMs, now))];
  }

  /** Puts what is not of late into larger steps, and forgets what is too old. */
  #shrink(now: number): void {
    const fineFrom = now - fineSteps * this.#stepMs;
    while (this.#fine.length > 0 && this.#fine[0].startedAt + this.#stepMs <= fineFrom) {
      const step = this.#fine.shift()!;
      const startedAt = Math.floor(step.startedAt / this.#coarseMs) * this.#coarseMs;
      if (this.#coarse.at(-1)?.startedAt !== startedAt) this.#coarse.push(new Step(startedAt));
      this.#coarse.at(-1)!.merge(step);
      this.#mergedUntil = step.startedAt + this.#stepMs;
    }
    while (this.#coarse.length > 0 && this.#coarse[0].startedAt + this.#coarseMs <= now - this.#spanMs) {
      this.#forgottenUntil = this.#coarse.shift()!.startedAt + this.#coarseMs;
    }
  }

  #point(
    { startedAt, latency, calls, errors, residentBytes, cpuShare }: Step,
    stepMs: number,
    now: number,
  ): TrendPoint {
    const from = Math.max(startedAt, this.#startedAt);
    const lengthMs = Math.min(startedAt + stepMs, now) - from;
    const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((share) => latency.percentile(share));
    const figures = { p50Ms, p95Ms, p99Ms, maxMs: latency.max, residentBytes, cpuShare };
    return {
      agoMs: now - from,
      lengthMs,
      calls,
      errors,
      perSecond: lengthMs > 0 ? calls / (lengthMs / 1000) : 0,
      ...Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined)),
    };
  }
}

function most(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b);
}
