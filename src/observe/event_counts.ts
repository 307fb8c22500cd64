/**
 * EventCounts: an observer that counts events, for metrics that are read and
 * not sent.
 *
 * @module
 */

import type { Observer } from "../core/observer.ts";
import { integer, readOptions } from "../core/options.ts";
import { eventMetrics, measurementsOf } from "./event_measurements.ts";
import type { Metric, MetricSeries, MetricSource } from "./metric.ts";

/**
 * Options of {@linkcode EventCounts}.
 *
 * @example
 * ```ts
 * import { EventCounts, type EventCountsOptions } from "@wireway/wireway";
 * const options: EventCountsOptions = { maxSeries: 100 };
 * new EventCounts(options);
 * ```
 */
export interface EventCountsOptions {
  /** Series of each metric; what would need more is counted together, with the label `overflow`. @default {1000} */
  maxSeries?: number;
}

/**
 * Counts what happens to connections and in policies, in the same metrics as
 * `telemetryObserver()`. Give its `observer` to all parts of a program, and its
 * `metrics` to what shows them.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, circuitBreaker, EventCounts, http, pool } from "@wireway/wireway";
 * const { observer, metrics } = new EventCounts();
 * const call = chain(http({ origin: "https://orders.example", observer }), pool(), circuitBreaker({ observer }));
 * console.log(metrics());
 * ```
 */
export class EventCounts {
  readonly #metrics = new Map<
    keyof typeof eventMetrics,
    Map<string, { labels: Record<string, string>; value: number }>
  >();
  readonly #maxSeries: number;

  /** Starts to count. */
  constructor(options: EventCountsOptions = {}) {
    this.#maxSeries = readOptions("EventCounts", options, { maxSeries: integer(1000, 1, 1_000_000) }).maxSeries;
  }

  /** Counts an event. */
  readonly observer: Observer = (event) => {
    for (const { metric, attributes, value } of measurementsOf(event)) {
      const series = this.#series(metric, attributes);
      if (eventMetrics[metric].kind === "gauge") series.value = value;
      else series.value += value;
    }
  };

  /** What was counted. */
  readonly metrics: MetricSource = () =>
    Array.from(this.#metrics, ([key, series]): Metric => {
      const { name, kind, unit, description } = eventMetrics[key];
      const values = Array.from(series.values(), ({ labels, value }): MetricSeries => ({ labels, value }));
      return { name, kind: kind === "counter" ? "counter" : "gauge", unit, description, series: values };
    });

  #series(metric: keyof typeof eventMetrics, attributes: Readonly<Record<string, string>>): { value: number } {
    let all = this.#metrics.get(metric);
    if (all === undefined) this.#metrics.set(metric, all = new Map());
    let key = Object.values(attributes).join("\0");
    let found = all.get(key);
    if (found !== undefined) return found;
    let labels = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name.replace(/^wireway\./, ""), value]),
    );
    if (all.size >= this.#maxSeries) [key, labels] = ["", { overflow: "true" }];
    found = all.get(key);
    if (found === undefined) all.set(key, found = { labels, value: 0 });
    return found;
  }
}
