/**
 * Metrics of what a program has: servers, pools, breakers, histograms, its
 * host.
 *
 * @module
 */

import type { KnownCounters } from "../core/channel.ts";
import type { CallCounters } from "../core/session.ts";
import type { EventLoopDelay } from "./event_loop_delay.ts";
import type { Histogram } from "./histogram.ts";
import { type Metric, metric, type MetricSource } from "./metric.ts";

export type { Metric, MetricSeries, MetricSource } from "./metric.ts";

/**
 * What tells series apart that have the same name.
 *
 * @example
 * ```ts
 * import type { MetricLabels } from "@wireway/wireway";
 * const labels: MetricLabels = { upstream: "orders" };
 * ```
 */
export type MetricLabels = Readonly<Record<string, string>>;

/**
 * Metrics of a server: its connections, bytes, messages and calls. What its
 * transport can't know is left out; on http() that is all but the calls.
 *
 * @example
 * ```ts
 * import { chain, mux, serve, serverMetrics, tcp } from "@wireway/wireway";
 * const server = await serve(chain(tcp({ port: 9000 }), mux()), (request) => request);
 * const source = serverMetrics(server, { listener: "9000" });
 * ```
 */
export function serverMetrics(
  server: { readonly channels: KnownCounters; readonly calls: CallCounters },
  labels: MetricLabels = {},
): MetricSource {
  return () => {
    const { channels, calls } = server;
    const found: Metric[] = [];
    const count = (name: string, unit: string, what: string, value: number | undefined): void => {
      if (value !== undefined) found.push(metric("counter", `wireway.server.${name}`, unit, what, labels, value));
    };
    const now = (name: string, unit: string, what: string, value: number | undefined): void => {
      if (value !== undefined) found.push(metric("gauge", `wireway.server.${name}`, unit, what, labels, value));
    };
    now("open_connections", "{connection}", "Connections that are open.", channels.connectionsOpen);
    count("connections", "{connection}", "Connections accepted.", channels.connectionsAccepted);
    count("connection_refusals", "{connection}", "Connections turned away.", channels.connectionsRefused);
    count("connection_failures", "{connection}", "Connections that ended with an error.", channels.connectionsFailed);
    count("received", "By", "Bytes read from the wire.", channels.bytesIn);
    count("sent", "By", "Bytes written to the wire.", channels.bytesOut);
    count("messages_received", "{message}", "Messages received.", channels.messagesIn);
    count("messages_sent", "{message}", "Messages sent.", channels.messagesOut);
    now("active_calls", "{call}", "Calls that handlers work on.", calls.inFlight);
    count("calls", "{call}", "Calls given to a handler.", calls.started);
    count("call_failures", "{call}", "Calls whose handler failed.", calls.failed);
    count("call_refusals", "{call}", "Calls refused before a handler saw them.", calls.refused);
    return found;
  };
}

/**
 * Metrics of a pool of connections. They are the pool's own: keep the chain as
 * far as the pool, and put what goes around it into another one.
 *
 * @example
 * ```ts
 * import { chain, mux, pool, poolMetrics, tcp, timeout } from "@wireway/wireway";
 * const connections = chain(tcp({ port: 9000 }), mux(), pool({ max: 4 }));
 * const call = chain(connections, timeout({ ms: 200 }));
 * const source = poolMetrics(connections, { upstream: "orders" });
 * ```
 */
export function poolMetrics(pool: { stats(): PoolFigures }, labels: MetricLabels = {}): MetricSource {
  return () => {
    const { active, idle, draining, dialling, waiting, acquired, timeouts, errors } = pool.stats();
    const states = { active, idle, draining, dialling };
    return [
      {
        name: "wireway.pool.connections",
        kind: "gauge",
        unit: "{connection}",
        description: "Connections of the pool, by what they do.",
        series: Object.entries(states).map(([state, value]) => ({ labels: { ...labels, state }, value })),
      },
      metric("gauge", "wireway.pool.waiting_calls", "{call}", "Calls that wait for a connection.", labels, waiting),
      metric("counter", "wireway.pool.calls", "{call}", "Calls that were given a connection.", labels, acquired),
      metric("counter", "wireway.pool.timeouts", "{call}", "Calls that waited too long.", labels, timeouts),
      metric("counter", "wireway.pool.dial_failures", "{attempt}", "Attempts to connect that failed.", labels, errors),
    ];
  };
}

/**
 * What a pool says of itself, as far as it is shown: a part of `PoolStats`.
 *
 * @example
 * ```ts
 * import type { PoolFigures, PoolStats } from "@wireway/wireway";
 * const shown = (stats: PoolStats): PoolFigures => stats;
 * ```
 */
