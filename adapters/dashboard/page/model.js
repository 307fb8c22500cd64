/** What the page knows: all series, their history, and the latest of everything else. */

const keptRecent = 600;
const keptLong = 360;

export const labelsText = (labels, except) =>
  Object.entries(labels).filter(([name]) => name !== except).sort().map(([name, value]) => `${name}=${value}`).join(
    " ",
  );

/** What a figure goes by in the page: `wireway.calls{outcome=success}:rate`. */
export const keyOf = ({ name, labels, stat }) => `${name}{${labelsText(labels)}}:${stat}`;

export class Model {
  series = [];
  ranges = { recent: { at: [], values: [] }, long: { at: [], values: [] } };
  current = [];
  chains = [];
  figures = [];
  panels = {};
  /** When the panels were read. */
  panelsAt = undefined;
  events = null;
  left = 0;
  at = undefined;
  /** Grows when there are new series. */
  version = 0;

  start(data) {
    this.series = data.series;
    this.ranges = { recent: data.recent, long: data.long };
    this.current = data.recent.values.map((column) => column.at(-1) ?? null);
    this.at = data.recent.at.at(-1);
    this.chains = data.chains;
    this.figures = data.figures;
    this.panels = data.panels;
    this.panelsAt = data.panelsAt;
    this.events = data.events;
    this.left = data.left;
    this.version++;
  }

  frame(data) {
    const { from, series } = data.added;
    series.forEach((one, i) => {
      if (from + i < this.series.length) return;
      this.series.push(one);
      for (const { at, values } of Object.values(this.ranges)) values.push(new Array(at.length).fill(null));
      this.version++;
    });
    this.#push("recent", data.at, data.values, keptRecent);
    if (data.long) this.#push("long", data.long.at, data.long.values, keptLong);
    this.current = data.values;
    this.at = data.at;
    this.figures = data.figures;
    this.left = data.left;
    if (data.panels) {
      this.panels = data.panels;
      this.panelsAt = data.at;
    }
    if (this.events && data.events.length > 0) {
      const again = new Set(data.events.map(({ id }) => id));
      this.events = [...this.events.filter(({ id }) => !again.has(id)), ...data.events].slice(-200);
    }
  }

  #push(range, time, row, kept) {
    const { at, values } = this.ranges[range];
    at.push(time);
    this.series.forEach((_, i) => values[i].push(row[i] ?? null));
    if (at.length <= kept) return;
    at.shift();
    for (const column of values) column.shift();
  }

  /** Places of the series with this name and stat. */
  places(name, stat) {
    const found = [];
    this.series.forEach((one, place) => {
      if (one.name === name && one.stat === stat) found.push(place);
    });
    return found;
  }

  /** The sum of the latest values; null where there are none. */
  sum(name, stat, accepts = () => true) {
    const values = this.places(name, stat).filter((place) => accepts(this.series[place].labels))
      .map((place) => this.current[place]).filter((value) => typeof value === "number");
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
  }

  /** The greatest of the latest values. */
  most(name, stat) {
    const values = this.places(name, stat).map((place) => this.current[place]).filter((value) =>
      typeof value === "number"
    );
    return values.length === 0 ? null : Math.max(...values);
  }
}
