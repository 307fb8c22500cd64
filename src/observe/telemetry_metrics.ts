/**
 * telemetryMetrics(): figures that are read, for OpenTelemetry.
 *
 * @module
 */

import {
  type BatchObservableCallback,
  type BatchObservableResult,
  type Meter,
  type MeterProvider,
  metrics,
  type Observable,
} from "@opentelemetry/api";
import { given, readOptions } from "../core/options.ts";
import type { Metric, MetricSeries, MetricSource } from "./metric.ts";
import type { MeasurementProvider } from "./providers.ts";
import { meterIn } from "./telemetry_signals.ts";

export type { MeasurementProvider } from "./providers.ts";
export type { Metric, MetricSeries, MetricSource } from "./metric.ts";

/**
 * Options of {@linkcode telemetryMetrics}.
 *
 * @example
 * ```ts
 * import { telemetryMetrics, type TelemetryMetricsOptions } from "@wireway/wireway";
 * declare const options: TelemetryMetricsOptions;
 * telemetryMetrics([], options);
 * ```
 */
export interface TelemetryMetricsOptions {
  /** Where they go. @default {what is set up for the program at the time of the call} */
  meterProvider?: MeasurementProvider;
}

/** What is said of a histogram: the API takes none that was counted before. */
const quantiles = [0.5, 0.95, 0.99];

/**
 * Has OpenTelemetry read `sources` whenever it exports: counters of servers and
 * pools, states of breakers, figures of the host. It ends when what is returned
 * is disposed of.
 *
 * A histogram is exported as gauges with the attribute `quantile`. A metric that
 * a source has only later is exported from the second reading on. A source that
 * throws is left out of that reading. Deno reads once in each interval of its
 * exports (`OTEL_METRIC_EXPORT_INTERVAL`), and not when the program ends.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, HostMeter, hostMetrics, mux, serve, serverMetrics, tcp, telemetryMetrics } from "@wireway/wireway";
 * await using server = await serve(chain(tcp({ port: 9000 }), mux()), (request) => request);
 * using _export = telemetryMetrics([serverMetrics(server), hostMetrics(new HostMeter())]);
 * await server.finished;
 * ```
 */
export function telemetryMetrics(
  sources: readonly MetricSource[],
  options: TelemetryMetricsOptions = {},
): Disposable {
  const { meterProvider } = readOptions("telemetryMetrics()", options, {
    meterProvider: given<MeasurementProvider | undefined>(undefined, "an object"),
  });
  const meter = meterIn(meterProvider as MeterProvider | undefined ?? metrics.getMeterProvider());
  if (meter === undefined) return { [Symbol.dispose]: () => {} };
  const readings = new Readings(meter, sources);
  return { [Symbol.dispose]: () => readings.end() };
}

/** Instruments for the metrics that there are, and the one callback that fills them. */
class Readings {
  readonly #meter: Meter;
  readonly #sources: readonly MetricSource[];
  readonly #instruments = new Map<string, Observable>();
  readonly #read: BatchObservableCallback = (result) => this.#observe(result);

  constructor(meter: Meter, sources: readonly MetricSource[]) {
    this.#meter = meter;
    this.#sources = sources;
    this.#add(this.#metrics());
  }

  end(): void {
    this.#meter.removeBatchObservableCallback(this.#read, [...this.#instruments.values()]);
  }

  #observe(result: BatchObservableResult): void {
    const all = this.#metrics();
    for (const metric of all) {
      const instrument = this.#instruments.get(metric.name);
      if (instrument === undefined) continue;
      for (const series of metric.series) observeSeries(result, instrument, series);
    }
    this.#add(all);
  }

  /** Makes instruments for metrics that have none. The callback is told of all at once, or it would run once for each. */
  #add(all: readonly Metric[]): void {
    const added = all.filter(({ name }) => !this.#instruments.has(name));
    if (added.length === 0) return;
    this.end();
    for (const { name, kind, unit, description } of added) {
      const make = kind === "counter" ? "createObservableCounter" : "createObservableGauge";
      this.#instruments.set(name, this.#meter[make](name, { unit, description }));
    }
    this.#meter.addBatchObservableCallback(this.#read, [...this.#instruments.values()]);
  }

  #metrics(): Metric[] {
    return this.#sources.flatMap((source) => {
      try {
        return source();
      } catch {
        return [];
      }
    });
  }
}

function observeSeries(
  result: BatchObservableResult,
  instrument: Observable,
  { labels, value, scale = 1 }: MetricSeries,
): void {
  if (typeof value === "number") return result.observe(instrument, value, labels);
  for (const quantile of quantiles) {
    const percentile = value.percentile(quantile);
    if (percentile !== undefined) result.observe(instrument, percentile * scale, { ...labels, quantile });
  }
}
