/**
 * telemetryObserver(): measurements of events, for OpenTelemetry.
 *
 * @module
 */

import { type Attributes, type Meter, type MeterProvider, metrics } from "@opentelemetry/api";
import type { Observer, TransportEvent } from "../core/observer.ts";
import { given, readOptions } from "../core/options.ts";
import { type EventMetric, eventMetrics, measurementsOf } from "./event_measurements.ts";
import type { MeasurementProvider } from "./providers.ts";
import { meterIn } from "./telemetry_signals.ts";

export type { MeasurementProvider } from "./providers.ts";

/**
 * Options of {@linkcode telemetryObserver}.
 *
 * @example
 * ```ts
 * import { telemetryObserver, type TelemetryObserverOptions } from "@wireway/wireway";
 * const options: TelemetryObserverOptions = { attributes: { upstream: "orders" } };
 * telemetryObserver(options);
 * ```
 */
export interface TelemetryObserverOptions {
  /** Attributes of every measurement. */
  attributes?: Readonly<Record<string, string | number | boolean>>;
  /** Where measurements go. @default {what is set up for the program, looked up with each event} */
  meterProvider?: MeasurementProvider;
}

type Instrument = (value: number, attributes: Attributes) => void;

/**
 * An observer that counts what happens to connections and in policies (pools,
 * breakers, limits, retries, hedges, caches) in metrics of OpenTelemetry. Give
 * the same one to all parts of a program.
 *
 * | metric | kind | attributes |
 * | --- | --- | --- |
 * | `wireway.open_connections` | up and down | `wireway.side`, `wireway.transport` |
 * | `wireway.connection.failures` | counter | the same, `error.type` |
 * | `wireway.connection.refusals`, `wireway.dial.failures` | counter | `error.type` |
 * | `wireway.session.drains` | counter | `wireway.by` |
 * | `wireway.call.rejections`, `wireway.call.retries`, `wireway.cache.failures` | counter | `wireway.policy`, `error.type` |
 * | `wireway.call.answers` | counter | `wireway.policy`, `wireway.from` |
 * | `wireway.call.hedges` | counter | `wireway.policy` |
 * | `wireway.policy.transitions` | counter | `wireway.policy`, `wireway.from`, `wireway.to` |
 * | `wireway.policy.state` | gauge, 0 or 1 | `wireway.policy`, `wireway.state` |
 * | `wireway.policy.limit` | gauge | `wireway.policy` |
 * | `wireway.endpoint.ejections`, `wireway.endpoint.readmissions` | counter | `wireway.policy` |
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, circuitBreaker, http, pool, telemetryObserver } from "@wireway/wireway";
 * const observer = telemetryObserver();
 * const call = chain(
 *   http({ origin: "https://orders.example", observer }),
 *   pool({ max: 4, observer }),
 *   circuitBreaker({ name: "orders", observer }),
 * );
 * ```
 */
export function telemetryObserver(options: TelemetryObserverOptions = {}): Observer {
  const { attributes, meterProvider } = readOptions("telemetryObserver()", options, {
    attributes: given<NonNullable<TelemetryObserverOptions["attributes"]>>({}, "an object"),
    meterProvider: given<MeasurementProvider | undefined>(undefined, "an object"),
  });
  let seen: MeterProvider | undefined;
  let meter: Meter | undefined;
  let instruments: Partial<Record<keyof typeof eventMetrics, Instrument>> = {};
  return (event: TransportEvent): void => {
    const meters = meterProvider as MeterProvider | undefined ?? metrics.getMeterProvider();
    if (meters !== seen) {
      seen = meters;
      meter = meterIn(meters);
      instruments = {};
    }
    if (meter === undefined) return;
    for (const { metric, attributes: own, value } of measurementsOf(event)) {
      const instrument = instruments[metric] ??= instrumentOf(meter, eventMetrics[metric]);
      instrument(value, { ...own, ...attributes });
    }
  };
}

function instrumentOf(meter: Meter, { name, kind, unit, description }: EventMetric): Instrument {
  const options = { unit, description };
  if (kind === "gauge") {
    const gauge = meter.createGauge(name, options);
    return (value, attributes) => gauge.record(value, attributes);
  }
  const sum = kind === "counter" ? meter.createCounter(name, options) : meter.createUpDownCounter(name, options);
  return (value, attributes) => sum.add(value, attributes);
}
