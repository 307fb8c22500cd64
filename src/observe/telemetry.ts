/**
 * telemetry(): spans and measurements of calls, for OpenTelemetry.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { background, type CallContext } from "../core/context.ts";
import { named, stagesOf, withFigures } from "../core/describe.ts";
import { counted, current } from "../core/figures.ts";
import { flag, given, label, oneOf, readOptions } from "../core/options.ts";
import type { CallMiddleware, Service } from "../core/service.ts";
import { placeOf } from "./call_conventions.ts";
import { observe, type TelemetrySettings } from "./observed_call.ts";
import type { MeasurementProvider, SpanProvider, TracePropagator } from "./providers.ts";
import { SignalSource } from "./telemetry_signals.ts";

export type { MeasurementProvider, SpanProvider, TracePropagator } from "./providers.ts";

/**
 * Options of {@linkcode telemetry}.
 *
 * @example
 * ```ts
 * import { telemetry, type TelemetryOptions } from "@wireway/wireway";
 * const options: TelemetryOptions = { method: (request) => String(request).split(" ")[0] };
 * telemetry(options);
 * ```
 */
export interface TelemetryOptions {
  /** Whether it makes calls or answers them. @default {"auto"} a chain from a transport makes them, one from a handler answers them */
  side?: "auto" | "client" | "server";
  /** The name of a call that is no HTTP request, for its span and as `rpc.method`. One of few: no ids. */
  method?: (request: unknown) => string | undefined;
  /** The route of an HTTP request, for its span and as `http.route`. A template such as `/orders/:id`, one of few. */
  route?: (request: Request) => string | undefined;
  /**
   * The value of `rpc.system.name`. A client over jsonRpc() knows that its is `jsonrpc`; on the server, whose handler
   * does not see what carries its calls, say it. @default {"wireway"}
   */
  system?: string;
  /** Attributes of every span and measurement. */
  attributes?: Readonly<Record<string, string | number | boolean>>;
  /** Whether a call lasts until its body or stream has ended, and not only until its head is there. @default {true} */
  streams?: boolean;
  /** Where spans go. @default {what is set up for the program, looked up with each call} */
  tracerProvider?: SpanProvider;
  /** Where measurements go. @default {what is set up for the program, looked up with each call} */
  meterProvider?: MeasurementProvider;
  /** What carries trace context. @default {what is set up for the program, else W3C Trace Context} */
  propagator?: TracePropagator;
  /** Measures durations. @default {systemClock} */
  clock?: Clock;
}

/**
 * Makes a span and a measurement of each call, by the semantic conventions of
 * OpenTelemetry, on every transport and on both ends. Deno exports them itself
 * (`OTEL_DENO=true`); so does any SDK that is set up through
 * `@opentelemetry/api`. Where none is, a call costs some 20 ns more.
 *
 * - HTTP requests: `http.client.request.duration`,
 *   `http.server.request.duration` and `….active_requests`; all other calls:
 *   `rpc.client.call.duration`, `rpc.server.call.duration`; in seconds.
 * - Trace context travels in the call's metadata (`traceparent`, `tracestate`;
 *   on HTTP these are header fields). A handler that passes its context on, or
 *   whose calls are made while it runs, goes on with the same trace.
 * - A `telemetry()` inside of another one of the same client observes attempts:
 *   spans below the call's, with `wireway.attempt`, and
 *   `wireway.client.attempt.duration`.
 * - Where the platform has a span of its own for an HTTP request, as Deno.serve
 *   has, the handler's span is an internal one below it, and the request is not
 *   counted a second time.
 *
 * `error.type` is a code of {@linkcode TransportError}, the name of another
 * error, or a status of HTTP. A call that its caller gave up has it too, but is
 * no error.
 *
 * Place: outermost, on both ends, for whole calls; inside of `retry()` and
 * `hedge()` for each attempt. Around a bare `fetch` say `side: "client"`.
 *
 * Errors: `invalid-option`, and those of the inner service.
 *
 * @example Calls and their attempts
 * ```ts
 * import { chain, http, pool, retry, telemetry, timeout } from "@wireway/wireway";
 * const orders = chain(
 *   http({ origin: "https://orders.example" }),
 *   pool({ max: 4 }),
 *   telemetry(), // each attempt
 *   retry(),
 *   timeout({ ms: 800 }),
 *   telemetry(), // the call
 * );
 * ```
 *
 * @example A server
 * ```ts
 * import { chain, mux, serve, tcp, telemetry, text } from "@wireway/wireway";
 * const handler = chain((name: string) => `hello ${name}`, telemetry({ method: () => "Greeter/hello" }));
 * await serve(chain(tcp({ port: 9000 }), mux(), text()), handler);
 * ```
 */
export function telemetry(options: TelemetryOptions = {}): CallMiddleware {
  const { side, system, tracerProvider, meterProvider, propagator, ...rest } = readOptions("telemetry()", options, {
    side: oneOf("auto", ["auto", "client", "server"]),
    method: given<TelemetryOptions["method"]>(undefined, "a function"),
    route: given<TelemetryOptions["route"]>(undefined, "a function"),
    system: label(undefined),
    attributes: given<NonNullable<TelemetryOptions["attributes"]>>({}, "an object"),
    streams: flag(true),
    tracerProvider: given<SpanProvider | undefined>(undefined, "an object"),
    meterProvider: given<MeasurementProvider | undefined>(undefined, "an object"),
    propagator: given<TracePropagator | undefined>(undefined, "an object"),
    clock: given<Clock>(systemClock, "an object"),
  });
  const { streams, attributes } = rest;
  const source = new SignalSource({ tracerProvider, meterProvider, propagator });
  return named(
    "telemetry",
    { side, system, streams, attributes },
    <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> => {
      const settings: TelemetrySettings = {
        ...rest,
        side: side !== "auto" ? side : "close" in inner ? "client" : "server",
        place: placeOf(stagesOf(inner), system),
      };
      const counts = { calls: 0, observed: 0 };
      const observing = function telemetry(request: Req, context: CallContext = background): Promise<Res> {
        const signals = source.current();
        counts.calls++;
        if (signals === undefined) return inner(request, context);
        counts.observed++;
        return observe(inner, request, context, settings, signals);
      };
      return withFigures(observing, () => [
        current("state", source.current() === undefined ? "off" : "on"),
        counted("calls", counts.calls),
        counted("observed", counts.observed),
      ]);
    },
  );
}
