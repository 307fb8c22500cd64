/** Charts: which there are, and how they are drawn. Each has a legend with the values in text. */

import { chartsIn } from "./chart_specs.js";
import { clock, element, say, withUnit } from "./format.js";
import { trendsIn } from "./trends.js";

/* global uPlot */

/** From 0 to a little above the greatest value; a line of zeros lies on the ground. */
const fromZero = (_, least, most) => [Math.min(0, least ?? 0), most > 0 ? most * 1.1 : 1];

/** Lines at 1, 10, 100 … only. */
const decades = (_, ticks) =>
  ticks.map((tick) => Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6) ? tick : null);

const wholeSteps = [1, 2, 5].flatMap((step) => [0, 1, 2, 3, 4, 5, 6].map((power) => step * 10 ** power)).sort((a, b) =>
  a - b
);

const dashes = [[], [6, 3], [2, 2], [8, 3, 2, 3], [4, 2], [1, 3]];

/** What the colours are where the page stands now: a canvas knows nothing of style sheets. */
function palette() {
  const probe = element("span", { class: "probe" });
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    lines: [1, 2, 3, 4, 5, 6].map((i) => colour(`--line-${i}`)),
    axis: colour("--faint"),
    grid: colour("--line"),
  };
  probe.remove();
  return found;
}

