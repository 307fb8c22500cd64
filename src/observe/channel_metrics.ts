/**
 * Metrics of what happens to messages: the sizes of batches, what compression
 * saves, the bandwidth of each class.
 *
 * @module
 */

import { type Metric, metric, type MetricSource } from "./metric.ts";
import type { MetricLabels } from "./metric_sources.ts";

/**
 * What batch() counts, as far as it is shown: a part of `BatchStats`.
 *
 * @example
 * ```ts
 * import type { BatchFigures, BatchStats } from "@wireway/wireway";
 * const shown = (stats: BatchStats): BatchFigures => stats;
 * ```
 */
export interface BatchFigures {
  /** Batches sent. */
  readonly batches: number;
  /** Messages in them. */
  readonly messages: number;
  /** Their bytes. */
  readonly bytes: number;
  /** The most messages that one batch had. */
  readonly largest: number;
}

/**
 * Metrics of batch(): batches, and the messages and bytes in them. The rate of
 * messages over that of batches is how large batches are.
 *
 * @example
 * ```ts
 * import { batch, batchMetrics, BatchStats, chain, tcp } from "@wireway/wireway";
 * const stats = new BatchStats();
 * chain(tcp({ port: 9000 }), batch({ stats }));
 * const source = batchMetrics(stats, { upstream: "orders" });
 * ```
 */
export function batchMetrics(stats: BatchFigures, labels: MetricLabels = {}): MetricSource {
  return () => {
    const { batches, messages, bytes, largest } = stats;
    const most = batches === 0 ? undefined : largest;
    return [
      metric("counter", "wireway.batch.batches", "{batch}", "Batches sent.", labels, batches),
      metric("counter", "wireway.batch.messages", "{message}", "Messages sent in batches.", labels, messages),
      metric("counter", "wireway.batch.content", "By", "Bytes of messages sent in batches.", labels, bytes),
      metric("gauge", "wireway.batch.largest", "{message}", "Messages of the largest batch so far.", labels, most),
    ];
  };
}

/**
 * What compress() and contentEncoding() count, as far as it is shown: a part of `CompressionStats` and
 * `ContentEncodingStats`.
 *
 * @example
 * ```ts
 * import type { CompressionFigures, CompressionStats } from "@wireway/wireway";
 * const shown = (stats: CompressionStats): CompressionFigures => stats;
 * ```
 */
export interface CompressionFigures {
  /** Messages sent compressed. */
  readonly compressed: number;
  /** Messages sent as they are. */
  readonly plain: number;
  /** Messages compressed in vain, and sent as they are. Absent where nothing is held back until that is known. */
  readonly vain?: number;
  /** Bytes that were given to be sent. */
  readonly bytesBefore: number;
  /** Bytes that they were sent as. */
  readonly bytesAfter: number;
}

/**
 * Metrics of compress() or contentEncoding(): bytes before and after it, their ratio since the
 * start, and messages by what was done with them.
 *
 * @example
 * ```ts
 * import { chain, compress, compressionMetrics, CompressionStats, tcp } from "@wireway/wireway";
 * const stats = new CompressionStats();
 * chain(tcp({ port: 9000 }), compress({ stats }));
 * const source = compressionMetrics(stats, { upstream: "orders" });
 * ```
 */
export function compressionMetrics(stats: CompressionFigures, labels: MetricLabels = {}): MetricSource {
  return () => {
    const { compressed, plain, vain, bytesBefore, bytesAfter } = stats;
    const ratio = bytesAfter === 0 ? undefined : bytesBefore / bytesAfter;
    // Each message has one result: those that were tried in vain are among the plain ones.
    const results = vain === undefined ? { compressed, plain } : { compressed, plain: plain - vain, vain };
    return [
      metric("counter", "wireway.compression.input", "By", "Bytes given to be sent.", labels, bytesBefore),
      metric("counter", "wireway.compression.output", "By", "Bytes that they were sent as.", labels, bytesAfter),
      metric("gauge", "wireway.compression", "1", "Bytes given for each byte sent, since the start.", labels, ratio),
      {
        name: "wireway.compression.messages",
        kind: "counter",
        unit: "{message}",
        description: "Messages or bodies, by what compression did with them.",
        series: Object.entries(results).map(([result, value]) => ({ labels: { ...labels, result }, value })),
      },
    ];
  };
}

/**
 * What shape() counts, as far as it is shown: a part of `ShapeStats`.
 *
 * @example
 * ```ts
 * import type { ShapeFigures, ShapeStats } from "@wireway/wireway";
 * const shown = (stats: ShapeStats): ShapeFigures => stats;
 * ```
 */
export interface ShapeFigures {
  /** Bytes that went in each class, 0 to 8. */
  readonly bytesByClass: readonly number[];
  /** The connections that are open. */
  connections(): readonly {
    /** Bytes that wait. */
    readonly queuedBytes: number;
    /** Bytes on their way. */
    readonly inFlightBytes: number;
  }[];
}

/**
 * Metrics of shape(): bytes sent in each class of priority that was used, what
 * waits and what is on its way.
 *
 * @example
 * ```ts
 * import { bandwidthMetrics, chain, shape, ShapeStats, tcp } from "@wireway/wireway";
 * const stats = new ShapeStats();
 * chain(tcp({ port: 9000 }), shape({ stats }));
 * const source = bandwidthMetrics(stats, { upstream: "orders" });
 * ```
 */
export function bandwidthMetrics(stats: ShapeFigures, labels: MetricLabels = {}): MetricSource {
  return (): Metric[] => {
    const open = stats.connections();
    const sum = (of: (one: (typeof open)[number]) => number): number => open.reduce((all, one) => all + of(one), 0);
    return [
      {
        name: "wireway.bandwidth.sent",
        kind: "counter",
        unit: "By",
        description: "Bytes sent, by the class of their priority.",
        series: stats.bytesByClass.flatMap((value, name) =>
          value === 0 ? [] : [{ labels: { ...labels, class: String(name) }, value }]
        ),
      },
      metric("gauge", "wireway.bandwidth.queued", "By", "Bytes that wait.", labels, sum((one) => one.queuedBytes)),
      metric("gauge", "wireway.bandwidth.flight", "By", "Bytes on their way.", labels, sum((one) => one.inFlightBytes)),
    ];
  };
}
