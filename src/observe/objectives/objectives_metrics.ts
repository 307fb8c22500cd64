/**
 * Metrics of objectives().
 *
 * @module
 */

import type { Metric, MetricSeries } from "../metric.ts";
import type { ObjectivesSnapshot } from "./objectives_snapshot.ts";

/** A snapshot as metrics. */
export function objectivesMetrics({ name, objectives, open }: ObjectivesSnapshot): Metric[] {
  const gauge = (kind: string, description: string, series: readonly MetricSeries[]): Metric => ({
    name: `wireway.objective.${kind}`,
    kind: "gauge",
    unit: "",
    description,
    series,
  });
  const labelled = objectives.map((figures) => ({ ...figures, labels: { objectives: name, objective: figures.name } }));
  const burn = labelled.flatMap(({ burn, labels }) =>
    burn.flatMap(({ severity, longRate, shortRate }) => [
      { labels: { ...labels, severity, window: "long" }, value: longRate },
      { labels: { ...labels, severity, window: "short" }, value: shortRate },
    ])
  );
  const known = (series: { labels: Record<string, string>; value: number | undefined }[]): MetricSeries[] =>
    series.flatMap(({ labels, value }) => value === undefined ? [] : [{ labels, value }]);
  return [
    gauge("target", "What is promised.", labelled.map(({ labels, target: value }) => ({ labels, value }))),
    gauge("measured", "What is so.", known(labelled.map(({ labels, measured: value }) => ({ labels, value })))),
    gauge("burn_rate", "How fast the budget is used up: 1 is exactly.", known(burn)),
    gauge("alerts", "Alerts that are open.", [{ labels: { objectives: name }, value: open.length }]),
  ];
}
