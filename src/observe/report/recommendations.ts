/**
 * What a report recommends: settings that should be others, by what was
 * measured.
 *
 * @module
 */

import type { Adjustable } from "../../core/adjustable.ts";
import { change, enoughCalls, enoughLooks, manyCalls, numberOf, round } from "./change.ts";
import { forCompression } from "./compression_recommendations.ts";
import { forLink } from "./link_recommendations.ts";
import { forRate } from "./rate_recommendations.ts";
import type { LimitPeriod, PoolPeriod, ReportFigures } from "./report_figures.ts";
import type { ReportSettings } from "./report_options.ts";
import type { Recommendation } from "./report_snapshot.ts";

/** All that should be changed. */
export function recommend(figures: ReportFigures, settings: ReportSettings): Recommendation[] {
  return [
    ...figures.pools.flatMap((pool) => forPool(pool, figures)),
    ...figures.limits.flatMap((limit) => forLimit(limit, figures, settings)),
    ...figures.rates.flatMap((rate) => forRate(rate, figures, settings)),
    ...figures.links.flatMap((link) => forLink(link, figures)),
    ...figures.compressions.flatMap((compression) => forCompression(compression, figures)),
    ...Object.entries(settings.timeouts).flatMap(([name, part]) => forTimeout(name, part, figures)),
    ...Object.entries(settings.retries).flatMap(([name, part]) => forRetry(name, part, figures)),
  ];
}

function forPool(
  { name, part, now, acquired, timeouts, errors, peakActive, looks }: PoolPeriod,
  figures: ReportFigures,
): Recommendation[] {
  const { adjustable } = part;
  const { total, waiting, waitMs: { p95 } } = now;
  const max = numberOf(adjustable, "max");
  const { opened, lost } = figures.events;
  const measured = { acquired, timeouts, errors, connections: total, waiting, waitP95Ms: p95, peakActive };
  if (max === undefined) return [];
  // More connections are no help against connects that fail.
  const canDial = errors < Math.max(1, acquired / 10);
  if (canDial && total >= max && (timeouts > 0 || waiting > 0)) {
    const waits = p95 === undefined ? "" : `, 95 of 100 that had to wait did so for up to ${round(p95)} ms`;
    const why = `${timeouts} of ${
      acquired + timeouts
    } calls found none of ${max} connections free in time and ${waiting} wait now${waits}`;
    return change(name, adjustable, "max", (from) => Math.ceil(from * 1.5), () => why, measured);
  }
  if (timeouts === 0 && acquired >= manyCalls && looks >= enoughLooks && peakActive <= max / 4) {
    const least = Math.max(numberOf(adjustable, "min") ?? 0, 1, 2 * peakActive);
    const why = `in ${looks} looks no more than ${peakActive} of ${max} connections were busy, over ${acquired} calls`;
    return change(name, adjustable, "max", (from) => Math.min(from, least), () => why, measured);
  }
  // What the observer heard may be of any of several pools.
  if (figures.pools.length === 1 && acquired >= enoughCalls && opened > acquired / 2 && lost < opened / 10) {
    const why = (from: number): string =>
      `${opened} connections were opened for ${acquired} calls and ${lost} were lost: they are closed after ${from} ms without calls, before the next one comes`;
    return change(name, adjustable, "idleTimeoutMs", (from) => 2 * from, why, { ...measured, opened, lost });
  }
  return [];
}

function forLimit(
  { name, part, now, rejected, peakInFlight }: LimitPeriod,
  { calls, cpuShare, loopDelayMs }: ReportFigures,
  { satisfiedMs }: ReportSettings,
): Recommendation[] {
  const max = numberOf(part.adjustable, "max");
  const p95Ms = calls?.latency.percentile(0.95);
  if (max === undefined || calls === undefined || p95Ms === undefined || satisfiedMs === undefined) return [];
  if (calls.calls < enoughCalls) return [];
  const measured = { rejected, calls: calls.calls, p95Ms, cpuShare, loopDelayMs, peakInFlight };
  const idle = cpuShare !== undefined && cpuShare < 0.7;
  // A limit that was found by an algorithm is not held down by its ceiling.
  if (rejected >= calls.calls / 100 && now.limit >= max && p95Ms <= satisfiedMs && idle) {
    const why = `${rejected} calls were refused while 95 of 100 took up to ${round(p95Ms)} ms, ${
      round(satisfiedMs)
    } are fine, and ${Math.round(100 * cpuShare)} % of a processor was in use`;
    return change(name, part.adjustable, "max", (from) => Math.ceil(from * 1.5), () => why, measured);
  }
  const late = loopDelayMs !== undefined && loopDelayMs > satisfiedMs / 2;
  if (p95Ms > 2 * satisfiedMs && late && peakInFlight >= 0.9 * max) {
    const why = `95 of 100 calls took up to ${round(p95Ms)} ms, ${
      round(satisfiedMs)
    } are fine, with ${peakInFlight} at once, and the event loop was ${round(loopDelayMs)} ms late`;
    return change(name, part.adjustable, "max", (from) => Math.max(1, Math.floor(from * 0.75)), () => why, measured);
  }
  return [];
}

function forTimeout(name: string, part: Adjustable, { calls }: ReportFigures): Recommendation[] {
  const ms = numberOf(part, "ms");
  if (calls === undefined || ms === undefined || calls.calls < enoughCalls) return [];
  const { timedOut, latency } = calls;
  const [p99Ms, maxMs] = [latency.percentile(0.99), latency.max];
  if (p99Ms === undefined || maxMs === undefined) return [];
  const measured = { calls: calls.calls, timedOut, p99Ms, maxMs };
  if (timedOut >= calls.calls / 100 && p99Ms >= 0.8 * ms) {
    const why = `${timedOut} of ${calls.calls} calls ran out of time, and of those answered 1 in 100 took more than ${
      round(p99Ms)
    } of ${ms} ms`;
    return change(name, part, "ms", (from) => Math.ceil(from * 1.5), () => why, measured);
  }
  if (calls.calls >= manyCalls && timedOut < calls.calls / 1000 && maxMs * 10 < ms) {
    const why = (from: number, to: number): string =>
      `the slowest of ${latency.count} calls that were answered took ${
        round(maxMs)
      } ms: one that hangs would be given up after ${to} ms, not ${from}`;
    return change(name, part, "ms", () => Math.max(10, Math.ceil(3 * maxMs)), why, measured);
  }
  return [];
}

function forRetry(name: string, part: Adjustable, { calls, events }: ReportFigures): Recommendation[] {
  const { retries } = events;
  if (calls === undefined || calls.calls < enoughCalls || retries < calls.calls / 5) return [];
  const why = `${retries} further attempts for ${calls.calls} calls add ${
    Math.round(100 * retries / calls.calls)
  } % to the load of what fails`;
  return change(name, part, "maxAttempts", (from) => Math.max(1, from - 1), () => why, { retries, calls: calls.calls });
}
