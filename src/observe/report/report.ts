/**
 * report(): how well the network is used, in scores with their formulas, and
 * what should be changed.
 *
 * @module
 */

import type { Adjustable } from "../../core/adjustable.ts";
import type { Observer } from "../../core/observer.ts";
import type { MetricSource } from "../metric.ts";
import { type Applied, apply } from "./apply.ts";
import { compressionReport } from "./compression_figures.ts";
import { recommend } from "./recommendations.ts";
import { Measured } from "./report_figures.ts";
import { readReport, type ReportOptions } from "./report_options.ts";
import type { Recommendation, ReportSnapshot } from "./report_snapshot.ts";
import { scoresOf } from "./scores.ts";

export { type Applied, apply, type Refused } from "./apply.ts";
export { compressionsOf } from "./compressions_of.ts";
export { linkStats } from "./link_stats.ts";
export type {
  ReportedCompression,
  ReportedLimit,
  ReportedLink,
  ReportedPool,
  ReportedRate,
  ReportOptions,
} from "./report_options.ts";
export type { CompressionReport, Recommendation, ReportSnapshot, Score, ScoreName } from "./report_snapshot.ts";

/**
 * Reports on what it was given.
 *
 * @example
 * ```ts
 * import { objectives, type Report, report } from "@wireway/wireway";
 * using promised = objectives({ targets: { p95Ms: 100 } });
 * const performance: Report = report({ calls: promised });
 * for (const { name, score, formula } of performance.snapshot().scores) console.log(name, score, formula);
 * ```
 */
export interface Report {
  /** Counts connections and further attempts: for the `observer` of transports, pools and retry(). */
  readonly observer: Observer;
  /** Scores and recommendations of the last period. */
  snapshot(): ReportSnapshot;
  /** The scores as metrics. */
  readonly metrics: MetricSource;
  /** Follows recommendations, by default those of this moment: {@linkcode apply} on the parts that it was given. */
  apply(recommendations?: readonly Recommendation[]): Applied;
}

/**
 * Reports on the last `periodMs`, or on the time since its making while that is
 * shorter: scores from 0 to 100, each with its formula and the numbers in it,
 * and settings that should be changed, with what was measured that says so. A
 * score for which nothing was measured is absent, and so is a recommendation.
 *
 * | score | goes by |
 * | --- | --- |
 * | `connections` | how often connections are used again, how many attempts to connect fail, how many calls find none in time |
 * | `throughput` | calls per second compared with those expected, and calls that limits refused |
 * | `latency` | Apdex: calls within `satisfiedMs` count 1, within four times that a half |
 * | `reliability` | errors compared with those allowed (`errorRate`, else 0.001), and connections lost |
 * | `overall` | the weighted mean of those there are: 0.2, 0.2, 0.3 and 0.3 |
 *
 * Recommendations are made for `max` and `idleTimeoutMs` of pools, `max` of
 * limits, `calls` and `burst` of rate limits, `ms` of timeouts, `maxAttempts` of
 * retries, and the buffers of links (`highWaterBytes`, `maxBufferedBytes`,
 * `windowBytes`), which must hold bandwidth × round trip. Of what compresses the
 * bytes before and after are told, and their ratio: where next to nothing is
 * saved, `thresholdBytes` of what is short is raised, and else compression
 * turned off (`format` of compress(), `encode` of contentEncoding()); where
 * processors are short, `level` is lowered; where they have time and most bytes
 * are too short to be compressed, so is `thresholdBytes`. `apply()` follows
 * those that can be followed while the program runs.
 *
 * There is no timer: it looks at its parts when it is asked. The most that was
 * in use is the most that such looks saw.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, concurrencyLimit, HostMeter, mux, objectives, pool, report, tcp } from "@wireway/wireway";
 * using promised = objectives({ targets: { p95Ms: 100, errorRate: 0.001 } });
 * const limit = concurrencyLimit({ max: 50 });
 * const performance = report({
 *   calls: promised,
 *   pools: { orders: { stats: () => connections.stats() } },
 *   limits: { calls: { stats: limit.stats } },
 *   host: new HostMeter(),
 * });
 * const { observer } = performance;
 * const connections = chain(tcp({ port: 9000, observer }), mux(), pool({ max: 4, observer }));
 * const call = chain(connections, limit, promised.watch);
 * const { scores, recommendations } = performance.snapshot();
 * ```
 */
export function report(options: ReportOptions): Report {
  const settings = readReport(options);
  const { pools, limits, rates, links, compressions, timeouts, retries } = settings;
  const measured = new Measured(settings);
  const snapshot = (): ReportSnapshot => {
    const read = measured.read();
    const scores = scoresOf(read, settings);
    return {
      periodMs: read.periodMs,
      scores,
      compressions: read.compressions.flatMap(compressionReport),
      recommendations: recommend(read, settings),
    };
  };
  const targets = (): Record<string, Adjustable> => {
    const parts = [pools, limits, rates, links, compressions].flatMap((some) =>
      Object.entries<{ adjustable?: Adjustable }>(some)
    );
    const found = parts.flatMap(([name, { adjustable }]) =>
      adjustable === undefined ? [] : [[name, adjustable] as const]
    );
    return { ...Object.fromEntries(found), ...timeouts, ...retries };
  };
  return {
    observer: (event) => measured.hear(event),
    snapshot,
    metrics: () => [{
      name: "wireway.report.score",
      kind: "gauge",
      unit: "",
      description: "How well the network is used, from 0 to 100.",
      series: snapshot().scores.map(({ name, score }) => ({ labels: { score: name }, value: score })),
    }],
    apply: (recommendations = snapshot().recommendations) => apply(recommendations, targets()),
  };
}
