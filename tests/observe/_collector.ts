/**
 * A collector of telemetry: takes what an exporter sends by OTLP over HTTP, in
 * JSON or in protobuf, and decodes it.
 *
 * @module
 */

import { decode, metrics, type Schema, traces } from "./_protobuf.ts";

/** A value of an attribute. */
type Value = string | number | boolean;

/** A span that was exported. */
export interface CollectedSpan {
  /** The service that it is of: `service.name` of its resource. */
  readonly service: string;
  /** The content type that it came in. */
  readonly type: string;
  readonly scope: string;
  readonly name: string;
  /** 1 is internal, 2 a server's, 3 a client's. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly attributes: Record<string, Value>;
  /** 0 is unset, 2 an error. */
  readonly status: number;
  /** Says what went wrong; empty where nothing did. */
  readonly message: string;
  /** When it began, in milliseconds since 1970. */
  readonly startMs: number;
  /** When it ended, in milliseconds since 1970. */
  readonly endMs: number;
}

/** A value of a counter or a gauge that was exported. */
export interface CollectedValue {
  readonly scope: string;
  readonly name: string;
  readonly unit: string;
  readonly attributes: Record<string, Value>;
  readonly value: number;
}

/** A point of a histogram that was exported. */
export interface CollectedPoint {
  readonly scope: string;
  readonly name: string;
  readonly unit: string;
  readonly attributes: Record<string, Value>;
  readonly count: number;
  readonly sum: number;
  readonly bounds: readonly number[];
}

// deno-lint-ignore no-explicit-any -- as it came: what is looked at is checked by the tests
type Decoded = any;

/** See the module. Has a port of its own until it is disposed of. */
export class Collector implements AsyncDisposable {
  readonly spans: CollectedSpan[] = [];
  readonly points: CollectedPoint[] = [];
  readonly values: CollectedValue[] = [];
  /** The content types that it was sent. */
  readonly types = new Set<string>();
  readonly #server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => this.#take(request));

  /** Where exporters send to. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async #take(request: Request): Promise<Response> {
    const type = request.headers.get("content-type") ?? "";
    const signal = new URL(request.url).pathname.split("/").at(-1);
    const body = await request.bytes();
    const allowed = allowedFor(request);
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: allowed });
    this.types.add(type);
    if (signal === "traces") this.#takeSpans(decoded(type, body, traces), type);
    if (signal === "metrics") this.#takeMetrics(decoded(type, body, metrics));
    return new Response(type.includes("json") ? "{}" : null, { headers: { ...allowed, "content-type": type } });
  }

  #takeSpans({ resourceSpans }: Decoded, type: string): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = String(attributesOf(resource?.attributes)["service.name"]);
      for (const { scope, spans } of scopeSpans) {
        for (const span of spans) this.spans.push(spanOf(span, scope.name, service, type));
      }
    }
  }

  #takeMetrics({ resourceMetrics }: Decoded): void {
    for (const { scope, metrics } of resourceMetrics.flatMap((one: Decoded) => one.scopeMetrics)) {
      for (const { name, unit, histogram, sum, gauge } of metrics) {
        for (const point of (sum ?? gauge)?.dataPoints ?? []) {
          const value = Number(point.asDouble ?? point.asInt);
          this.values.push({ scope: scope.name, name, unit, attributes: attributesOf(point.attributes), value });
        }
        for (const point of histogram?.dataPoints ?? []) {
          const attributes = attributesOf(point.attributes);
          const { sum, explicitBounds: bounds } = point;
          this.points.push({ scope: scope.name, name, unit, attributes, count: Number(point.count), sum, bounds });
        }
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** What lets a page of another origin send. */
function allowedFor(request: Request): Record<string, string> {
  const origin = request.headers.get("origin");
  return origin === null ? {} : {
    "access-control-allow-origin": origin,
    "access-control-allow-headers": "content-type",
  };
}

function decoded(type: string, body: Uint8Array, schema: Schema): Decoded {
  return type.includes("json") ? JSON.parse(new TextDecoder().decode(body)) : decode(body, schema);
}

function spanOf(span: Decoded, scope: string, service: string, type: string): CollectedSpan {
  return {
    service,
    type,
    scope,
    name: span.name,
    kind: span.kind,
    traceId: span.traceId ?? "",
    spanId: span.spanId ?? "",
    parentSpanId: span.parentSpanId ?? "",
    attributes: attributesOf(span.attributes),
    status: span.status?.code ?? 0,
    message: span.status?.message ?? "",
    startMs: Number(span.startTimeUnixNano) / 1e6,
    endMs: Number(span.endTimeUnixNano) / 1e6,
  };
}

function attributesOf(attributes: Decoded[] | undefined): Record<string, Value> {
  return Object.fromEntries((attributes ?? []).map(({ key, value }): [string, Value] => {
    // A number of 64 bits is text in JSON.
    if (value.intValue !== undefined) return [key, Number(value.intValue)];
    return [key, value.stringValue ?? value.doubleValue ?? value.boolValue];
  }));
}
