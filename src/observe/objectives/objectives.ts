/**
 * objectives(): promises about calls and the process, and alerts where they are
 * broken.
 *
 * @module
 */

import { named } from "../../core/describe.ts";
import type { CallMiddleware, Service } from "../../core/service.ts";
import type { Histogram } from "../histogram.ts";
import { measuredCalls } from "../measured_calls.ts";
import type { MetricSource } from "../metric.ts";
import { objectivesMetrics } from "./objectives_metrics.ts";
import { ObjectivesMonitor } from "./objectives_monitor.ts";
import { type ObjectivesOptions, readObjectives, type Targets } from "./objectives_options.ts";
import type { ObjectivesSnapshot } from "./objectives_snapshot.ts";

export type { BurnWindow, HostLook, ObjectivesOptions, Targets } from "./objectives_options.ts";
export type {
  Alert,
  BurnFigures,
  ObjectiveFigures,
  ObjectiveName,
  ObjectivesSnapshot,
  TrendPoint,
} from "./objectives_snapshot.ts";
export { type Webhook, webhook, type WebhookOptions, type WebhookStats } from "./webhook.ts";

/**
 * What calls of late were like.
 *
 * @example
 * ```ts
 * import type { CallFigures } from "@wireway/wireway";
 * const errorRate = ({ calls, errors }: CallFigures): number => errors / calls;
 * ```
 */
export interface CallFigures {
  /** How long the calls that were answered took, in milliseconds. */
  readonly latency: Histogram;
  /** Calls that ended, without those that their caller gave up. */
  readonly calls: number;
  /** Those of them that failed or were refused. */
  readonly errors: number;
  /** Those of them that ran out of time. */
  readonly timedOut: number;
  /** The time that this is about, in milliseconds. */
  readonly coveredMs: number;
}

/**
 * Objectives that are kept an eye on.
 *
 * @example
 * ```ts
 * import { chain, type Objectives, objectives } from "@wireway/wireway";
 * const promised: Objectives = objectives({ targets: { p99Ms: 200, errorRate: 0.001 } });
 * const call = chain((name: string) => `hello ${name}`, promised.watch);
 * console.log(promised.snapshot().objectives);
 * promised.close();
 * ```
 */
export interface Objectives extends Disposable {
  /** Measures calls: on a server around the handler, on a client outermost. Hands on the inner service's own promise. */
  readonly watch: CallMiddleware;
  /** What is promised. */
  readonly targets: Targets;
  /** What is known now. */
  snapshot(): ObjectivesSnapshot;
  /** What calls were like over the last `windowMs`, in steps of the trend. @default {3600000} an hour */
  calls(windowMs?: number): CallFigures;
  /** The objectives as metrics: target, measured value, burn rates, open alerts. */
  readonly metrics: MetricSource;
  /** Looks no more by itself. */
  close(): void;
}

/**
 * Keeps an eye on what is promised (service level objectives): latency, errors,
 * throughput, memory and processors. It says how fast the budget of each is
 * used up, over two windows at once, and tells when that is too fast.
 *
 * Each promise has a budget: of `p99Ms`, 1 call in 100 may take longer; of
 * `errorRate` it is the rate itself; of what is looked at now and then,
 * `lookBudget` of the looks. The burn rate is the share that was bad by the
 * budget: 1 uses it up exactly. An alert opens where the rate is too high in a
 * long window and in a short one, and ends when the short one was calm for
 * `calmMs`; both are told once. By default that is 14.4 over 1 hour and 5
 * minutes, and 6 over 6 hours and 30 minutes (Google SRE workbook, chapter 5,
 * "Multiwindow, Multi-Burn-Rate Alerts"). Budgets that nothing could burn so
 * fast, as that of `p50Ms`, alert half of the way to everything being bad.
 *
 * A call counts as an error where it failed or was refused, by this side too,
 * but for what was wrong with the request itself; whoever gave up does not
 * count. Latencies are those of calls that were answered, of a `Response` until
 * its body has ended and of a streamed reply until its stream has; a body that
 * is cut off is an error. With `streams: false` both end with their heads: for
 * streams that are meant to go on for ever. A process that is younger than a window has only what it
 * measured.
 *
 * Memory: a histogram for each of 61 steps of a minute and, for 6 hours, 37 of
 * ten minutes: some 400 KB, 3 MB at the most. A longer trend has larger steps, at
 * most 145. Call `close()` to end it; it does not keep the process alive.
 *
 * Errors: `invalid-option`.
 *
 * @example A server's promises; alerts go to a log and to a webhook
 * ```ts
 * import { chain, HostMeter, mux, objectives, serve, tcp, webhook } from "@wireway/wireway";
 * using alerts = webhook("https://alerts.example/wireway");
 * using promised = objectives({
 *   targets: { p95Ms: 100, p99Ms: 200, errorRate: 0.001, maxResidentBytes: 500_000_000 },
 *   host: new HostMeter(),
 *   onAlert: (alert) => {
 *     console.error(alert.text);
 *     alerts.send(alert);
 *   },
 * });
 * await serve(chain(tcp({ port: 9000 }), mux()), chain((request: Uint8Array) => request, promised.watch));
 * ```
 */
export function objectives(options: ObjectivesOptions): Objectives {
  const settings = readObjectives(options);
  const monitor = new ObjectivesMonitor(settings);
  const { name, targets, clock, streams } = settings;
  const snapshot = (): ObjectivesSnapshot => monitor.snapshot();
  const close = (): void => monitor.close();
  return {
    watch: named(
      "objectives.watch",
      { name, ...targets },
      <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> => measuredCalls(inner, clock, monitor, streams),
      monitor.figures,
    ),
    targets,
    snapshot,
    calls: (windowMs = 3_600_000): CallFigures => {
      const { latency, calls, errors, timedOut, coveredMs } = monitor.read(windowMs);
      return { latency, calls, errors, timedOut, coveredMs };
    },
    metrics: () => objectivesMetrics(snapshot()),
    close,
    [Symbol.dispose]: close,
  };
}
