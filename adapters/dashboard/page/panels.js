/** Tiles, states, alerts, health, objectives, the report, events, and the table of all figures. */

import { clock, element, none, number, say, share, withUnit } from "./format.js";
import { keyOf, labelsText } from "./model.js";

/** Tiles: id, title, value, unit, whether it is a rate, and whether it is of the first meter of calls alone. */
const tiles = [
  ["calls", "Calls", (m) => m.sum("wireway.calls", "rate", first(m)), "", true, true],
  ["failed", "Failed", (m) => failedShare(m), "share", false, true],
  ["p50", "p50", (m) => m.sum("wireway.call.duration", "p50", first(m)), "s", false, true],
  ["p95", "p95", (m) => m.sum("wireway.call.duration", "p95", first(m)), "s", false, true],
  ["p99", "p99", (m) => m.sum("wireway.call.duration", "p99", first(m)), "s", false, true],
  ["in-flight", "In flight", (m) => m.sum("wireway.active_calls", "now", first(m)), "", false, true],
  ["served", "Served", (m) => m.sum("wireway.server.calls", "rate"), "", true],
  ["accepted", "Accepted", (m) => m.sum("wireway.server.open_connections", "now"), ""],
  ["pooled", "Pooled", (m) => m.sum("wireway.pool.connections", "now", ({ state }) => state !== "dialling"), ""],
  ["bytes-in", "In", (m) => m.sum("wireway.server.received", "rate"), "By", true],
  ["bytes-out", "Out", (m) => m.sum("wireway.server.sent", "rate"), "By", true],
  ["memory", "Memory", (m) => m.sum("process.resident_memory", "now"), "By"],
  ["cpu", "Processors", (m) => m.sum("process.cpu", "rate"), "share"],
  ["delay", "Loop p99", (m) => m.most("process.event_loop_delay", "p99"), "s"],
];

/** The labels of the first meter of calls. Two meters may have seen the same call: they are not added up. */
function firstMeter({ series }) {
  const one = series.find(({ name }) => name === "wireway.calls");
  return one === undefined ? undefined : labelsText(one.labels, "outcome");
}

/** Whether labels are those of the first meter. */
function first(model) {
  const meter = firstMeter(model);
  return (labels) => labelsText(labels, "outcome") === meter;
}

/** Failures and overloads among the calls that ended in the last second. */
function failedShare(model) {
  const isFirst = first(model);
  const ended = (outcomes) =>
    model.sum("wireway.calls", "rate", (labels) => outcomes.includes(labels.outcome) && isFirst(labels));
  const all = ended(["success", "failure", "overload"]);
  return all > 0 ? (ended(["failure", "overload"]) ?? 0) / all : null;
}

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

export class Panels {
  #tiles = new Map();
  #drawn = {};

  constructor(model) {
    this.model = model;
  }

  update() {
    this.#now();
    this.#states();
    for (const name of ["health", "objectives", "report"]) this.#panel(name);
    this.#events();
    this.#all();
  }

  #now() {
    const root = document.querySelector("#now dl");
    const meter = firstMeter(this.model);
    for (const [id, title, read, unit, rate, ofMeter] of tiles) {
      const value = read(this.model);
      let tile = this.#tiles.get(id);
      // A tile appears with its first value, and stays.
      if (tile === undefined && value === null) continue;
      if (tile === undefined) {
        tile = element("dd", { "data-figure": id });
        this.#tiles.set(id, tile);
        const order = tiles.filter(([one]) => this.#tiles.has(one)).map(([one]) => one);
        const made = element(
          "div",
          { class: "tile", title: ofMeter && meter !== "" ? meter : undefined },
          element("dt", {}, title),
          tile,
        );
        root.insertBefore(made, root.children[order.indexOf(id)] ?? null);
        root.parentElement.hidden = false;
      }
      say(tile, withUnit(value, unit, rate));
    }
    document.getElementById("empty").hidden = this.model.series.length > 0 || this.model.chains.length > 0;
  }

