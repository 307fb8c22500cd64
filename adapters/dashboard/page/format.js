/** How values are written: units, and "–" for what is not known. */

export const none = "–";

const steps = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
const byteSteps = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]];

/** Three digits that count; whole numbers below 100 000 in full. */
function digits(value) {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 100
    ? value.toFixed(0)
    : size >= 10
    ? value.toFixed(1)
    : size >= 1
    ? value.toFixed(2)
    : String(Number(value.toPrecision(2)));
}

export function number(value) {
  if (value === null || value === undefined) return none;
  if (Math.abs(value) < 100_000) return digits(value);
  const [by, letter] = steps.find(([by]) => Math.abs(value) >= by);
  return `${digits(Math.round(value / by * 100) / 100)} ${letter}`;
}

export function bytes(value) {
  if (value === null || value === undefined) return none;
  const step = byteSteps.find(([by]) => Math.abs(value) >= by);
  return step === undefined ? `${digits(Math.round(value * 10) / 10)} B` : `${(value / step[0]).toFixed(1)} ${step[1]}`;
}

/** A time in seconds. */
export function seconds(value) {
  if (value === null || value === undefined) return none;
  if (value === 0) return "0 ms";
  if (value < 0.001) return `${digits(Math.round(value * 1e7) / 10)} µs`;
  if (value < 1) return `${digits(Math.round(value * 1e5) / 100)} ms`;
  return value < 120 ? `${digits(Math.round(value * 100) / 100)} s` : `${digits(Math.round(value / 6) / 10)} min`;
}

export function share(value) {
  return value === null || value === undefined ? none : `${digits(Math.round(value * 1000) / 10)} %`;
}

/** A value with its unit in UCUM; `perSecond` for rates. */
export function withUnit(value, unit, perSecond = false) {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return none;
  const per = perSecond ? "/s" : "";
  if (unit === "By" || unit === "By/s") return bytes(value) + (unit === "By/s" ? "/s" : per);
  if (unit === "s" && !perSecond) return seconds(value);
  if (unit === "ms") return seconds(value / 1000);
  if (unit === "%") return `${digits(value)} %`;
  if (unit === "share") return share(value);
  if (unit === "x") return `${digits(Math.round(value * 100) / 100)}×`;
  return number(value) + per;
}

export function clock(at) {
  return new Date(at).toLocaleTimeString([], { hourCycle: "h23" });
}

/** An element with attributes and children; text is put in as text, whatever stands in it. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

/** Sets a text where it has changed: less work for the browser, and for who listens. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
