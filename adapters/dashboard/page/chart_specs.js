/** Which charts there are: what each shows of which figures. */

import { keyOf, labelsText } from "./model.js";

/**
 * `metric` and `stat` say what is shown, `by` which label tells the lines of one chart apart; `lines` are several
 * metrics in one chart; `over` divides one by the other.
 */
const specs = [
  { section: "calls", title: "Throughput", metric: "wireway.calls", stat: "rate", by: "outcome", unit: "", rate: true },
  { section: "calls", title: "Latency", metric: "wireway.call.duration", stats: ["p50", "p95", "p99"], unit: "s" },
  { section: "calls", title: "In flight", metric: "wireway.active_calls", stat: "now", unit: "" },
  {
    section: "calls",
    title: "Served",
    lines: [["calls", "wireway.server.calls"], ["failed", "wireway.server.call_failures"], [
      "refused",
      "wireway.server.call_refusals",
    ]],
    stat: "rate",
    unit: "",
    rate: true,
  },
  {
    section: "connections",
    title: "Server connections",
    lines: [["open", "wireway.server.open_connections"]],
    stat: "now",
    unit: "",
  },
  { section: "connections", title: "Pool", metric: "wireway.pool.connections", stat: "now", by: "state", unit: "" },
  {
    section: "connections",
    title: "Waiting calls",
    metric: "wireway.pool.waiting_calls",
    stat: "now",
    unit: "",
  },
  {
    section: "messages",
    title: "Traffic",
    lines: [["in", "wireway.server.received"], ["out", "wireway.server.sent"]],
    stat: "rate",
    unit: "By",
    rate: true,
  },
  {
    section: "messages",
    title: "Messages a batch",
    over: ["wireway.batch.messages", "wireway.batch.batches"],
    unit: "",
  },
  {
    section: "messages",
    title: "Compression ratio",
    over: ["wireway.compression.input", "wireway.compression.output"],
    unit: "x",
  },
  {
    section: "messages",
    title: "Bandwidth by class",
    metric: "wireway.bandwidth.sent",
    stat: "rate",
    by: "class",
    unit: "By",
    rate: true,
  },
  {
    section: "process",
    title: "Memory",
    lines: [["resident", "process.resident_memory"], ["heap", "process.heap"]],
    stat: "now",
    unit: "By",
  },
  { section: "process", title: "Processors", lines: [["used", "process.cpu"]], stat: "rate", unit: "share" },
  {
    section: "process",
    title: "Event-loop delay",
    metric: "process.event_loop_delay",
    stats: ["p50", "p95", "p99"],
    unit: "s",
  },
  { section: "process", title: "Open files", lines: [["open", "process.open_fds"]], stat: "now", unit: "" },
];

const outcomes = ["success", "failure", "overload", "rejected", "cancelled", "superseded"];

/** The charts that the series make: for each spec one for each set of labels. */
export function chartsIn(model) {
  return specs.flatMap((spec) => {
    const groups = new Map();
    const add = (place, label, other) => {
      const { labels } = model.series[place];
      const group = labelsText(labels, spec.by);
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push({ label, place, other, key: keyOf(model.series[place]) });
    };
    const labelOf = (place, usual) => spec.by === undefined ? usual : model.series[place].labels[spec.by] ?? usual;
    if (spec.over) {
      const below = new Map(model.places(spec.over[1], "rate").map((p) => [labelsText(model.series[p].labels), p]));
      for (const place of model.places(spec.over[0], "rate")) {
        add(place, "mean", below.get(labelsText(model.series[place].labels)));
      }
    } else if (spec.stats) {
      for (const stat of spec.stats) for (const place of model.places(spec.metric, stat)) add(place, stat);
    } else if (spec.lines) {
      for (const [label, metric] of spec.lines) for (const place of model.places(metric, spec.stat)) add(place, label);
    } else {
      for (const place of model.places(spec.metric, spec.stat)) add(place, labelOf(place, "calls"));
    }
    return Array.from(
      groups,
      ([group, lines]) => ({ spec, group, lines: sorted(lines), id: `${spec.title}|${group}` }),
    );
  });
}

function sorted(lines) {
  const rank = ({ label }) => outcomes.includes(label) ? outcomes.indexOf(label) : outcomes.length;
  return lines.sort((a, b) => rank(a) - rank(b));
}