  #states() {
    const groups = new Map();
    for (const metric of ["wireway.breaker.state", "wireway.policy.state"]) {
      for (const place of this.model.places(metric, "now")) {
        const { labels } = this.model.series[place];
        const name = labelsText(labels, "state").replace(/^policy=/, "");
        if (this.model.current[place] === 1) groups.set(name, labels.state);
      }
    }
    this.#redraw("states", document.querySelector("#connections .states"), [...groups], (all) => {
      if (all.length > 0) document.getElementById("connections").hidden = false;
      return all.map(([name, state]) =>
        element("li", { "data-breaker": name }, element("span", {}, name === "" ? "breaker" : name), chip(state))
      );
    });
  }

  #panel(name) {
    const snapshot = this.model.panels?.[name];
    const section = document.getElementById(name);
    section.hidden = snapshot === undefined;
    if (snapshot === undefined) return;
    const draw = { health, objectives, report }[name];
    this.#redraw(
      name,
      section.querySelector(".panel"),
      snapshot,
      (one) =>
        one?.error === undefined ? draw(one) : [element("p", { class: "empty" }, `Cannot be read: ${one.error}`)],
    );
    if (name === "objectives") {
      const open = (Array.isArray(snapshot) ? snapshot : []).flatMap((one) => one.open ?? []);
      document.getElementById("alerts").hidden = open.length === 0;
      this.#redraw(
        "alerts",
        document.getElementById("alerts"),
        open,
        (all) =>
          all.map((alert) =>
            element(
              "p",
              { class: "alert", role: "alert", "data-alert": alert.id },
              element("b", {}, `■ ${alert.severity} `),
              alert.text,
            )
          ),
      );
    }
  }

  #events() {
    const { events } = this.model;
    const section = document.getElementById("events");
    section.hidden = events === null;
    if (events === null) return;
    this.#redraw(
      "events",
      section.querySelector(".log"),
      events,
      (all) =>
        all.length === 0
          ? [element("li", { class: "empty" }, "Nothing has happened yet.")]
          : all.toReversed().slice(0, 60).map(({ id, at, text, type, times }) =>
            element(
              "li",
              { "data-event": id, "data-type": type },
              element("time", { datetime: new Date(at).toISOString() }, clock(at)),
              element("span", {}, text),
              times > 1 ? element("b", {}, `${times}×`) : undefined,
            )
          ),
    );
  }

  #all() {
    const { series, current, left } = this.model;
    const section = document.getElementById("all");
    section.hidden = series.length === 0;
    const body = section.querySelector("tbody");
    if (!section.querySelector("details").open) return;
    this.#redraw("all", body, series.map(keyOf), () =>
      series.map((one) =>
        element(
          "tr",
          {},
          element("td", {}, one.name),
          element("td", {}, labelsText(one.labels)),
          element("td", {}, one.stat),
          element("td", { class: "number", "data-value": keyOf(one) }),
        )
      ));
    series.forEach(({ unit, stat }, i) => say(body.rows[i].cells[3], withUnit(current[i], unit, stat === "rate")));
    const note = document.getElementById("left");
    note.hidden = left === 0;
    say(note, `${left} more are left out: maxSeries is reached.`);
  }

  /** Draws a part anew where what it shows has changed. */
  #redraw(name, root, data, draw) {
    const text = JSON.stringify(data);
    if (this.#drawn[name] === text) return;
    this.#drawn[name] = text;
    root.replaceChildren(...draw(data));
  }
}

function health({ state, ready, live, checks = [], endpoints = [], log = [] }) {
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

const targetNames = {
  p50Ms: ["p50", "ms"],
  p95Ms: ["p95", "ms"],
  p99Ms: ["p99", "ms"],
  errorRate: ["errors", "share"],
  minPerSecond: ["throughput", "", true],
  maxResidentBytes: ["memory", "By"],
  maxCpuShare: ["processors", "share"],
};

function objectives(all) {
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

function report({ scores = [], recommendations = [], periodMs }) {
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
  ];
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

export { share };
