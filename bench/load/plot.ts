/**
 * A picture of a load test: latency percentiles over time, and how many of the
 * calls took how long. SVG without scripts, readable on light and dark.
 *
 * @module
 */

import { linear, logarithmic, type Scale } from "./scale.ts";
import type { Tally } from "./tally.ts";
import { element, textElement } from "./xml.ts";

/** What is drawn. */
export interface Picture {
  /** What was measured, in a few words. */
  title: string;
  /** What became of it, in a few words. */
  subtitle: string;
  /** The calls of each second. */
  ticks: Tally[];
  /** All of them. */
  total: Tally;
}

const width = 960;
const height = 460;
/** The places of the two diagrams, and of both their tops and bottoms. */
const panels = { time: { left: 64, right: 500 }, share: { left: 580, right: 920 }, top: 96, bottom: 404 };

const lines = [
  { name: "max", fraction: 1, of: (tally: Tally) => tally.latency.max },
  { name: "p99", fraction: 0.99, of: (tally: Tally) => tally.percentile(0.99) },
  { name: "p95", fraction: 0.95, of: (tally: Tally) => tally.percentile(0.95) },
  { name: "p50", fraction: 0.5, of: (tally: Tally) => tally.percentile(0.5) },
];

/** Shares of the calls that get a line, in the diagram on the right. */
const shares = [0, 0.9, 0.99, 0.999, 0.9999, 0.99999];

const style = `
svg { background: #ffffff; color: #1b1f24; font: 12px system-ui, sans-serif; }
text { fill: currentColor; } .quiet { opacity: 0.75; } .title { font-size: 16px; font-weight: 600; }
.grid { stroke: currentColor; opacity: 0.18; } .line { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
.max { stroke: #6e7781; fill: #6e7781; } .p99 { stroke: #cf222e; fill: #cf222e; }
.p95 { stroke: #9a6700; fill: #9a6700; } .p50 { stroke: #0969da; fill: #0969da; }
.line { fill: none; } .label { stroke: none; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; color: #e6edf3; }
  .max { stroke: #9ea7b3; fill: #9ea7b3; } .p99 { stroke: #ff7b72; fill: #ff7b72; }
  .p95 { stroke: #e3b341; fill: #e3b341; } .p50 { stroke: #79c0ff; fill: #79c0ff; }
  .line { fill: none; } .label { stroke: none; }
}`;

/** Draws. */
export function plot({ title, subtitle, ticks, total }: Picture): string {
  const { min = 0.001, max = 1 } = total.latency;
  const y = logarithmic(Math.max(min, 0.001), Math.max(max, 0.01), panels.bottom, panels.top);
  const described = `${title}. ${subtitle}`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n` + element(
    "svg",
    {
      "xmlns": "http://www.w3.org/2000/svg",
      "viewBox": `0 0 ${width} ${height}`,
      "role": "img",
      "aria-label": described,
    },
    textElement("title", {}, described),
    textElement("style", {}, style),
    textElement("text", { class: "title", x: 24, y: 32 }, title),
    textElement("text", { class: "quiet", x: 24, y: 54 }, subtitle),
    ...overTime(ticks, y),
    ...distribution(total, y),
  ) + "\n";
}

function overTime(ticks: Tally[], y: Scale): string[] {
  const { left, right } = panels.time;
  const x = linear(ticks.length, left, right, 8);
  const drawn = lines.map(({ name, of }) => {
    const points = ticks.flatMap((tally, index): [number, number][] => {
      const value = of(tally);
      return value === undefined ? [] : [[x.at(index + 0.5), y.at(value)]];
    });
    return polyline(name, points);
  });
  const legend = lines.map(({ name }, index) =>
    textElement(
      "text",
      { class: `${name} label`, x: right - 28 - 40 * (lines.length - 1 - index), y: panels.top - 10 },
      name,
    )
  );
  return [
    textElement("text", { class: "quiet", x: left, y: panels.top - 10 }, "latency in ms, by second"),
    ...grid(y, left, right),
    ...x.ticks.map((tick) => below(x.at(tick), seconds(tick))),
    ...drawn,
    ...legend,
  ];
}

function distribution(total: Tally, y: Scale): string[] {
  const { left, right } = panels.share;
  const { count } = total.latency;
  // Each nine of a percentile takes the same room: a share of 1 − 10^−n lies at n.
  const most = Math.max(1, Math.min(5, Math.log10(Math.max(10, count))));
  const at = (nines: number): number => left + (right - left) * nines / most;
  const points: [number, number][] = [];
  for (let nines = 0; nines <= most + 1e-9 && count > 0; nines += most / 120) {
    points.push([at(nines), y.at(total.percentile(1 - 10 ** -nines) ?? 0)]);
  }
  return [
    textElement("text", { class: "quiet", x: left, y: panels.top - 10 }, "latency in ms, by share of the calls"),
    ...grid(y, left, right),
    ...shares.slice(0, Math.floor(most) + 1).map((share, nines) => below(at(nines), `${amount(100 * share)} %`)),
    polyline("p50", points),
  ];
}

function grid(y: Scale, left: number, right: number): string[] {
  return y.ticks.flatMap((tick) => [
    element("line", { class: "grid", x1: left, x2: right, y1: y.at(tick), y2: y.at(tick) }),
    textElement("text", { class: "quiet", "x": left - 8, "y": y.at(tick) + 4, "text-anchor": "end" }, amount(tick)),
  ]);
}

function below(x: number, text: string): string {
  return textElement("text", { class: "quiet", x, "y": panels.bottom + 20, "text-anchor": "middle" }, text);
}

function polyline(name: string, points: [number, number][]): string {
  // A single point has no line: it gets a short one.
  const drawn = points.length === 1 ? [points[0], [points[0][0] + 2, points[0][1]]] : points;
  return element("polyline", {
    class: `${name} line`,
    points: drawn.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "),
  });
}

function seconds(tick: number): string {
  return `${amount(tick)} s`;
}

function amount(value: number): string {
  return String(Number(value.toPrecision(6)));
}