export interface PoolFigures {
  /** Connections that carry calls. */
  readonly active: number;
  /** Connections that carry none. */
  readonly idle: number;
  /** Connections that take no more calls. */
  readonly draining: number;
  /** Connections that are being opened. */
  readonly dialling: number;
  /** Calls that wait for a connection. */
  readonly waiting: number;
  /** Calls that were given a connection. */
  readonly acquired: number;
  /** Calls that gave up waiting. */
  readonly timeouts: number;
  /** Attempts to connect that failed. */
  readonly errors: number;
}

const breakerStates = ["closed", "open", "half-open", "isolated"];

/**
 * Metrics of a circuit breaker: 1 for the state that it is in, 0 for the
 * others.
 *
 * @example
 * ```ts
 * import { breakerMetrics, circuitBreaker } from "@wireway/wireway";
 * const source = breakerMetrics(circuitBreaker(), { upstream: "orders" });
 * ```
 */
export function breakerMetrics(breaker: { readonly state: string }, labels: MetricLabels = {}): MetricSource {
  return () => [{
    name: "wireway.breaker.state",
    kind: "gauge",
    unit: "",
    description: "1 for the state that the breaker is in.",
    series: breakerStates.map((state) => ({ labels: { ...labels, state }, value: breaker.state === state ? 1 : 0 })),
  }];
}

/**
 * A histogram of latencies in milliseconds as a metric in seconds. One of a
 * window is shown by its percentiles: its buckets do not only grow, as those of
 * a histogram that is read from outside have to.
 *
 * @example
 * ```ts
 * import { Histogram, latencyMetrics } from "@wireway/wireway";
 * const latency = new Histogram();
 * const source = latencyMetrics("orders.latency", latency, { route: "/orders/:id" });
 * ```
 */
export function latencyMetrics(
  name: string,
  latency: Histogram | { read(): Histogram },
  labels: MetricLabels = {},
): MetricSource {
  return () => {
    const [kind, value] = "read" in latency ? ["summary", latency.read()] as const : ["histogram", latency] as const;
    const description = "How long it took.";
    return [{ name, kind, unit: "s", description, series: [{ labels, value, scale: 1 / 1000 }] }];
  };
}

/**
 * Metrics of the process and its host. What the platform can't tell has no
 * metric.
 *
 * @example
 * ```ts
 * import { EventLoopDelay, HostMeter, hostMetrics } from "@wireway/wireway";
 * using delay = new EventLoopDelay();
 * const source = hostMetrics(new HostMeter(), delay);
 * ```
 */
export function hostMetrics(
  meter: { read(): HostReading },
  delay?: EventLoopDelay,
  labels: MetricLabels = {},
): MetricSource {
  return () => {
    const { residentBytes, heapUsedBytes, cpuMs, openDescriptors, tcp } = meter.read();
    const cpuSeconds = cpuMs === undefined ? undefined : cpuMs / 1000;
    const { segmentsOut, segmentsRetransmitted } = tcp ?? {};
    const all = [
      metric("gauge", "process.resident_memory", "By", "Memory of the process in RAM.", labels, residentBytes),
      metric("gauge", "process.heap", "By", "Memory that objects take.", labels, heapUsedBytes),
      metric("counter", "process.cpu", "s", "Time that processors worked for the process.", labels, cpuSeconds),
      metric("gauge", "process.open_fds", "{file}", "Open files, sockets and pipes.", labels, openDescriptors),
      metric("counter", "host.tcp.segments_sent", "{segment}", "TCP segments the host sent.", labels, segmentsOut),
      metric(
        "counter",
        "host.tcp.segments_retransmitted",
        "{segment}",
        "TCP segments the host had to send again.",
        labels,
        segmentsRetransmitted,
      ),
      ...(delay === undefined ? [] : latencyMetrics("process.event_loop_delay", delay, labels)()),
    ];
    return all.filter(({ series }) => series.length > 0);
  };
}

/**
 * What is read of a host, as far as it is shown: a part of `HostFigures`.
 *
 * @example
 * ```ts
 * import type { HostFigures, HostReading } from "@wireway/wireway";
 * const shown = (figures: HostFigures): HostReading => figures;
 * ```
 */
export interface HostReading {
  /** Memory in RAM, in bytes. */
  readonly residentBytes: number | undefined;
  /** Memory that objects take, in bytes. */
  readonly heapUsedBytes: number | undefined;
  /** Time that processors worked for the process, in milliseconds. */
  readonly cpuMs: number | undefined;
  /** Open files, sockets and pipes. */
  readonly openDescriptors: number | undefined;
  /** Segments that the host sent, and those that it sent again. */
  readonly tcp: {
    /** Segments sent. */
    readonly segmentsOut: number | undefined;
    /** Segments sent again. */
    readonly segmentsRetransmitted: number | undefined;
  } | undefined;
}
