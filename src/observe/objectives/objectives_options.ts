/**
 * The options of objectives(): what they are, their defaults, and what is
 * refused.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import {
  duration,
  flag,
  fraction,
  given,
  integer,
  invalidOption,
  label,
  type OptionRule,
  readOptions,
} from "../../core/options.ts";
import type { Alert, ObjectiveName } from "./objectives_snapshot.ts";

/**
 * What is promised. What is left out is not.
 *
 * @example
 * ```ts
 * import type { Targets } from "@wireway/wireway";
 * const targets: Targets = { p95Ms: 100, p99Ms: 200, errorRate: 0.001 };
 * ```
 */
export interface Targets {
  /** Half of the calls that are answered take no longer, in milliseconds. */
  p50Ms?: number;
  /** 95 of 100 calls that are answered take no longer, in milliseconds. */
  p95Ms?: number;
  /** 99 of 100 calls that are answered take no longer, in milliseconds. */
  p99Ms?: number;
  /** The share of calls that may fail, above 0 and below 1. */
  errorRate?: number;
  /** The calls per second that there are at the least. */
  minPerSecond?: number;
  /** The memory that the process takes at the most, in bytes. */
  maxResidentBytes?: number;
  /** The processors that work for the process at the most: 1 is one all the time. */
  maxCpuShare?: number;
}

/**
 * A pair of windows: there is an alert where the budget is used up too fast in
 * both. The long one says that it matters, the short one that it goes on.
 *
 * @example
 * ```ts
 * import type { BurnWindow } from "@wireway/wireway";
 * const ticket: BurnWindow = { severity: "ticket", longMs: 259_200_000, shortMs: 21_600_000, rate: 1 };
 * ```
 */
export interface BurnWindow {
  /** How urgent an alert is. */
  severity: string;
  /** The long window, in milliseconds. */
  longMs: number;
  /** The short window, in milliseconds. */
  shortMs: number;
  /** How many times as fast as it may the budget is used up. */
  rate: number;
}

/**
 * Options of {@linkcode objectives}.
 *
 * @example
 * ```ts
 * import { HostMeter, objectives, type ObjectivesOptions } from "@wireway/wireway";
 * const options: ObjectivesOptions = {
 *   targets: { p99Ms: 200, maxResidentBytes: 500_000_000 },
 *   host: new HostMeter(),
 * };
 * using promised = objectives(options);
 * ```
 */
export interface ObjectivesOptions {
  /** What is promised. */
  targets: Targets;
  /** What it is called in alerts and metrics. @default {"objectives"} */
  name?: string;
  /** The pairs of windows. Default: those of {@linkcode objectives}. */
  windows?: readonly BurnWindow[];
  /** The share of looks at throughput, memory and processors that may break the promise. @default {0.01} */
  lookBudget?: number;
  /** Calls in the long window that there must be for an alert on them. @default {100} */
  minCalls?: number;
  /** How long the short window must be calm for an alert to end, in milliseconds. @default {60000} */
  calmMs?: number;
  /** How far back the trend goes, in milliseconds. @default {21600000} 6 hours */
  trendMs?: number;
  /** Time between looks, in milliseconds. @default {10000} */
  lookEveryMs?: number;
  /** Whether a call lasts until its body or stream has ended, and not only until its head is there. @default {true} */
  streams?: boolean;
  /** Alerts of late that are kept. @default {100} */
  maxAlerts?: number;
  /** Tells of memory and processors: a `HostMeter` of its own. Demanded by targets on them. */
  host?: HostLook;
  /** An alert has opened, or has ended. What it throws, as a promise too, is ignored. */
  onAlert?: (alert: Alert) => unknown;
  /** Measures times, and wakes it. @default {systemClock} */
  clock?: Clock;
  /** Tells the date and time of alerts. @default {the system's} */
  date?: () => Date;
}

/**
 * What is looked at of a host: a part of `HostMeter`.
 *
 * @example
 * ```ts
 * import { HostMeter, type HostLook } from "@wireway/wireway";
 * const host: HostLook = new HostMeter();
 * ```
 */
export interface HostLook {
  /** What it is now, and since the last look. */
  read(): {
    /** Memory in RAM, in bytes. */
    readonly residentBytes: number | undefined;
    /** Processors that worked for the process since the last look. */
    readonly cpuShare: number | undefined;
  };
}

/**
 * The first two of the three pairs that the Google SRE workbook recommends
 * (chapter 5, "Alerting on SLOs", table 5-8): 2 percent of a month's budget in
 * an hour, and 5 percent in 6 hours. The third, a tenth in three days, needs
 * windows that outlive most processes.
 */
