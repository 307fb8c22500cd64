/** What objectives have measured over the last hours, as charts: one for each, with its target as a line. */

import { targetNames } from "./snapshots.js";

/** What a step of the trend says about each objective. */
const figureOf = {
  p50Ms: ({ p50Ms }) => p50Ms,
  p95Ms: ({ p95Ms }) => p95Ms,
  p99Ms: ({ p99Ms }) => p99Ms,
  errorRate: ({ calls, errors }) => calls > 0 ? errors / calls : undefined,
  minPerSecond: ({ perSecond }) => perSecond,
  maxResidentBytes: ({ residentBytes }) => residentBytes,
  maxCpuShare: ({ cpuShare }) => cpuShare,
};

/** The charts of all objectives; `at` is when they were read. */
export function trendsIn(all, at) {
  if (!Array.isArray(all) || at === undefined) return [];
  return all.flatMap(({ name = "objectives", objectives = [], trend = [] }) =>
    trend.length === 0
      ? []
      : objectives.filter((one) => one.name in figureOf).map((objective) => chartOf(name, objective, trend, at))
  );
}

function chartOf(owner, objective, trend, at) {
  const [title, said, rate] = targetNames[objective.name];
  // Latencies are drawn as they are elsewhere: in seconds, each power of ten as high as the next.
  const [unit, scale] = said === "ms" ? ["s", 1 / 1000] : [said, 1];
  const figure = figureOf[objective.name];
  const [times, measured] = [[], []];
  let end;
  for (const step of trend) {
    const from = at - step.agoMs;
    // Where nothing was measured there is no line.
    if (end !== undefined && from > end + 1) add(end, undefined);
    add(from, figure(step));
    end = from + step.lengthMs;
  }
  // The step that runs reaches up to now.
  if (end > times.at(-1)) add(end, figure(trend.at(-1)));
  const key = `${owner}.${objective.name}`;
  const values = [measured, times.map(() => objective.target * scale)];
  return {
    chart: {
      id: `trend|${key}`,
      group: owner,
      spec: { title, unit, rate },
      lines: ["measured", "target"].map((label, place) => ({ label, place, key: `${key}:${label}` })),
    },
    model: { ranges: { trend: { at: times, values } }, current: values.map((column) => column.at(-1)) },
  };

  function add(time, value) {
    times.push(time);
    measured.push(value === undefined || value === null ? null : value * scale);
  }
}