/** One chart: the lines of `chart` out of the ranges of `model`. */
class Chart {
  constructor(chart, model) {
    this.chart = chart;
    this.model = model;
    const { spec, group, lines, id } = chart;
    this.values = lines.map(({ key, other }) =>
      element("b", other === undefined ? { "data-series": key } : { "data-figure": `${spec.title}|${group}` })
    );
    this.time = element("span", { class: "time" });
    const legend = element(
      "ul",
      { class: "legend" },
      ...lines.map(({ label }, i) =>
        element("li", {}, element("i", { class: `swatch line-${i % 6}` }), label, " ", this.values[i])
      ),
    );
    const heading = element(
      "h3",
      {},
      spec.title,
      group === "" ? undefined : element("small", {}, ` ${group}`),
      this.time,
    );
    this.plot = element("div", {
      class: "plot",
      tabindex: 0,
      role: "img",
      "aria-label": `Chart of ${spec.title} ${group}. Arrow keys move through time, Escape goes back to now.`,
    });
    this.root = element("article", { class: "card", "data-chart": id }, heading, legend, this.plot);
    this.plot.addEventListener("keydown", (event) => this.#key(event));
    this.plot.addEventListener("blur", () => this.#now());
  }

  draw(range, colours, observer) {
    this.range = range;
    this.uplot?.destroy();
    const { lines, spec } = this.chart;
    const axis = {
      stroke: colours.axis,
      grid: { stroke: colours.grid, width: 1 },
      ticks: { show: false },
      font: "11px system-ui",
    };
    const format = (value) => withUnit(value, spec.unit, spec.rate);
    const options = {
      width: Math.max(200, this.plot.clientWidth),
      height: 120,
      legend: { show: false },
      cursor: { sync: { key: "all" }, points: { size: 5 }, drag: { x: false, y: false } },
      scales: { x: { time: true }, y: spec.unit === "s" ? { distr: 3 } : { range: fromZero } },
      axes: [
        {
          ...axis,
          size: 24,
          space: 70,
          values: (_, ticks) => ticks.map((at) => clock(at * 1000).slice(0, ticks.at(-1) - ticks[0] < 180 ? 8 : 5)),
        },
        {
          ...axis,
          size: 62,
          ...(spec.unit === "s" ? { grid: { ...axis.grid, filter: decades } } : {}),
          space: 30,
          ...(spec.unit === "" ? { incrs: wholeSteps } : {}),
          values: (_, ticks) => ticks.map((tick) => tick === null ? "" : format(tick)),
        },
      ],
      series: [
        {},
        ...lines.map((_, i) => ({
          stroke: colours.lines[i % 6],
          dash: dashes[i % dashes.length],
          width: 1.5,
          points: { show: (plot) => plot.data[0].length < 5 },
          spanGaps: false,
        })),
      ],
      hooks: { setCursor: [(plot) => this.#at(plot.cursor.idx)] },
    };
    this.uplot = new uPlot(options, this.#data(), this.plot);
    observer.observe(this.plot);
    this.update();
  }

  update() {
    this.uplot?.setData(this.#data());
    if (this.shown === undefined) this.#now();
  }

  resize() {
    const { clientWidth } = this.plot;
    if (clientWidth > 0 && this.uplot && clientWidth !== this.uplot.width) {
      this.uplot.setSize({ width: clientWidth, height: 120 });
    }
  }

  close(observer) {
    observer.unobserve(this.plot);
    this.uplot?.destroy();
    this.root.remove();
  }

  #data() {
    const { at, values } = this.model.ranges[this.range];
    const columns = this.chart.lines.map(({ place, other }) =>
      other === undefined ? values[place] : values[place].map((value, i) => ratio(value, values[other][i]))
    );
    return [at.map((ms) => ms / 1000), ...columns];
  }

  /** The values at a point of time, or now. */
  #at(index) {
    if (index === null || index === undefined) return this.#now();
    this.shown = index;
    const { spec } = this.chart;
    const data = this.uplot.data;
    say(this.time, clock(data[0][index] * 1000));
    this.values.forEach((value, i) => say(value, withUnit(data[i + 1][index], spec.unit, spec.rate)));
  }

  #now() {
    this.shown = undefined;
    say(this.time, "");
    const { current } = this.model;
    this.chart.lines.forEach(({ place, other }, i) => {
      const value = other === undefined ? current[place] : ratio(current[place], current[other]);
      const { unit, rate } = this.chart.spec;
      say(this.values[i], withUnit(value, unit, rate));
    });
  }

  #key(event) {
    const last = this.uplot.data[0].length - 1;
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") this.#now();
    if (step === undefined || last < 0) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(last, (this.shown ?? last) + step));
    this.uplot.setCursor({ left: this.uplot.valToPos(this.uplot.data[0][to], "x"), top: 10 });
    this.#at(to);
  }
}

const ratio = (above, below) => typeof above === "number" && below > 0 ? above / below : null;

/** All charts of the page. */
export class Charts {
  #charts = new Map();
  #trends = new Map();
  #panels;
  #version = -1;
  #colours;
  #observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      for (const chart of [...this.#charts.values(), ...this.#trends.values()]) {
        if (chart.plot === target) chart.resize();
      }
    }
  });

  constructor(model) {
    this.model = model;
  }

  /** Shows what there is now. `redraw` when colours or times have changed. */
  update(range, redraw) {
    if (redraw || this.#colours === undefined) this.#colours = palette();
    if (this.#version !== this.model.version) this.#arrange(range);
    for (const chart of this.#charts.values()) {
      if (redraw || chart.range !== range) chart.draw(range, this.#colours, this.#observer);
      else chart.update();
    }
    this.#showTrends(redraw);
  }

  /** Shows what objectives have measured over the last hours, where there is something new. */
  #showTrends(redraw) {
    const { panels, panelsAt } = this.model;
    if (panels === this.#panels && !redraw) return;
    this.#panels = panels;
    const cards = document.querySelector("#objectives .cards");
    const wanted = trendsIn(panels?.objectives, panelsAt);
    for (const [id, chart] of this.#trends) {
      if (wanted.some((one) => one.chart.id === id)) continue;
      chart.close(this.#observer);
      this.#trends.delete(id);
    }
    // A hidden section has no width that a chart could take.
    if (wanted.length > 0) cards.parentElement.hidden = false;
    for (const { chart, model } of wanted) {
      const known = this.#trends.get(chart.id);
      const shown = known ?? new Chart(chart, model);
      shown.model = model;
      if (known === undefined) {
        this.#trends.set(chart.id, shown);
        cards.append(shown.root);
      }
      if (known === undefined || redraw) shown.draw("trend", this.#colours, this.#observer);
      else shown.update();
    }
  }

  #arrange(range) {
    this.#version = this.model.version;
    const wanted = chartsIn(this.model);
    const same = (chart) =>
      wanted.some(({ id, lines }) => id === chart.chart.id && keysOf(lines) === keysOf(chart.chart.lines));
    for (const [id, chart] of this.#charts) {
      if (same(chart)) continue;
      chart.close(this.#observer);
      this.#charts.delete(id);
    }
    for (const chart of wanted) {
      const { id, spec } = chart;
      const cards = document.querySelector(`#${spec.section} .cards`);
      const known = this.#charts.get(id);
      cards.parentElement.hidden = false;
      if (known !== undefined) {
        cards.append(known.root);
        continue;
      }
      const made = new Chart(chart, this.model);
      this.#charts.set(id, made);
      cards.append(made.root);
      made.draw(range, this.#colours, this.#observer);
    }
  }
}

const keysOf = (lines) => lines.map(({ key, place }) => `${key}@${place}`).join();
