/**
 * An OpenTelemetry SDK that keeps what it is given, for one test.
 *
 * @module
 */

import type { Attributes } from "@opentelemetry/api";
import {
  AggregationTemporality,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** One series of a metric. */
export interface Series {
  /** The metric's name. */
  readonly name: string;
  /** Whether it only grows. */
  readonly monotonic: boolean;
  /** Its unit. */
  readonly unit: string;
  /** What tells the series apart. */
  readonly attributes: Attributes;
  /** The value: of a histogram the count. */
  readonly value: number;
  /** Of a histogram, the sum. */
  readonly sum: number | undefined;
  /** Of a histogram, the bounds. */
  readonly bounds: readonly number[] | undefined;
}

/** Takes spans and measurements, and gives them back. */
export class Otel implements AsyncDisposable {
  readonly #spans = new InMemorySpanExporter();
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  // It never reads by itself in the time of a test; it is made to.
  readonly #reader = new PeriodicExportingMetricReader({ exporter: this.#metrics, exportIntervalMillis: 2 ** 30 });
  readonly tracerProvider: BasicTracerProvider;
  readonly meterProvider: MeterProvider;

  constructor(sampler?: Sampler) {
    this.tracerProvider = new BasicTracerProvider({
      sampler,
      spanProcessors: [new SimpleSpanProcessor(this.#spans)],
    });
    this.meterProvider = new MeterProvider({ readers: [this.#reader] });
  }

  /** What telemetry() takes. */
  get providers(): { tracerProvider: BasicTracerProvider; meterProvider: MeterProvider } {
    return { tracerProvider: this.tracerProvider, meterProvider: this.meterProvider };
  }

  /** The spans that have ended, in that order. */
  get spans(): ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  /** The one span of a name and kind. */
  span(name: string, kind?: number): ReadableSpan {
    const found = this.spans.filter((span) => span.name === name && (kind === undefined || span.kind === kind));
    if (found.length !== 1) throw new Error(`${found.length} spans ${name}: ${this.spans.map((span) => span.name)}`);
    return found[0];
  }

  /** All series now, by the name of their metric. */
  async series(name: string): Promise<Series[]> {
    this.#metrics.reset();
    await this.#reader.forceFlush();
    const metrics = this.#metrics.getMetrics().flatMap((all) => all.scopeMetrics).flatMap((one) => one.metrics);
    return metrics.filter(({ descriptor }) => descriptor.name === name).flatMap(({ descriptor, dataPoints, ...rest }) =>
      dataPoints.map(({ attributes, value }): Series => {
        const histogram = typeof value === "object" && "buckets" in value ? value as Histogram : undefined;
        return {
          name,
          monotonic: "isMonotonic" in rest && rest.isMonotonic,
          unit: descriptor.unit,
          attributes,
          value: histogram?.count ?? value as number,
          sum: histogram?.sum,
          bounds: histogram?.buckets.boundaries,
        };
      })
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.meterProvider.shutdown();
    await this.tracerProvider.shutdown();
  }
}

/** The id of a span's parent; undefined for a root. */
export function parentIdOf(span: ReadableSpan): string | undefined {
  return span.parentSpanContext?.spanId;
}
