/**
 * The scores of a report, each with its formula.
 *
 * @module
 */

import type { ReportFigures } from "./report_figures.ts";
import type { ReportSettings } from "./report_options.ts";
import type { Score, ScoreName } from "./report_snapshot.ts";

/** What the scores of the parts weigh in that of the whole. */
const weights: Readonly<Record<Exclude<ScoreName, "overall">, number>> = {
  connections: 0.2,
  throughput: 0.2,
  latency: 0.3,
  reliability: 0.3,
};

/** One factor of a score, from 0 to 1, and how it is written. */
type Factor = readonly [value: number, text: string];

/** The scores for which there is something to go by. */
export function scoresOf(figures: ReportFigures, settings: ReportSettings): Score[] {
  const scores = [
    connections(figures),
    throughput(figures, settings),
    latency(figures, settings),
    reliability(figures, settings),
  ].filter((score) => score !== undefined);
  return scores.length === 0 ? [] : [...scores, overall(scores)];
}

/** How well connections are used: again for further calls, opened without failures, there when they are needed. */
function connections({ pools, events }: ReportFigures): Score | undefined {
  const sum = (of: "acquired" | "timeouts" | "errors"): number => pools.reduce((total, pool) => total + pool[of], 0);
  const [acquired, timeouts, errors] = [sum("acquired"), sum("timeouts"), sum("errors")];
  const { opened } = events;
  const factors: Factor[] = [];
  if (opened > 0 && acquired > 0) {
    factors.push([1 - Math.min(1, opened / acquired), `(1 − ${opened} connections opened / ${acquired} calls)`]);
  }
  if (opened > 0) {
    factors.push([opened / (opened + errors), `(1 − ${errors} failed / ${opened + errors} attempts to connect)`]);
  }
  if (acquired + timeouts > 0) {
    const wanted = acquired + timeouts;
    factors.push([acquired / wanted, `(1 − ${timeouts} without a connection in time / ${wanted} calls)`]);
  }
  return product("connections", factors);
}

/** Whether as much is done as is wanted, and none of it refused. */
function throughput({ calls, limits }: ReportFigures, { expectedPerSecond }: ReportSettings): Score | undefined {
  if (calls === undefined || calls.calls === 0 || calls.coveredMs <= 0) return undefined;
  const factors: Factor[] = [];
  if (expectedPerSecond !== undefined) {
    const rate = calls.calls / (calls.coveredMs / 1000);
    const text = `min(1, ${shown(rate)} calls per second / ${shown(expectedPerSecond)} expected)`;
    factors.push([Math.min(1, rate / expectedPerSecond), text]);
  }
  if (limits.length > 0) {
    const refused = limits.reduce((total, { rejected }) => total + rejected, 0);
    const wanted = Math.max(calls.calls, refused);
    factors.push([1 - refused / wanted, `(1 − ${refused} refused by limits / ${wanted} calls)`]);
  }
  return product("throughput", factors);
}

/** Apdex (Application Performance Index, technical specification 1.1), of the calls that were answered. */
function latency({ calls }: ReportFigures, { satisfiedMs }: ReportSettings): Score | undefined {
  if (calls === undefined || calls.latency.count === 0 || satisfiedMs === undefined) return undefined;
  const { latency } = calls;
  const satisfied = latency.countAtOrBelow(satisfiedMs);
  const tolerating = latency.countAtOrBelow(4 * satisfiedMs) - satisfied;
  const text = `(${satisfied} within ${shown(satisfiedMs)} ms + ${tolerating} within ${
    shown(4 * satisfiedMs)
  } ms / 2) / ${latency.count} answered`;
  return product("latency", [[(satisfied + tolerating / 2) / latency.count, text]]);
}

/** How errors compare with those that are allowed, and how many connections were lost. */
function reliability({ calls, events }: ReportFigures, { errorBudget }: ReportSettings): Score | undefined {
  const factors: Factor[] = [];
  if (calls !== undefined && calls.calls > 0) {
    const { errors } = calls;
    const allowed = errorBudget * calls.calls;
    const text = errors === 0
      ? `1 (no error in ${calls.calls} calls)`
      : `min(1, ${shown(allowed)} errors allowed / ${errors} in ${calls.calls} calls)`;
    factors.push([errors === 0 ? 1 : Math.min(1, allowed / errors), text]);
  }
  const { opened, lost } = events;
  if (opened > 0) factors.push([1 - Math.min(1, lost / opened), `(1 − ${lost} connections lost / ${opened} opened)`]);
  return product("reliability", factors);
}

function overall(scores: readonly Score[]): Score {
  const weightOf = (score: Score): number => weights[score.name as keyof typeof weights];
  const total = scores.reduce((sum, score) => sum + weightOf(score), 0);
  const value = scores.reduce((sum, score) => sum + weightOf(score) * score.score, 0) / total;
  const terms = scores.map((score) => `${weightOf(score)} × ${score.score}`).join(" + ");
  return { name: "overall", score: rounded(value), formula: `(${terms}) / ${shown(total)}` };
}

function product(name: ScoreName, factors: readonly Factor[]): Score | undefined {
  if (factors.length === 0) return undefined;
  const value = 100 * factors.reduce((all, [factor]) => all * factor, 1);
  return { name, score: rounded(value), formula: ["100", ...factors.map(([, text]) => text)].join(" × ") };
}

function rounded(score: number): number {
  return Math.round(10 * score) / 10;
}

function shown(value: number): string {
  return `${Number(value.toPrecision(4))}`;
}
