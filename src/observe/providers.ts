/**
 * What is needed of the software that takes spans and measurements. Any SDK for
 * `@opentelemetry/api` has it, and so has Deno.
 *
 * @module
 */

/**
 * Takes spans: a `TracerProvider` of `@opentelemetry/api`.
 *
 * @example
 * ```ts
 * import { type SpanProvider, telemetry } from "@wireway/wireway";
 * declare const provider: SpanProvider;
 * telemetry({ tracerProvider: provider });
 * ```
 */
export interface SpanProvider {
  /** Gives the tracer of a scope. */
  getTracer(name: string): object;
}

/**
 * Takes measurements: a `MeterProvider` of `@opentelemetry/api`.
 *
 * @example
 * ```ts
 * import { type MeasurementProvider, telemetry } from "@wireway/wireway";
 * declare const provider: MeasurementProvider;
 * telemetry({ meterProvider: provider });
 * ```
 */
export interface MeasurementProvider {
  /** Gives the meter of a scope. */
  getMeter(name: string): object;
}

/**
 * Carries trace context in text fields: a `TextMapPropagator` of
 * `@opentelemetry/api`.
 *
 * @example
 * ```ts
 * import { telemetry, type TracePropagator } from "@wireway/wireway";
 * declare const b3: TracePropagator;
 * telemetry({ propagator: b3 });
 * ```
 */
export interface TracePropagator {
  /** Writes the context of a span into a carrier. */
  inject(context: object, carrier: unknown, setter: object): void;
  /** Reads the context of a span from a carrier. */
  extract(context: object, carrier: unknown, getter: object): object;
  /** The fields that it reads and writes. */
  fields(): string[];
}
