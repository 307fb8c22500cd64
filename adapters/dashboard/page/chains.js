/** Chains, drawn from the caller to the wire, with the live figures of each stage. */

import { element, none, say, withUnit } from "./format.js";

export class ChainDrawings {
  #root = document.querySelector("#chains .drawings");
  #stages = [];
  #last;

  /** Draws all chains anew. */
  start(chains) {
    this.#root.replaceChildren();
    this.#last = undefined;
    document.getElementById("chains").hidden = chains.length === 0;
    this.#stages = chains.map(({ name, serves, ends, stages }) => {
      const lists = stages.map(() => element("dl", { class: "figures" }));
      const items = stages.map((stage, i) => {
        const title = stage.settings === "" ? element("p", { class: "stage-name" }, stage.name) : element(
          "details",
          {},
          element("summary", { class: "stage-name" }, stage.name),
          element("p", { class: "settings" }, stage.settings),
        );
        return element(
          "li",
          { class: "stage", "data-stage": `${name}|${stage.name}`, "data-place": i },
          title,
          lists[i],
        );
      });
      this.#root.append(element(
        "article",
        { class: "chain", "data-chain": name },
        element("h3", {}, name, element("small", {}, serves ? " serves" : " calls")),
        element("p", { class: "end" }, ends[0]),
        element("ol", {}, ...items),
        element("p", { class: "end" }, ends[1]),
      ));
      return lists.map((list) => ({ list, shown: "", values: [] }));
    });
  }

  /** Puts the figures in. `elapsedMs` since the last ones, for rates. */
  update(figures, at) {
    const last = this.#last;
    const seconds = last === undefined ? 0 : (at - last.at) / 1000;
    figures.forEach((stages, c) =>
      stages.forEach((one, s) => this.#stage(this.#stages[c]?.[s], one, last?.figures[c]?.[s], seconds))
    );
    this.#last = { figures, at };
  }

  #stage(place, figures, before, seconds) {
    if (place === undefined) return;
    const names = figures === null ? "null" : figures.map(({ name }) => name).join();
    if (place.shown !== names) {
      place.shown = names;
      place.values = (figures ?? []).map(({ name }) => element("dd", { "data-figure": name }));
      if (figures === null || figures.length === 0) {
        place.list.replaceChildren(
          element("dt", { class: "hidden" }, "figures"),
          element("dd", { class: "silent" }, `${none} no figures`),
        );
      } else {
        place.list.replaceChildren(
          ...figures.map(({ name }, i) => element("div", {}, element("dt", {}, name), place.values[i])),
        );
      }
    }
    figures?.forEach(({ kind, value, unit, name }, i) => {
      const earlier = before?.[i]?.name === name ? before[i].value : undefined;
      const rate = kind === "count" && seconds > 0 && typeof earlier === "number" ? (value - earlier) / seconds : 0;
      const target = place.values[i];
      say(target, withUnit(value, unit));
      if (rate > 0) target.dataset.rate = `+${withUnit(rate, unit, true)}`;
      else delete target.dataset.rate;
      if (typeof value === "string") target.dataset.state = value;
    });
  }
}
