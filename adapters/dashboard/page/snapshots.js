/** What health(), objectives() and report() say, drawn. */

import { bytes, clock, element, none, number, withUnit } from "./format.js";

const goodStates = ["closed", "healthy", "open-for-calls", "met"];
const signs = { good: "●", warn: "▲", bad: "■", none: "○" };

function toneOf(state) {
  if (goodStates.includes(state)) return "good";
  if (["half-open", "degraded", "draining"].includes(state)) return "warn";
  return ["open", "isolated", "unhealthy", "missed"].includes(state) ? "bad" : "none";
}

/** A state is told by its word and a sign, and only then by a colour. */
export function chip(state, text = state) {
  const tone = toneOf(state);
  return element(
    "span",
    { class: "chip", "data-tone": tone, "data-state": state },
    element("i", { "aria-hidden": "true" }, signs[tone]),
    ` ${text}`,
  );
}

export function health({ state, ready, live, checks = [], endpoints = [], log = [] }) {
  return [
    element("p", { class: "line" }, chip(state), ready ? " ready" : " not ready", live ? ", live" : ", not live"),
    table(
      "Checks",
      ["Check", "State", "Why"],
      checks.map((check) => [
        check.endpoint === undefined ? check.name : `${check.name} ${check.endpoint}`,
        chip(check.state),
        check.reason,
      ]),
    ),
    table(
      "Endpoints",
      ["Endpoint", "State", "In flight", "Calls", "Failures", "p50", "p95", "p99"],
      endpoints.map((one) => [
        one.name,
        chip(one.state, one.ejected ? `${one.state}, left out` : one.state),
        number(one.inFlight),
        number(one.calls),
        number(one.failures),
        withUnit(one.p50Ms, "ms"),
        withUnit(one.p95Ms, "ms"),
        withUnit(one.p99Ms, "ms"),
      ]),
    ),
    log.length === 0 ? undefined : element(
      "ol",
      { class: "log" },
      ...log.toReversed().slice(0, 10).map(({ by, what, text, endpoint, times }) =>
        element(
          "li",
          {},
          element("span", {}, `${[by, endpoint].filter(Boolean).join(" ")} ${what}: ${text}`),
          times > 1 ? element("b", {}, `${times}×`) : undefined,
        )
      ),
    ),
  ].filter(Boolean);
}

/** How each target is called, its unit, and whether it is a rate. */
export const targetNames = {
  p50Ms: ["p50", "ms"],
  p95Ms: ["p95", "ms"],
  p99Ms: ["p99", "ms"],
  errorRate: ["errors", "share"],
  minPerSecond: ["throughput", "", true],
  maxResidentBytes: ["memory", "By"],
  maxCpuShare: ["processors", "share"],
};

export function objectives(all) {
  return (Array.isArray(all) ? all : [all]).flatMap(({ name, objectives: each = [], recent = [] }) =>
    [
      table(
        name ?? "Objectives",
        ["Objective", "Target", "Measured", "", "Burn rate, long and short"],
        each.map((one) => {
          const [title, unit, rate] = targetNames[one.name] ?? [one.name, ""];
          const sign = one.name === "minPerSecond" ? "≥" : "≤";
          const state = one.met === undefined ? "unknown" : one.met ? "met" : "missed";
          return [
            title,
            `${sign} ${withUnit(one.target, unit, rate)}`,
            withUnit(one.measured, unit, rate),
            chip(state, one.met === undefined ? none : state),
            (one.burn ?? []).map(({ longRate, shortRate }) => `${number(longRate)} / ${number(shortRate)}`).join("  "),
          ];
        }),
      ),
      recent.length === 0 ? undefined : element(
        "ol",
        { class: "log" },
        ...recent.toReversed().slice(0, 10).map(({ at, state, text }) =>
          element(
            "li",
            {},
            element("time", { datetime: at }, clock(Date.parse(at))),
            element("span", {}, `${state}: ${text}`),
          )
        ),
      ),
    ].filter(Boolean)
  );
}

export function report({ scores = [], compressions = [], recommendations = [], periodMs }) {
  return [
    element("p", { class: "line faint" }, `Scores from 0 to 100, over ${withUnit(periodMs, "ms")}`),
    element(
      "ul",
      { class: "scores" },
      ...scores.map(({ name, score, formula }) =>
        element(
          "li",
          { "data-score": name },
          element("span", {}, name),
          element("b", {}, number(Math.round(score * 10) / 10)),
          element("meter", { min: 0, max: 100, low: 50, high: 80, optimum: 100, value: score, "aria-label": name }),
          element("details", {}, element("summary", {}, "formula"), element("code", {}, formula)),
        )
      ),
    ),
    table(
      "Compression",
      ["", "compressed", "as they are", "bytes before", "after", "ratio"],
      compressions.map(({ name, compressed, plain, bytesBefore, bytesAfter, ratio }) => [
        name,
        number(compressed),
        number(plain),
        bytes(bytesBefore),
        bytes(bytesAfter),
        withUnit(ratio, "x"),
      ]),
    ),
    recommendations.length === 0
      ? element("p", { class: "empty" }, scores.length === 0 ? "Too little was measured." : "Nothing to recommend.")
      : element(
        "ul",
        { class: "advice" },
        ...recommendations.map(({ target, setting, from, to, why, live }) =>
          element(
            "li",
            { "data-recommendation": `${target}.${setting}` },
            element("code", {}, `${target}.${setting}: ${from} → ${to}`),
            live ? "" : " (needs a restart)",
            element("p", {}, why),
          )
        ),
      ),
  ].filter(Boolean);
}

function table(title, heads, rows) {
  if (rows.length === 0) return undefined;
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    element(
      "table",
      {},
      element("caption", {}, title),
      element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", {}, head)))),
      element(
        "tbody",
        {},
        ...rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell ?? none)))),
      ),
    ),
  );
}
