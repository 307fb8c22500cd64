/**
 * What a report says of rate limits.
 *
 * @module
 */

import type { Adjustable } from "../../core/adjustable.ts";
import { change, enoughCalls, numberOf, round } from "./change.ts";
import type { RatePeriod, ReportFigures } from "./report_figures.ts";
import type { ReportSettings } from "./report_options.ts";
import type { Recommendation } from "./report_snapshot.ts";

/** The share of a rate from which on it is the rate, and not the burst, that refuses calls. */
const usedUp = 0.7;

/** A window of a rate limit, as it is set now. */
interface Window {
  /** What its settings begin with: `windows[0]`. */
  readonly name: string;
  readonly calls: number;
  readonly perMs: number;
}

/**
 * Calls that are refused although there is room are let in: by a higher rate
 * where that was used up, by a larger burst where on the whole it was not. A
 * rate that lets in more than can be done is lowered to what was done.
 */
export function forRate(
  { name, part, rejected, keys }: RatePeriod,
  { calls, cpuShare, loopDelayMs }: ReportFigures,
  { satisfiedMs }: ReportSettings,
): Recommendation[] {
  const tightest = tightestOf(part.adjustable);
  const p95Ms = calls?.latency.percentile(0.95);
  if (tightest === undefined || calls === undefined || p95Ms === undefined || satisfiedMs === undefined) return [];
  if (calls.calls < enoughCalls || calls.coveredMs <= 0) return [];
  const allowed = 1000 * tightest.calls / tightest.perMs;
  const seconds = calls.coveredMs / 1000;
  // What was refused is among the calls where they are watched outside of the limit, and is not where inside.
  const admitted = Math.max(0, calls.calls - calls.errors) / seconds;
  const measured = { rejected, calls: calls.calls, perSecond: admitted, allowed, p95Ms, cpuShare, loopDelayMs };
  const idle = cpuShare !== undefined && cpuShare < 0.7;
  if (rejected >= calls.calls / 100 && p95Ms <= satisfiedMs && idle) {
    const room = `while 95 of 100 took up to ${round(p95Ms)} ms, ${round(satisfiedMs)} are fine, and ${
      Math.round(100 * cpuShare)
    } % of a processor was in use`;
    // The mean over several keys says nothing about the one that is at its limit.
    const share = keys > 1 ? undefined : admitted / allowed;
    if (share !== undefined && share < usedUp) {
      const why = `${rejected} calls were refused ${room}; on the whole ${round(admitted)} of ${
        round(allowed)
      } allowed per second were answered: they come in bursts`;
      return change(name, part.adjustable, `${tightest.name}.burst`, larger, () => why, measured);
    }
    const why = `${rejected} calls were refused, at ${round(allowed)} per second${keys > 1 ? " and key" : ""}, ${room}`;
    return change(name, part.adjustable, `${tightest.name}.calls`, larger, () => why, measured);
  }
  const late = loopDelayMs !== undefined && loopDelayMs > satisfiedMs / 2;
  if (keys <= 1 && p95Ms > 2 * satisfiedMs && late && admitted < allowed) {
    const why = `95 of 100 calls took up to ${round(p95Ms)} ms, ${round(satisfiedMs)} are fine, the event loop was ${
      round(loopDelayMs)
    } ms late, and no more than ${round(admitted)} calls per second were answered, of ${round(allowed)} allowed`;
    const least = (from: number): number => Math.min(from, Math.max(1, Math.floor(admitted * tightest.perMs / 1000)));
    return change(name, part.adjustable, `${tightest.name}.calls`, least, () => why, measured);
  }
  return [];
}

function larger(from: number): number {
  return Math.ceil(from * 1.5);
}

/** The window that allows the least in the long run. */
function tightestOf(part: Adjustable | undefined): Window | undefined {
  let tightest: Window | undefined;
  for (let index = 0;; index++) {
    const name = `windows[${index}]`;
    const [calls, perMs] = [numberOf(part, `${name}.calls`), numberOf(part, `${name}.perMs`)];
    if (calls === undefined || perMs === undefined) return tightest;
    if (tightest === undefined || calls / perMs < tightest.calls / tightest.perMs) tightest = { name, calls, perMs };
  }
}