const defaultWindows: readonly BurnWindow[] = [
  { severity: "page", longMs: 3_600_000, shortMs: 300_000, rate: 14.4 },
  { severity: "page-slow", longMs: 21_600_000, shortMs: 1_800_000, rate: 6 },
];

/** Steps in the shortest window. */
export const stepsInShortest = 5;
/** Steps in the longest window, at the most. */
const maxSteps = 10_000;

/** The settings of objectives(), complete. */
export type ObjectivesSettings = ReturnType<typeof readObjectives>;

/** Checks the options and fills in the defaults. */
// deno-lint-ignore explicit-function-return-type -- what it gives is what the rules below say
export function readObjectives(options: ObjectivesOptions) {
  const owner = "objectives()";
  const { targets: wanted, windows, ...rest } = readOptions(owner, options, {
    targets: given<Targets>({}, "an object"),
    name: label("objectives"),
    windows: given<readonly BurnWindow[]>(defaultWindows, "a list"),
    lookBudget: fraction(0.01, 0.000_001, 0.999),
    minCalls: integer(100, 1, 1_000_000_000),
    calmMs: duration(60_000),
    trendMs: duration(21_600_000, 1),
    lookEveryMs: duration(10_000, 1),
    streams: flag(true),
    maxAlerts: integer(100, 1, 100_000),
    host: given<HostLook | undefined>(undefined, "an object"),
    onAlert: given<ObjectivesOptions["onAlert"]>(undefined, "a function"),
    clock: given<Clock>(systemClock, "an object"),
    date: given<() => Date>(() => new Date(), "a function"),
  });
  for (const name of ["trendMs", "lookEveryMs"] as const) {
    if (rest[name] === Infinity) throw invalidOption(owner, name, Infinity, "a time that ends");
  }
  const targets = readTargets(wanted);
  const host = targets.maxResidentBytes ?? targets.maxCpuShare;
  if (host !== undefined && rest.host === undefined) {
    throw invalidOption(owner, "host", undefined, "an object, since there are targets for the host");
  }
  if (windows.length === 0 || windows.length > 10) {
    throw invalidOption(owner, "windows", `a list of ${windows.length}`, "a list of 1 to 10 pairs");
  }
  const pairs = windows.map(readWindow);
  return { ...rest, targets, windows: pairs, ...steps(pairs) };
}

function readTargets(targets: Targets): Readonly<Partial<Record<ObjectiveName, number>>> {
  const read = readOptions("targets of objectives()", targets, {
    p50Ms: positive,
    p95Ms: positive,
    p99Ms: positive,
    errorRate: fraction(undefined, 0.000_000_001, 0.999),
    minPerSecond: positive,
    maxResidentBytes: positive,
    maxCpuShare: positive,
  });
  if (Object.values(read).every((value) => value === undefined)) {
    throw invalidOption("objectives()", "targets", "an object without any", "an object with one target or more");
  }
  return read;
}

const positive: OptionRule<number | undefined> = {
  allowed: "a number above 0",
  fallback: undefined,
  accepts: (value) => Number.isFinite(value) && (value as number) > 0,
};

function readWindow(window: BurnWindow): Readonly<BurnWindow> {
  const owner = "a window of objectives()";
  const read = readOptions(owner, window, {
    severity: label("alert"),
    longMs: duration(3_600_000, 5),
    shortMs: duration(300_000, 5),
    rate: fraction(14.4, 0.001, 1_000_000),
  });
  const { longMs, shortMs } = read;
  if (longMs === Infinity) throw invalidOption(owner, "longMs", longMs, "a time that ends");
  if (shortMs > longMs) throw invalidOption(owner, "shortMs", shortMs, `longMs (${longMs}) or less`);
  return read;
}

/** The steps that windows are counted in. */
function steps(windows: readonly BurnWindow[]): { stepMs: number; spanMs: number; shortestMs: number } {
  const shortestMs = Math.min(...windows.map(({ shortMs }) => shortMs));
  const spanMs = Math.max(...windows.map(({ longMs }) => longMs));
  const stepMs = shortestMs / stepsInShortest;
  if (spanMs / stepMs > maxSteps) {
    const most = (maxSteps / stepsInShortest) * shortestMs;
    throw invalidOption("objectives()", "windows", `a list with one of ${spanMs} ms`, `a list of at most ${most} ms`);
  }
  return { stepMs, spanMs, shortestMs };
}
