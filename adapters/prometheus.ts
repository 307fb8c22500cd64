/**
 * A page of metrics for Prometheus, and for what else reads its format.
 *
 * ```ts
 * import { chain, EventLoopDelay, HostMeter, hostMetrics, http, mux, serve, serverMetrics, tcp } from "@wireway/wireway";
 * import { prometheus } from "@wireway/wireway/prometheus";
 *
 * const server = await serve(chain(tcp({ port: 9000 }), mux()), (request) => request);
 * const page = prometheus([serverMetrics(server), hostMetrics(new HostMeter(), new EventLoopDelay())]);
 * await serve(http({ port: 9001 }), page);
 * ```
 *
 * In a Hono app: `app.get("/metrics", (c) => page(c.req.raw))`.
 *
 * @module
 */

import { type Metric, type MetricSeries, type MetricSource, TransportError } from "../mod.ts";

/** The bounds of buckets that OpenTelemetry recommends for durations of calls, in seconds. */
const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** What is shown of a summary. */
const quantiles = [0.5, 0.95, 0.99];

/**
 * Options of {@linkcode prometheus}.
 *
 * @example
 * ```ts
 * import { prometheus, type PrometheusOptions } from "@wireway/wireway/prometheus";
 * const options: PrometheusOptions = { bounds: [0.001, 0.01, 0.1, 1] };
 * prometheus([], options);
 * ```
 */
export interface PrometheusOptions {
  /** The upper bounds of histograms' buckets, in their unit. @default {from 5 ms to 10 s, as OpenTelemetry recommends} */
  bounds?: readonly number[];
}

/** The two formats of the page. */
type Format = "text" | "openmetrics";

const contentTypes: Record<Format, string> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/**
 * Makes a handler that answers with the metrics of `sources` as they are then:
 * in the text format 0.0.4, or in OpenMetrics 1.0 for those who ask for it
 * (`Accept: application/openmetrics-text`).
 *
 * `wireway.server.sent` in bytes becomes `wireway_server_sent_bytes_total`.
 * Metrics of one name from several sources are one family; their labels must
 * differ.
 *
 * Errors, as an answer of 500 that says why: two series with the same labels, a
 * source that throws. Methods other than GET and HEAD are answered with 405.
 * Throws `invalid-option` for bounds that do not rise.
 *
 * @example
 * ```ts
 * import { chain, http, mux, pool, poolMetrics, serve, tcp } from "@wireway/wireway";
 * import { prometheus } from "@wireway/wireway/prometheus";
 * const call = chain(tcp({ port: 9000 }), mux(), pool({ max: 4 }));
 * await serve(http({ port: 9001 }), prometheus([poolMetrics(call, { upstream: "orders" })]));
 * ```
 */
export function prometheus(
  sources: readonly MetricSource[],
  options: PrometheusOptions = {},
): (request: Request) => Response {
  const { bounds = durationBounds } = options;
  if (!bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]))) {
    throw new TransportError("invalid-option", "Cannot use prometheus(): option bounds is no list of rising numbers");
  }
  return (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
    }
    const format = formatFor(request.headers.get("accept") ?? "");
    const headers = { "content-type": contentTypes[format], "vary": "accept" };
    try {
      const page = pageOf(sources.flatMap((source) => source()), format, bounds);
      return new Response(request.method === "HEAD" ? null : page, { headers });
    } catch (error) {
      return new Response(error instanceof Error ? error.message : String(error), { status: 500 });
    }
  };
}

/** What the client would rather have. */
function formatFor(accept: string): Format {
  let [text, openmetrics] = [0, 0];
  for (const range of accept.toLowerCase().split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim());
    const weight = Number(parameters.find((one) => one.startsWith("q="))?.slice(2) ?? 1);
    if (type === "application/openmetrics-text") openmetrics = Math.max(openmetrics, weight);
    else if (type === "text/plain" || type === "text/*" || type === "*/*") text = Math.max(text, weight);
  }
  return openmetrics > 0 && openmetrics >= text ? "openmetrics" : "text";
}

