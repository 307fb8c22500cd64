/**
 * Reads options: fills in defaults and refuses what is not allowed, naming the
 * option, what was given and what is allowed.
 *
 * @module
 */

import { TransportError } from "./errors.ts";

/** How one option is read. */
export interface OptionRule<T> {
  /** What is allowed, in words. */
  readonly allowed: string;
  /** What holds where nothing was given. */
  readonly fallback: T;
  /** The least that is allowed, of a number that has one. */
  readonly min?: number;
  /** The most that is allowed, of a number that has one. */
  readonly max?: number;
  /** Whether a value that was given is allowed. */
  accepts(value: unknown): boolean;
}

/** The settings that a set of rules yields. */
export type Settings<Rules> = { readonly [Name in keyof Rules]: Rules[Name] extends OptionRule<infer T> ? T : never };

/**
 * Reads `options` by `rules`. `owner` is what the options are for, as a user
 * writes it: `tcp()`.
 *
 * Throws `invalid-option`.
 */
export function readOptions<Rules extends Record<string, OptionRule<unknown>>>(
  owner: string,
  options: object,
  rules: Rules,
): Settings<Rules> {
  if (typeof options !== "object" || options === null) {
    throw new TransportError("invalid-option", `Cannot use ${owner}: its options are ${show(options)}, not an object`);
  }
  const given = options as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(rules, name)) {
      throw new TransportError(
        "invalid-option",
        `Cannot use ${owner}: it has no option ${JSON.stringify(name)}, only ${Object.keys(rules).join(", ")}`,
        { details: { option: name } },
      );
    }
  }
  const settings: Record<string, unknown> = {};
  for (const name of Object.keys(rules)) {
    const value = given[name];
    if (value === undefined) {
      settings[name] = rules[name].fallback;
    } else if (rules[name].accepts(value)) {
      settings[name] = value;
    } else {
      throw invalidOption(owner, name, value, rules[name].allowed);
    }
  }
  return settings as Settings<Rules>;
}

/** The error for an option whose value is not allowed. */
export function invalidOption(owner: string, name: string, value: unknown, allowed: string): TransportError {
  return new TransportError(
    "invalid-option",
    `Cannot use ${owner}: option ${name} is ${show(value)}, allowed is ${allowed}`,
    { details: { option: name, given: show(value), allowed } },
  );
}

/** A whole number in a range. */
export function integer<D extends number | undefined>(fallback: D, min: number, max: number): OptionRule<number | D> {
  return {
    allowed: `an integer from ${min} to ${max}`,
    fallback,
    min,
    max,
    accepts: (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
  };
}

/** A whole number in a range; `Infinity` means no limit. */
export function integerOrInfinity(fallback: number, min: number, max: number): OptionRule<number> {
  const { allowed, accepts } = integer(fallback, min, max);
  return {
    allowed: `${allowed}, or Infinity`,
    fallback,
    min,
    accepts: (value) => value === Infinity || accepts(value),
  };
}

/** A time in milliseconds; `Infinity` means never. */
export function duration<D extends number | undefined>(fallback: D, min = 0): OptionRule<number | D> {
  return {
    allowed: `a time in milliseconds of at least ${min}, or Infinity`,
    fallback,
    min,
    accepts: (value) => typeof value === "number" && value >= min,
  };
}

/** A number in a range. */
export function fraction<D extends number | undefined>(fallback: D, min: number, max: number): OptionRule<number | D> {
  return {
    allowed: `a number from ${min} to ${max}`,
    fallback,
    min,
    max,
    accepts: (value) => typeof value === "number" && value >= min && value <= max,
  };
}

/** True or false. */
export function flag(fallback: boolean): OptionRule<boolean> {
  return { allowed: "true or false", fallback, accepts: (value) => typeof value === "boolean" };
}

/** A text that is not empty. */
export function label<D extends string | undefined>(fallback: D): OptionRule<string | D> {
  return {
    allowed: "a text that is not empty",
    fallback,
    accepts: (value) => typeof value === "string" && value.length > 0,
  };
}

/** One of a few words. */
export function oneOf<const Words extends readonly string[]>(
  fallback: Words[number],
  words: Words,
): OptionRule<Words[number]> {
  return {
    allowed: words.map((word) => JSON.stringify(word)).join(" or "),
    fallback,
    accepts: (value) => words.includes(value as string),
  };
}

/** A value of a type that only the type checker can know more about. */
export function given<T>(fallback: T, allowed: "a function" | "an object" | "a list"): OptionRule<T> {
  return {
    allowed,
    fallback,
    accepts: (value) =>
      allowed === "a list"
        ? Array.isArray(value)
        : allowed === "a function"
        ? typeof value === "function"
        : typeof value === "object" && value !== null,
  };
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
