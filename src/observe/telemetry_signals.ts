/**
 * Where telemetry goes: the tracer and the instruments of the providers that
 * are set up, looked up once and again when others are.
 *
 * @module
 */

import {
  createNoopMeter,
  type Histogram,
  type Meter,
  type MeterProvider,
  metrics,
  propagation,
  ProxyTracerProvider,
  type TextMapPropagator,
  trace,
  type Tracer,
  type TracerProvider,
  type UpDownCounter,
} from "@opentelemetry/api";
import type { MeasurementProvider, SpanProvider, TracePropagator } from "./providers.ts";
import { w3cPropagator } from "./trace_context.ts";

/** Whose telemetry it is: the name of the instrumentation scope. */
export const scope = "wireway";

/** The bounds that the conventions recommend for durations of calls, in seconds. */
const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** What calls are counted with. */
export interface Instruments {
  readonly httpServer: Histogram;
  readonly httpClient: Histogram;
  readonly rpcServer: Histogram;
  readonly rpcClient: Histogram;
  readonly attempt: Histogram;
  readonly httpServerActive: UpDownCounter;
  readonly httpClientActive: UpDownCounter;
}

/** Where the telemetry of calls goes now. */
export interface Signals {
  readonly tracer: Tracer | undefined;
  readonly instruments: Instruments | undefined;
  readonly propagator: TextMapPropagator;
}

/** The providers that a program has given, in place of those that are set up for all of it. */
export interface Providers {
  readonly tracerProvider: SpanProvider | undefined;
  readonly meterProvider: MeasurementProvider | undefined;
  readonly propagator: TracePropagator | undefined;
}

/** See the module. */
export class SignalSource {
  readonly #given: {
    readonly tracerProvider: TracerProvider | undefined;
    readonly meterProvider: MeterProvider | undefined;
    readonly propagator: TextMapPropagator | undefined;
  };
  #tracers: TracerProvider | undefined = undefined;
  #meters: MeterProvider | undefined = undefined;
  #signals: Signals | undefined = undefined;

  constructor({ tracerProvider, meterProvider, propagator }: Providers) {
    // What their type does not say of them, the API does.
    this.#given = {
      tracerProvider: tracerProvider as TracerProvider | undefined,
      meterProvider: meterProvider as MeterProvider | undefined,
      propagator: propagator as TextMapPropagator | undefined,
    };
  }

  /** Where telemetry goes; undefined where nobody takes any. */
  current(): Signals | undefined {
    const { tracerProvider, meterProvider } = this.#given;
    let tracers = tracerProvider ?? trace.getTracerProvider();
    // The stand-in of the API stays the same while what stands behind it changes.
    if (tracers instanceof ProxyTracerProvider) tracers = tracers.getDelegate();
    const meters = meterProvider ?? metrics.getMeterProvider();
    if (tracers !== this.#tracers || meters !== this.#meters) {
      this.#tracers = tracers;
      this.#meters = meters;
      this.#signals = this.#signalsOf(tracers, meters);
    }
    return this.#signals;
  }

  #signalsOf(tracers: TracerProvider, meters: MeterProvider): Signals | undefined {
    const tracer = tracers === noTracers() ? undefined : tracers.getTracer(scope);
    const meter = meterIn(meters);
    if (tracer === undefined && meter === undefined) return undefined;
    const propagator = this.#given.propagator ?? (propagation.fields().length > 0 ? propagation : w3cPropagator);
    return { tracer, instruments: meter && instrumentsOf(meter), propagator };
  }
}

/** What a provider's meter is; undefined where it measures nothing. */
export function meterIn(meters: MeterProvider): Meter | undefined {
  const meter = meters.getMeter(scope);
  return meter === createNoopMeter() ? undefined : meter;
}

/** The provider behind a stand-in that nothing was set up for. */
function noTracers(): TracerProvider {
  return new ProxyTracerProvider().getDelegate();
}

function instrumentsOf(meter: Meter): Instruments {
  const duration = (name: string, description: string): Histogram =>
    meter.createHistogram(name, {
      description,
      unit: "s",
      advice: { explicitBucketBoundaries: durationBounds },
    });
  const active = (side: string): UpDownCounter =>
    meter.createUpDownCounter(`http.${side}.active_requests`, {
      description: `HTTP ${side} requests that are under way.`,
      unit: "{request}",
    });
  return {
    httpServer: duration("http.server.request.duration", "Duration of HTTP server requests."),
    httpClient: duration("http.client.request.duration", "Duration of HTTP client requests."),
    rpcServer: duration("rpc.server.call.duration", "Duration of inbound calls."),
    rpcClient: duration("rpc.client.call.duration", "Duration of outbound calls, all attempts included."),
    attempt: duration("wireway.client.attempt.duration", "Duration of single attempts of outbound calls."),
    httpServerActive: active("server"),
    httpClientActive: active("client"),
  };
}
