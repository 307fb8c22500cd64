/**
 * One objective: what counts as bad, and how much of it there may be.
 *
 * @module
 */

import type { ObjectiveName } from "./objectives_snapshot.ts";
import type { Targets } from "./objectives_options.ts";
import type { TrendFigures } from "./trend.ts";

/** See the module. */
export interface Objective {
  readonly name: ObjectiveName;
  readonly target: number;
  /** The share that may be bad. */
  readonly budget: number;
  /** What is counted: calls that were answered, all calls, or looks. */
  readonly of: "answers" | "calls" | "looks";
  /** The figure that the target is for; undefined where nothing was measured. */
  measured(figures: TrendFigures): number | undefined;
}

const shares = { p50Ms: 0.5, p95Ms: 0.95, p99Ms: 0.99 } as const;

/** The objectives for the targets that are set. */
export function objectivesFor(targets: Targets, lookBudget: number): Objective[] {
  const all: Objective[] = [];
  for (const name of ["p50Ms", "p95Ms", "p99Ms"] as const) {
    const share = shares[name];
    const measured = ({ latency }: TrendFigures): number | undefined => latency.percentile(share);
    add(all, { name, budget: round(1 - share), of: "answers", measured }, targets[name]);
  }
  const errors = ({ calls, errors }: TrendFigures): number | undefined => calls > 0 ? errors / calls : undefined;
  add(all, { name: "errorRate", budget: targets.errorRate ?? 0, of: "calls", measured: errors }, targets.errorRate);
  const looks = { budget: lookBudget, of: "looks" } as const;
  const rate = ({ calls, coveredMs }: TrendFigures): number | undefined =>
    coveredMs > 0 ? calls / (coveredMs / 1000) : undefined;
  add(all, { ...looks, name: "minPerSecond", measured: rate }, targets.minPerSecond);
  const memory = ({ residentBytes }: TrendFigures): number | undefined => residentBytes;
  add(all, { ...looks, name: "maxResidentBytes", measured: memory }, targets.maxResidentBytes);
  add(all, { ...looks, name: "maxCpuShare", measured: ({ cpuShare }) => cpuShare }, targets.maxCpuShare);
  return all;
}

/** Whether a measured value keeps the promise. */
export function meets({ name, target }: Pick<Objective, "name" | "target">, value: number): boolean {
  return name === "minPerSecond" ? value >= target : value <= target;
}

/**
 * The burn rate from which on there is an alert. Where the budget is so large
 * that nothing could burn it that fast, it is half of the way from using it up
 * exactly to everything being bad.
 */
export function thresholdOf({ budget }: Objective, rate: number): number {
  return Math.min(rate, (1 + 1 / budget) / 2);
}

function add(all: Objective[], objective: Omit<Objective, "target">, target: number | undefined): void {
  if (target !== undefined) all.push({ ...objective, target });
}

/** 1 − 0.95 is 0.05, and not what floats make of it. */
function round(share: number): number {
  return Math.round(share * 1e9) / 1e9;
}
