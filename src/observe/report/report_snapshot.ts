/**
 * What report() says, as plain data.
 *
 * @module
 */

import type { SettingValue } from "../../core/adjustable.ts";

/**
 * What is scored.
 *
 * @example
 * ```ts
 * import type { ScoreName } from "@wireway/wireway";
 * const names: ScoreName[] = ["connections", "throughput", "latency", "reliability", "overall"];
 * ```
 */
export type ScoreName = "connections" | "throughput" | "latency" | "reliability" | "overall";

/**
 * A score, and how it came about.
 *
 * @example
 * ```ts
 * import type { Score } from "@wireway/wireway";
 * const line = ({ name, score, formula }: Score): string => `${name}: ${score} = ${formula}`;
 * ```
 */
export interface Score {
  /** What is scored. */
  readonly name: ScoreName;
  /** From 0 (as bad as can be) to 100. */
  readonly score: number;
  /** How it is worked out, with the numbers put in. */
  readonly formula: string;
}

/**
 * A setting that should be another, by what was measured.
 *
 * @example
 * ```ts
 * import type { Recommendation } from "@wireway/wireway";
 * const line = ({ target, setting, from, to, why }: Recommendation): string =>
 *   `${target}.${setting}: ${from} → ${to}, since ${why}`;
 * ```
 */
export interface Recommendation {
  /** What the setting belongs to, by the name that it was given to the report under. */
  readonly target: string;
  /** The setting. */
  readonly setting: string;
  /** What holds now. */
  readonly from: SettingValue;
  /** What should hold. */
  readonly to: SettingValue;
  /** Why, with the numbers. */
  readonly why: string;
  /** What was measured, by name. */
  readonly measured: Readonly<Record<string, number>>;
  /** Whether it can be changed while the program runs. */
  readonly live: boolean;
}

/**
 * What compression made of what was sent.
 *
 * @example
 * ```ts
 * import type { CompressionReport } from "@wireway/wireway";
 * const line = ({ name, ratio, bytesBefore, bytesAfter }: CompressionReport): string =>
 *   `${name}: ${ratio?.toFixed(1)}, ${bytesAfter} bytes instead of ${bytesBefore}`;
 * ```
 */
export interface CompressionReport {
  /** What compresses, by the name that it was given to the report under. */
  readonly name: string;
  /** Bytes that were given to be sent. */
  readonly bytesBefore: number;
  /** Bytes that they were sent as. */
  readonly bytesAfter: number;
  /** How many bytes each byte sent stood for. Absent where none was sent. */
  readonly ratio?: number;
  /** Messages or bodies sent compressed. */
  readonly compressed: number;
  /** Those sent as they are. */
  readonly plain: number;
}

/**
 * What report() found. It can be written as JSON.
 *
 * @example
 * ```ts
 * import { report, type ReportSnapshot } from "@wireway/wireway";
 * const snapshot: ReportSnapshot = report({}).snapshot();
 * console.log(JSON.stringify(snapshot));
 * ```
 */
export interface ReportSnapshot {
  /** The time that it is about, in milliseconds. */
  readonly periodMs: number;
  /** The scores for which there was something to measure; the others are absent. */
  readonly scores: readonly Score[];
  /** What compression made of what was sent, of all that compressed or passed anything in that time. */
  readonly compressions: readonly CompressionReport[];
  /** What should be changed. */
  readonly recommendations: readonly Recommendation[];
}
