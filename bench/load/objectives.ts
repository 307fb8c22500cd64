/**
 * What load must keep to, and how sure it is that it does or does not.
 *
 * @module
 */

import type { Tally } from "./tally.ts";

/** What is promised. */
export interface Objectives {
  /** At least 99 of 100 answers take at most so many milliseconds. */
  p99Ms: number;
  /** At most this share of the calls fails, from 0 to 1. */
  errorShare: number;
}

/** Whether objectives were met. */
export interface Verdict {
  /** Whether what was measured keeps to them. */
  met: boolean;
  /** Whether another measurement like this one would most likely say the same. */
  sure: boolean;
  /** What decided, for people. */
  reason: string;
}

/** The share of answers that may be slower than `p99Ms`. */
const slowShare = 0.01;

/** The quantile of the normal distribution for an interval of 95 %. */
const z95 = 1.96;

/**
 * Judges a measurement. It is sure where the whole interval of 95 % (Wilson's)
 * for the share of slow answers, and of failures, is on one side of its limit.
 */
export function judge(tally: Tally, objectives: Objectives): Verdict {
  const { p99Ms, errorShare } = objectives;
  const slow = tally.ok - tally.latency.countAtOrBelow(p99Ms);
  const p99 = tally.percentile(0.99);
  const checks = [
    { ...compared(tally.failed, tally.total, errorShare), reason: `${percent(tally.errorShare)} failed` },
    { ...compared(slow, tally.ok, slowShare), reason: p99 === undefined ? "no answer" : `p99 ${p99.toFixed(2)} ms` },
  ];
  if (tally.ok === 0) return { met: false, sure: true, reason: "no call was answered" };
  const missed = checks.filter(({ met }) => !met);
  if (missed.length === 0) {
    return { met: true, sure: checks.every(({ sure }) => sure), reason: checks.map(({ reason }) => reason).join(", ") };
  }
  return { met: false, sure: missed.some(({ sure }) => sure), reason: missed.map(({ reason }) => reason).join(", ") };
}

/** Wilson's interval of 95 % for a share of which `part` of `whole` were counted (Wilson, 1927). */
export function wilson(part: number, whole: number): [low: number, high: number] {
  if (whole === 0) return [0, 1];
  const share = part / whole;
  const square = z95 * z95;
  const middle = (share + square / (2 * whole)) / (1 + square / whole);
  const half = z95 * Math.sqrt(share * (1 - share) / whole + square / (4 * whole * whole)) / (1 + square / whole);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

function compared(part: number, whole: number, limit: number): { met: boolean; sure: boolean } {
  const [low, high] = wilson(part, whole);
  return { met: part <= limit * whole, sure: high <= limit || low > limit };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(3)} %`;
}
