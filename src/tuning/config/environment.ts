/**
 * What the environment adds to a config file: the settings of `production`, and
 * the values of variables.
 *
 * @module
 */

import { type ConfigPath, type ConfigProblems, showPath } from "./config_problems.ts";

/** Looks up a variable. */
export type Variables = (name: string) => string | undefined;

/** A text that came from variables. A number or a flag may be meant by it. */
export class FromVariables {
  readonly text: string;
  /** As the file has it: what may be shown. */
  readonly written: string;

  constructor(text: string, written: string) {
    this.text = text;
    this.written = written;
  }

  /** What `accepts` takes: the text, or what it says as a number or a flag. */
  as(accepts: (value: unknown) => boolean): unknown {
    const number = this.text.trim() === "" ? NaN : Number(this.text);
    const readings = [this.text, number, this.text === "true" ? true : this.text === "false" ? false : undefined];
    return readings.find((reading) => accepts(reading)) ?? this;
  }
}

/** Lays `over` over `base`: objects are merged, all else is replaced, and `null` takes out what stood there. */
export function overlaid(base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (!isObject(over)) return over;
  const merged: Record<string, unknown> = isObject(base) ? { ...base } : {};
  for (const [name, value] of Object.entries(over)) {
    if (value === null) delete merged[name];
    else {
      // As own property, whatever it is called.
      Object.defineProperty(merged, name, {
        value: overlaid(Object.hasOwn(merged, name) ? merged[name] : undefined, value),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
  }
  return merged;
}

/**
 * Puts the values of variables in for `${NAME}`, in every text; `$${` stands for
 * a plain `${`.
 */
export function withVariables(
  value: unknown,
  variables: Variables,
  problems: ConfigProblems,
  lineOf: (path: ConfigPath) => number,
  path: ConfigPath = [],
): unknown {
  if (typeof value === "string") {
    let [used, missing] = [false, false];
    const text = value.replace(/\$\$\{|\$\{([^}]*)\}/g, (found, name?: string) => {
      if (name === undefined) return "${";
      used = true;
      const known = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? variables(name) : undefined;
      if (known !== undefined) return known;
      missing = true;
      if (!problems.full) {
        problems.add(path, lineOf(path), `${showPath(path)} needs the variable ${found}, which is not set`);
      }
      return "";
    });
    if (missing) return value;
    return used ? new FromVariables(text, value) : text;
  }
  if (Array.isArray(value)) {
    return value.map((one, index) => withVariables(one, variables, problems, lineOf, [...path, index]));
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map((
      [name, one],
    ) => [name, withVariables(one, variables, problems, lineOf, [...path, name])]),
  );
}

/** Whether it is an object that is no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof FromVariables);
}
