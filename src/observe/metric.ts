/**
 * Figures to show or to export: metrics, and where they come from.
 *
 * @module
 */

import type { Histogram } from "./histogram.ts";

/**
 * One figure, or several of a kind.
 *
 * @example
 * ```ts
 * import type { Metric } from "@wireway/wireway";
 * const queue: Metric = {
 *   name: "orders.queue",
 *   kind: "gauge",
 *   unit: "{order}",
 *   description: "Orders that wait.",
 *   series: [{ labels: { shop: "a" }, value: 7 }],
 * };
 * ```
 */
export interface Metric {
  /** Its name, in the manner of OpenTelemetry: `wireway.pool.waiting`. */
  readonly name: string;
  /** A `counter` only grows; a `gauge` is what it is now; a `summary` shows percentiles of a histogram. */
  readonly kind: "counter" | "gauge" | "histogram" | "summary";
  /** Its unit in UCUM: `s`, `By`, `1`, or `{call}` for what is counted. */
  readonly unit: string;
  /** What it is, in a sentence. */
  readonly description: string;
  /** Its values; none where nothing is known. */
  readonly series: readonly MetricSeries[];
}

/**
 * One value of a {@linkcode Metric}, and what tells it from the others.
 *
 * @example
 * ```ts
 * import type { MetricSeries } from "@wireway/wireway";
 * const series: MetricSeries = { labels: { side: "client" }, value: 3 };
 * ```
 */
export interface MetricSeries {
  /** What tells it apart: few values each. */
  readonly labels: Readonly<Record<string, string>>;
  /** The value; of a histogram the values. */
  readonly value: number | Histogram;
  /** What the values of a histogram are multiplied with to be in the metric's unit. @default {1} */
  readonly scale?: number;
}

/**
 * Gives metrics whenever it is asked: how they are now.
 *
 * @example
 * ```ts
 * import { type MetricSource, serverMetrics } from "@wireway/wireway";
 * declare const server: Parameters<typeof serverMetrics>[0];
 * const sources: MetricSource[] = [serverMetrics(server, { port: "9000" })];
 * ```
 */
export type MetricSource = () => readonly Metric[];

/** A metric of one value; of none where that is undefined. */
export function metric(
  kind: "counter" | "gauge",
  name: string,
  unit: string,
  description: string,
  labels: Readonly<Record<string, string>>,
  value: number | undefined,
): Metric {
  return { name, kind, unit, description, series: value === undefined ? [] : [{ labels, value }] };
}