function pageOf(metrics: readonly Metric[], format: Format, bounds: readonly number[]): string {
  const lines: string[] = [];
  for (const [name, family] of Map.groupBy(metrics, nameOf)) {
    const { kind, description } = family[0];
    const other = family.find((one) => one.kind !== kind);
    if (other !== undefined) throw new Error(`Cannot write metric ${name}: it is a ${kind} and a ${other.kind}`);
    const series = family.flatMap((one) => one.series);
    if (series.length === 0) continue;
    // In OpenMetrics a counter's family goes by its name without what its samples end with.
    const of = kind === "counter" && format === "text" ? `${name}_total` : name;
    const unit = unitOf(family[0]);
    lines.push(`# HELP ${of} ${helpOf(description, format)}`, `# TYPE ${of} ${kind}`);
    if (format === "openmetrics" && unit !== "") lines.push(`# UNIT ${of} ${unit}`);
    const seen = new Set<string>();
    for (const one of series) {
      const labels = labelsOf(one.labels);
      const key = labels.join();
      if (seen.has(key)) {
        throw new Error(`Cannot write metric ${name}: two series are {${key}}, give their sources different labels`);
      }
      seen.add(key);
      const twice = twiceIn([...namesOf(labels), ...(typeof one.value === "number" ? [] : [ownLabels[kind]])]);
      if (twice !== undefined) throw new Error(`Cannot write metric ${name}: its label ${twice} is given twice`);
      lines.push(...samplesOf(name, kind, one, labels, format, bounds));
    }
  }
  if (format === "openmetrics") lines.push("# EOF");
  return lines.map((line) => `${line}\n`).join("");
}

function samplesOf(
  name: string,
  kind: Metric["kind"],
  { value, scale = 1 }: MetricSeries,
  labels: readonly string[],
  format: Format,
  bounds: readonly number[],
): string[] {
  if (typeof value === "number") {
    return [sample(kind === "counter" ? `${name}_total` : name, labels, value)];
  }
  if (kind === "summary") {
    return quantiles.map((quantile) =>
      sample(name, [...labels, `quantile="${quantile}"`], (value.percentile(quantile) ?? NaN) * scale)
    );
  }
  const bucket = (le: string, count: number): string => sample(`${name}_bucket`, [...labels, `le="${le}"`], count);
  const buckets = bounds.map((bound) => bucket(boundOf(bound, format), value.countAtOrBelow(bound / scale)));
  return [
    ...buckets,
    bucket("+Inf", value.count),
    sample(`${name}_sum`, labels, value.sum * scale),
    sample(`${name}_count`, labels, value.count),
  ];
}

function sample(name: string, labels: readonly string[], value: number): string {
  return `${name}${labels.length === 0 ? "" : `{${labels.join()}}`} ${numberText(value)}`;
}

function numberText(value: number): string {
  return value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value);
}

/** OpenMetrics wants bounds as floats: `1.0`. */
function boundOf(bound: number, format: Format): string {
  return format === "openmetrics" && Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

const unitNames: Record<string, string> = { s: "seconds", By: "bytes", "1": "ratio" };

function unitOf({ unit }: Metric): string {
  return unitNames[unit] ?? "";
}

/** A metric's name as Prometheus writes it, without what its samples end with. */
function nameOf(metric: Metric): string {
  const name = metric.name.replace(/[^a-zA-Z0-9_:]/g, "_").replace(/^(?=[0-9])/, "_");
  const unit = unitOf(metric);
  return unit === "" || name.endsWith(`_${unit}`) ? name : `${name}_${unit}`;
}

/** What samples are told apart by beside their labels. */
const ownLabels: Record<Metric["kind"], string> = { histogram: "le", summary: "quantile", counter: "", gauge: "" };

function namesOf(labels: readonly string[]): string[] {
  return labels.map((label) => label.slice(0, label.indexOf("=")));
}

/** Names that differ may be one where they are written: nobody could read such a page. */
function twiceIn(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) < index);
}

function labelsOf(labels: Readonly<Record<string, string>>): string[] {
  return Object.keys(labels).sort().map((name) => {
    const written = name.replace(/[^a-zA-Z0-9_]/g, "_").replace(/^(?=[0-9])/, "_");
    return `${written}="${escaped(labels[name]).replaceAll('"', '\\"')}"`;
  });
}

/** OpenMetrics escapes quotes here, too. */
function helpOf(description: string, format: Format): string {
  return format === "openmetrics" ? escaped(description).replaceAll('"', '\\"') : escaped(description);
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
