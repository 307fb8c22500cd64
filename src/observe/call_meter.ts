/**
 * callMeter(): counts the calls that go through one place of a chain, and how
 * long they take.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { named } from "../core/describe.ts";
import { counted, current, type Figures } from "../core/figures.ts";
import { flag, given, integer, label, readOptions } from "../core/options.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Service } from "../core/service.ts";
import { Histogram } from "./histogram.ts";
import { type CallListener, measuredCalls } from "./measured_calls.ts";
import type { Metric, MetricSource } from "./metric.ts";
import { SlidingHistogram } from "./sliding_histogram.ts";

/**
 * Options of {@linkcode callMeter}.
 *
 * @example
 * ```ts
 * import { callMeter, type CallMeterOptions } from "@wireway/wireway";
 * const options: CallMeterOptions = { labels: { upstream: "orders" }, windowMs: 30_000 };
 * callMeter(options);
 * ```
 */
export interface CallMeterOptions {
  /** What it is called among the stages of a chain. @default {"callMeter"} */
  name?: string;
  /** What tells its metrics from those of other meters. @default {{}} */
  labels?: Readonly<Record<string, string>>;
  /** Whether a call lasts until its body or stream has ended, and not only until its head is there. @default {false} */
  streams?: boolean;
  /** How far back the percentiles of `stats()` look, in milliseconds. @default {10000} */
  windowMs?: number;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
}

/**
 * What a {@linkcode callMeter} has measured.
 *
 * @example
 * ```ts
 * import { callMeter, type CallMeterStats } from "@wireway/wireway";
 * const { calls, p99Ms }: CallMeterStats = callMeter().stats();
 * ```
 */
export interface CallMeterStats {
  /** Calls that came. */
  readonly calls: number;
  /** Those of them that have not ended. */
  readonly inFlight: number;
  /** Calls that ended, by their outcome. */
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Half of the calls of late took no longer, in milliseconds; undefined where none ended. */
  readonly p50Ms: number | undefined;
  /** 95 of 100 calls of late took no longer, in milliseconds. */
  readonly p95Ms: number | undefined;
  /** 99 of 100 calls of late took no longer, in milliseconds. */
  readonly p99Ms: number | undefined;
}

/**
 * A meter of calls: a middleware, and what reads it. All chains that it is put
 * into are counted together.
 *
 * @example
 * ```ts
 * import { type CallMeter, callMeter, chain } from "@wireway/wireway";
 * const meter: CallMeter = callMeter();
 * const call = chain((request: string) => request, meter);
 * await call("hello");
 * console.log(meter.stats().calls); // 1
 * ```
 */
export interface CallMeter {
  /** Puts it around a service. */
  <Req, Res>(inner: Service<Req, Res>): Service<Req, Res>;
  /** What it has measured. */
  stats(): CallMeterStats;
  /** The same as metrics: `wireway.calls`, `wireway.active_calls` and `wireway.call.duration`. */
  readonly metrics: MetricSource;
}

/**
 * Counts calls by their outcome and records how long they take, from the call
 * to its reply; of a `Response` and of a streamed reply to the head, with
 * `streams: true` to the end, which puts a stream around each body. Else it
 * hands on the promise of the inner service itself, and costs two readings of
 * the clock a call.
 *
 * Latencies are kept in histograms (at most 0.8 percent off, memory bounded):
 * one over all time for `metrics`, one over `windowMs` for `stats()`.
 *
 * Place: wherever you want to know what goes through. Outermost it measures
 * calls as their callers see them, inside of `retry()` each attempt, on a
 * server around the handler the work.
 *
 * Errors: those of the inner service; `invalid-option`.
 *
 * @example
 * ```ts
 * import { callMeter, chain, mux, pool, retry, tcp } from "@wireway/wireway";
 * const meter = callMeter({ labels: { upstream: "orders" } });
 * const call = chain(tcp({ port: 9000 }), mux(), pool({ max: 4 }), retry(), meter);
 * setInterval(() => console.log(meter.stats().p99Ms), 1000);
 * ```
 */
export function callMeter(options: CallMeterOptions = {}): CallMeter {
  const { name, labels, streams, windowMs, clock } = readOptions("callMeter()", options, {
    name: label("callMeter"),
    labels: given<Readonly<Record<string, string>>>({}, "an object"),
    streams: flag(false),
    windowMs: integer(10_000, 100, 86_400_000),
    clock: given<Clock>(systemClock, "an object"),
  });
  const figures = new MeterFigures(labels, new SlidingHistogram({ windowMs, clock }));
  const middleware = <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> =>
    measuredCalls(inner, clock, figures, streams);
  const controls = { stats: () => figures.stats(), metrics: figures.metrics };
  return named(name, { windowMs, labels, streams }, Object.assign(middleware, controls), figures.figures);
}

class MeterFigures implements CallListener {
  calls = 0;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #all = new Histogram();
  readonly #late: SlidingHistogram;
  readonly #outcomes = { success: 0, failure: 0, overload: 0, rejected: 0, cancelled: 0, superseded: 0 };

  constructor(labels: Readonly<Record<string, string>>, late: SlidingHistogram) {
    this.#labels = labels;
    this.#late = late;
  }

  begun(): void {
    this.calls++;
  }

  ended(outcome: Outcome, tookMs: number, now: number): void {
    this.#outcomes[outcome]++;
    this.#all.record(tookMs);
    this.#late.record(tookMs, now);
  }

  stats(): CallMeterStats {
    const late = this.#late.read();
    const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((fraction) => late.percentile(fraction));
    return { calls: this.calls, inFlight: this.#inFlight, outcomes: { ...this.#outcomes }, p50Ms, p95Ms, p99Ms };
  }

  readonly figures: Figures = () => {
    const { calls, inFlight, outcomes, p50Ms, p95Ms, p99Ms } = this.stats();
    return [
      counted("calls", calls),
      current("in flight", inFlight),
      counted("failed", outcomes.failure + outcomes.overload),
      counted("refused", outcomes.rejected),
      current("p50", p50Ms, "ms"),
      current("p95", p95Ms, "ms"),
      current("p99", p99Ms, "ms"),
    ];
  };

  readonly metrics: MetricSource = (): Metric[] => {
    const labels = this.#labels;
    const outcomes = Object.entries(this.#outcomes).filter(([outcome, value]) => value > 0 || outcome === "success");
    return [
      {
        name: "wireway.calls",
        kind: "counter",
        unit: "{call}",
        description: "Calls that ended, by their outcome.",
        series: outcomes.map(([outcome, value]) => ({ labels: { ...labels, outcome }, value })),
      },
      {
        name: "wireway.active_calls",
        kind: "gauge",
        unit: "{call}",
        description: "Calls that have not ended.",
        series: [{ labels, value: this.#inFlight }],
      },
      {
        name: "wireway.call.duration",
        kind: "histogram",
        unit: "s",
        description: "How long calls took.",
        series: [{ labels, value: this.#all, scale: 1 / 1000 }],
      },
    ];
  };

  get #inFlight(): number {
    return this.calls - Object.values(this.#outcomes).reduce((sum, count) => sum + count, 0);
  }
}
