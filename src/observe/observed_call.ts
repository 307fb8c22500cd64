/**
 * One call with a span around it, and its measurement at the end.
 *
 * @module
 */

import {
  type Attributes,
  type Context,
  context as traces,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { attempt } from "../core/attempt.ts";
import type { Clock } from "../core/clock.ts";
import { whenComplete } from "../core/completion.ts";
import { type CallContext, type ContextKey, contextKey } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import { type Outcome, outcomeIn } from "../core/outcome.ts";
import type { Service } from "../core/service.ts";
import { Streamed } from "../core/streamed.ts";
import { textOf } from "../core/thrown.ts";
import { type CallDescription, errorTypeOf, type Place, rpcCall, statusOf } from "./call_conventions.ts";
import { httpCall, httpStatus } from "./http_conventions.ts";
import type { Instruments, Signals } from "./telemetry_signals.ts";
import { extracted, injected } from "./trace_context.ts";

/** Settings of telemetry(). */
export interface TelemetrySettings {
  readonly side: "client" | "server";
  readonly place: Place;
  readonly method: ((request: unknown) => string | undefined) | undefined;
  readonly route: ((request: Request) => string | undefined) | undefined;
  readonly attributes: Attributes;
  readonly streams: boolean;
  readonly clock: Clock;
}

/** A call that is observed further out. */
interface Around {
  readonly side: "client" | "server";
  /** What a span of a call within it is a child of; undefined where there are no spans. */
  readonly traced: Context | undefined;
}

/** What is around a call on this side of the wire. */
const around: ContextKey<Around | undefined> = contextKey("telemetry", undefined);

/**
 * What a call is to its observer: `attempt` is one of several of a client's
 * call, and `handler` a part of what the platform observes itself.
 */
type Role = "client" | "attempt" | "server" | "handler";

const kinds: Record<Role, SpanKind> = {
  client: SpanKind.CLIENT,
  attempt: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  handler: SpanKind.INTERNAL,
};

/** Makes a call and observes it. */
export function observe<Req, Res>(
  inner: Service<Req, Res>,
  request: Req,
  context: CallContext,
  settings: TelemetrySettings,
  signals: Signals,
): Promise<Res> {
  const outer = context.get(around);
  const http = typeof request === "object" && request instanceof Request ? request : undefined;
  const { parent, platform } = parentOf(outer, context, settings, signals, http !== undefined);
  const role: Role = settings.side === "server"
    ? platform ? "handler" : "server"
    : outer?.side === "client"
    ? "attempt"
    : "client";
  const description = describeCall(request, http, context, settings);
  const call = new ObservedCall(http, context, description, role, settings, signals, parent);
  return call.run(inner, request);
}

/** What the span of a call is a child of, and whether the platform has made that for the call. */
function parentOf(
  outer: Around | undefined,
  context: CallContext,
  settings: TelemetrySettings,
  signals: Signals,
  http: boolean,
): { parent: Context; platform: boolean } {
  if (signals.tracer === undefined) return { parent: ROOT_CONTEXT, platform: false };
  if (outer?.traced !== undefined) return { parent: outer.traced, platform: false };
  const came = extracted(signals.propagator, ROOT_CONTEXT, context.metadata);
  // A server that reads a connection does so in whatever context the connection was made in.
  if (settings.side === "server" && !http) return { parent: came, platform: false };
  const active = traces.active();
  const span = trace.getSpan(active);
  if (span === undefined || !span.isRecording()) return { parent: came, platform: false };
  const cameFrom = trace.getSpanContext(came)?.traceId;
  const isNearer = cameFrom === undefined || cameFrom === span.spanContext().traceId;
  return isNearer ? { parent: active, platform: settings.side === "server" } : { parent: came, platform: false };
}

function describeCall(
  request: unknown,
  http: Request | undefined,
  context: CallContext,
  { side, place, method, route }: TelemetrySettings,
): CallDescription {
  if (http !== undefined) return httpCall(http, side, named(route, http), context);
  return rpcCall(named(method, request), side, place, context);
}

/** What the user's function says; one that throws is no reason to fail a call. */
function named<T>(name: ((request: T) => string | undefined) | undefined, request: T): string | undefined {
  try {
    return name?.(request);
  } catch {
    return undefined;
  }
}

/** See the module. */
class ObservedCall {
  readonly #http: boolean;
  readonly #request: unknown;
  readonly #context: CallContext;
  readonly #role: Role;
  readonly #settings: TelemetrySettings;
  readonly #instruments: Instruments | undefined;
  readonly #shared: Attributes;
  readonly #traced: Context | undefined;
  readonly #passed: CallContext;
  readonly #span: Span | undefined;
  readonly #startedAt: number;

  constructor(
    http: Request | undefined,
    context: CallContext,
    { name, shared, detail }: CallDescription,
    role: Role,
    settings: TelemetrySettings,
    { tracer, instruments, propagator }: Signals,
    parent: Context,
  ) {
    const { side } = settings;
    this.#http = http !== undefined;
    this.#request = http;
    this.#context = context;
    this.#role = role;
    this.#settings = settings;
    // What the platform observes itself is not counted twice.
    this.#instruments = role === "handler" ? undefined : instruments;
    this.#shared = Object.assign(shared, settings.attributes);
    this.#startedAt = settings.clock.now();
    let passed = context;
    if (tracer !== undefined) {
      const attributes = Object.assign(detail, shared);
      if (role === "attempt") this.#numberAttempt(attributes, context.get(attempt));
      this.#span = tracer.startSpan(name, { kind: kinds[role], attributes }, parent);
      this.#traced = trace.setSpan(parent, this.#span);
      passed = injected(propagator, this.#traced, context);
    }
    this.#passed = passed.set(around, { side, traced: this.#traced });
    this.#countActive(1);
  }

  run<Req, Res>(inner: Service<Req, Res>, request: Req): Promise<Res> {
    let call: Promise<Res>;
    try {
      call = this.#traced === undefined
        ? inner(request, this.#passed)
        : traces.with(this.#traced, inner, undefined, request, this.#passed);
    } catch (error) {
      this.#failed(error);
      return Promise.reject(error);
    }
    if (!this.#http) {
      call.then((reply) => {
        if (!(reply instanceof Streamed && this.#settings.streams)) return this.#end({}, false);
        reply.whenEnded((error) => error === undefined ? this.#end({}, false) : this.#failed(error));
      }, (error) => this.#failed(error));
      return call;
    }
    return call.then((reply) => this.#replied(reply), (error) => {
      this.#failed(error);
      throw error;
    });
  }

  #replied<Res>(reply: Res): Res {
    const { streams, side } = this.#settings;
    const { attributes, failed } = reply instanceof Response
      ? httpStatus(reply.status, side)
      : { attributes: {}, failed: false };
    const end = (error?: unknown): void =>
      error === undefined ? this.#end(attributes, failed) : this.#failed(error, attributes);
    if (streams) return whenComplete(reply, end);
    end();
    return reply;
  }

  #failed(error: unknown, attributes: Attributes = {}): void {
    const outcome = outcomeIn(this.#context, this.#request, error);
    const ended = givenUp.has(outcome) ? this.#context.cancellation?.reason ?? error : error;
    attributes["error.type"] = errorTypeOf(ended);
    // What the far side said, on its own side as on this one.
    if (!this.#http && error instanceof TransportError && (error.remote || this.#settings.side === "server")) {
      attributes["rpc.response.status_code"] = statusOf(error);
    }
    this.#end(attributes, !givenUp.has(outcome), textOf(error));
  }

  #end(attributes: Attributes, failed: boolean, message?: string): void {
    this.#countActive(-1);
    if (this.#instruments !== undefined) {
      const seconds = (this.#settings.clock.now() - this.#startedAt) / 1000;
      this.#duration(this.#instruments).record(seconds, Object.assign({}, this.#shared, attributes), this.#traced);
    }
    const span = this.#span;
    if (span === undefined) return;
    span.setAttributes(attributes);
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR, message });
    span.end();
  }

  #duration({ attempt, httpClient, httpServer, rpcClient, rpcServer }: Instruments): Instruments["attempt"] {
    if (this.#role === "attempt") return attempt;
    if (this.#http) return this.#role === "client" ? httpClient : httpServer;
    return this.#role === "client" ? rpcClient : rpcServer;
  }

  #countActive(change: number): void {
    if (!this.#http || this.#instruments === undefined || this.#role === "attempt") return;
    const { httpClientActive, httpServerActive } = this.#instruments;
    const { "http.request.method": method, "url.scheme": scheme, ...rest } = this.#shared;
    if (this.#role === "server") {
      httpServerActive.add(change, { "http.request.method": method, "url.scheme": scheme });
    } else {
      const { "server.address": address, "server.port": port } = rest;
      httpClientActive.add(change, { "http.request.method": method, "server.address": address, "server.port": port });
    }
  }

  #numberAttempt(attributes: Attributes, number: number): void {
    attributes["wireway.attempt"] = number;
    if (this.#http && number > 1) attributes["http.request.resend_count"] = number - 1;
  }
}

/** Ends that say nothing of the far side, and are nobody's fault. */
const givenUp: ReadonlySet<Outcome> = new Set(["cancelled", "superseded"]);
