/**
 * Readings of metrics, one after the other: what counters did in between, what
 * gauges are, percentiles of what was recorded since the last reading.
 *
 * @module
 */

import type { Histogram, HistogramSnapshot } from "../histogram.ts";
import type { Metric, MetricSeries, MetricSource } from "../metric.ts";

/**
 * One line of figures that is read again and again.
 *
 * @example
 * ```ts
 * import type { ReadSeries } from "@wireway/wireway";
 * const title = ({ name, stat, unit }: ReadSeries): string => `${name} (${stat}, ${unit})`;
 * ```
 */
export interface ReadSeries {
  /** The name of its metric. */
  readonly name: string;
  /** What tells it from others of that name. */
  readonly labels: Readonly<Record<string, string>>;
  /**
   * What is read: of a counter its growth a second (`rate`) and its `total`; of a gauge what it is `now`; of a
   * histogram or a summary percentiles.
   */
  readonly stat: "rate" | "total" | "now" | "p50" | "p95" | "p99";
  /** The unit of the metric, in UCUM. */
  readonly unit: string;
}

const percentiles = [["p50", 0.5], ["p95", 0.95], ["p99", 0.99]] as const;

/** What was read last. */
interface Before {
  at: number;
  count: number;
  snapshot?: HistogramSnapshot;
}

/** Reads metrics again and again. Series keep their places; beyond `maxSeries` they are only counted. */
export class MetricReadings {
  /** All series so far. */
  readonly series: ReadSeries[] = [];
  /** How many series there was no room for at the last reading. */
  left = 0;
  readonly #sources: readonly MetricSource[];
  readonly #maxSeries: number;
  readonly #places = new Map<string, number>();
  readonly #before = new Map<string, Before>();
  #lastAt: number | undefined = undefined;

  constructor(sources: readonly MetricSource[], maxSeries: number) {
    this.#sources = sources;
    this.#maxSeries = maxSeries;
  }

  /** The values of all series at the time `now`, in milliseconds; undefined where there is none. */
  read(now: number): (number | undefined)[] {
    const values: (number | undefined)[] = new Array(this.series.length).fill(undefined);
    this.left = 0;
    for (const source of this.#sources) {
      try {
        for (const metric of source()) {
          for (const one of metric.series) this.#take(metric, one, now, values);
        }
      } catch {
        // What can't be read is absent; it breaks nothing.
      }
    }
    this.#lastAt = now;
    return values;
  }

  /** Forgets what was read last: the next rates begin anew. */
  pause(): void {
    this.#before.clear();
    this.#lastAt = undefined;
  }

  #take(metric: Metric, { labels, value, scale = 1 }: MetricSeries, now: number, values: (number | undefined)[]): void {
    const key = `${metric.name} ${JSON.stringify(Object.entries(labels).sort())}`;
    // What has no place is not read either: only what was seen at each reading has a rate.
    const put = (stat: ReadSeries["stat"], read: () => number | undefined): void => {
      const place = this.#place(key, { name: metric.name, labels, stat, unit: metric.unit });
      if (place !== undefined) values[place] = read();
    };
    if (typeof value !== "number") {
      let recorded: Histogram | undefined;
      percentiles.forEach(([stat, fraction], index) =>
        put(stat, () => {
          if (index === 0) recorded = metric.kind === "summary" ? value : this.#since(key, value, now);
          const found = recorded?.percentile(fraction);
          return found === undefined ? undefined : found * scale;
        })
      );
    } else if (metric.kind === "counter") {
      put("rate", () => this.#rate(key, value, now));
      put("total", () => value);
    } else {
      put("now", () => value);
    }
  }

  #place(key: string, series: ReadSeries): number | undefined {
    const own = `${key} ${series.stat}`;
    const known = this.#places.get(own);
    if (known !== undefined) return known;
    if (this.series.length >= this.#maxSeries) {
      this.left++;
      return undefined;
    }
    this.#places.set(own, this.series.length);
    return this.series.push(series) - 1;
  }

  /** A counter's growth a second; a counter that has begun anew has none for a moment. */
  #rate(key: string, count: number, now: number): number | undefined {
    const before = this.#remember(key, { at: now, count });
    if (before === undefined || now <= before.at || count < before.count) return undefined;
    return (count - before.count) * 1000 / (now - before.at);
  }

  /** What a histogram has recorded since the last reading. */
  #since(key: string, histogram: Histogram, now: number): Histogram | undefined {
    const snapshot = histogram.snapshot();
    const before = this.#remember(key, { at: now, count: snapshot.count, snapshot })?.snapshot;
    return before === undefined || histogram.count <= before.count ? undefined : histogram.since(before);
  }

  #remember(key: string, reading: Before): Before | undefined {
    const before = this.#before.get(key);
    this.#before.set(key, reading);
    if (before !== undefined || this.#lastAt === undefined) return before;
    // What was not there at the last reading had counted nothing: the first failure of many is not to be lost.
    return { at: this.#lastAt, count: 0, snapshot: emptySnapshot };
  }
}

const emptySnapshot: HistogramSnapshot = { count: 0, sum: 0, min: 0, max: 0, buckets: [] };
