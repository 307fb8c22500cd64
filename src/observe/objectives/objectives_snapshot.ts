/**
 * What objectives() says, as plain data.
 *
 * @module
 */

/**
 * What a target is set for.
 *
 * @example
 * ```ts
 * import type { ObjectiveName } from "@wireway/wireway";
 * const ofCalls: ObjectiveName[] = ["p50Ms", "p95Ms", "p99Ms", "errorRate", "minPerSecond"];
 * ```
 */
export type ObjectiveName =
  | "p50Ms"
  | "p95Ms"
  | "p99Ms"
  | "errorRate"
  | "minPerSecond"
  | "maxResidentBytes"
  | "maxCpuShare";

/**
 * One of the pairs of windows that a burn rate is taken over.
 *
 * @example
 * ```ts
 * import type { BurnFigures } from "@wireway/wireway";
 * const isBurning = ({ longRate, shortRate, threshold }: BurnFigures): boolean =>
 *   longRate !== undefined && shortRate !== undefined && Math.min(longRate, shortRate) >= threshold;
 * ```
 */
export interface BurnFigures {
  /** How urgent an alert of this pair is. */
  readonly severity: string;
  /** The long window, in milliseconds. */
  readonly longMs: number;
  /** The short window, in milliseconds. */
  readonly shortMs: number;
  /** The burn rate over the long one: 1 uses up the budget exactly. Absent where nothing was measured. */
  readonly longRate?: number;
  /** The burn rate over the short one; absent where nothing was measured. */
  readonly shortRate?: number;
  /** From which rate in both on there is an alert. */
  readonly threshold: number;
  /** Whether there is one. */
  readonly alerting: boolean;
}

/**
 * One objective, and how it stands.
 *
 * @example
 * ```ts
 * import type { ObjectiveFigures } from "@wireway/wireway";
 * const line = ({ name, measured, target }: ObjectiveFigures): string => `${name}: ${measured} of ${target}`;
 * ```
 */
export interface ObjectiveFigures {
  /** What is promised something about. */
  readonly name: ObjectiveName;
  /** What is promised: the most, of `minPerSecond` the least. */
  readonly target: number;
  /** The share of calls, or of looks, that may break the promise. */
  readonly budget: number;
  /** The same figure as measured over the shortest window; absent where nothing was. */
  readonly measured?: number;
  /** Whether the target is met by what was measured; absent where nothing was. */
  readonly met?: boolean;
  /** How fast the budget is used up. */
  readonly burn: readonly BurnFigures[];
}

/**
 * An alert: one objective whose budget is used up too fast, in one pair of
 * windows.
 *
 * @example
 * ```ts
 * import type { Alert } from "@wireway/wireway";
 * const log = (alert: Alert): void => console.log(`${alert.state} ${alert.severity} ${alert.id}: ${alert.text}`);
 * ```
 */
export interface Alert {
  /** Tells it from all others; opening and resolving have the same. */
  readonly id: string;
  /** Whether this is its opening or its end. */
  readonly state: "open" | "resolved";
  /** The name of the objectives. */
  readonly of: string;
  /** What the promise is about. */
  readonly objective: ObjectiveName;
  /** How urgent it is. */
  readonly severity: string;
  /** What is promised. */
  readonly target: number;
  /** The figure that the target is for, over the short window; absent where nothing was measured any more. */
  readonly measured?: number;
  /** The burn rate over the long window; absent where nothing was measured any more. */
  readonly longRate?: number;
  /** The burn rate over the short window; absent where nothing was measured any more. */
  readonly shortRate?: number;
  /** From which burn rate on there is an alert. */
  readonly threshold: number;
  /** The long window, in milliseconds. */
  readonly longMs: number;
  /** The short window, in milliseconds. */
  readonly shortMs: number;
  /** The date and time of this event, as in ISO 8601. */
  readonly at: string;
  /** How long it has been open, in milliseconds; 0 at its opening. */
  readonly openMs: number;
  /** The same in words. */
  readonly text: string;
}

/**
 * What was measured in one step of time.
 *
 * @example
 * ```ts
 * import type { TrendPoint } from "@wireway/wireway";
 * const line = ({ agoMs, p95Ms }: TrendPoint): string => `${agoMs / 60_000} min ago: ${p95Ms ?? "no calls"}`;
 * ```
 */
export interface TrendPoint {
  /** How long ago the step began, in milliseconds. */
  readonly agoMs: number;
  /** How long it was, in milliseconds: the one that runs is shorter, older ones are longer. */
  readonly lengthMs: number;
  /** Calls that ended in it, without those that their caller gave up. */
  readonly calls: number;
  /** Those of them that broke the promise on errors. */
  readonly errors: number;
  /** Calls that ended per second. */
  readonly perSecond: number;
  /** Half of the calls that were answered took no longer, in milliseconds; absent where none was. */
  readonly p50Ms?: number;
  /** 95 of 100 calls that were answered took no longer, in milliseconds. */
  readonly p95Ms?: number;
  /** 99 of 100 calls that were answered took no longer, in milliseconds. */
  readonly p99Ms?: number;
  /** The most that any took, in milliseconds. */
  readonly maxMs?: number;
  /** The most memory that was seen, in bytes; absent where it was not looked at. */
  readonly residentBytes?: number;
  /** The largest share of processors that was seen; absent where it was not looked at. */
  readonly cpuShare?: number;
}

/**
 * What objectives() knows now. It can be written as JSON.
 *
 * @example
 * ```ts
 * import { objectives, type ObjectivesSnapshot } from "@wireway/wireway";
 * using promised = objectives({ targets: { p99Ms: 200 } });
 * const snapshot: ObjectivesSnapshot = promised.snapshot();
 * console.log(JSON.stringify(snapshot));
 * ```
 */
export interface ObjectivesSnapshot {
  /** The name of the objectives. */
  readonly name: string;
  /** Each objective. */
  readonly objectives: readonly ObjectiveFigures[];
  /** Alerts that are open. */
  readonly open: readonly Alert[];
  /** What opened and resolved of late, the latest last. */
  readonly recent: readonly Alert[];
  /** What was measured over the last hours, the oldest first. */
  readonly trend: readonly TrendPoint[];
}
