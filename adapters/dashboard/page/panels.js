/** Tiles, states, alerts, health, objectives, the report, events, and the table of all figures. */

import { clock, element, say, withUnit } from "./format.js";
import { keyOf, labelsText } from "./model.js";
import { chip, health, objectives, report } from "./snapshots.js";

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

/** What is drawn as text: trends change with each look, and charts show them. */
function withoutTrends(all) {
  return Array.isArray(all) ? all.map(({ trend: _, ...rest }) => rest) : all;
}

/** Failures and overloads among the calls that ended in the last second. */
function failedShare(model) {
  const isFirst = first(model);
  const ended = (outcomes) =>
    model.sum("wireway.calls", "rate", (labels) => outcomes.includes(labels.outcome) && isFirst(labels));
  const all = ended(["success", "failure", "overload"]);
  return all > 0 ? (ended(["failure", "overload"]) ?? 0) / all : null;
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
      name === "objectives" ? withoutTrends(snapshot) : snapshot,
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
