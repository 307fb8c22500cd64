/**
 * From the text of a config file to settings: environment, variables, checks,
 * preset.
 *
 * @module
 */

import type * as z from "zod";
import { bufferBytesFor, type LinkFigures } from "../buffer_size.ts";
import { preset, type PresetName } from "../presets.ts";
import { type ConfigPath, ConfigProblems, meant, showPath } from "./config_problems.ts";
import { readConfigText } from "./config_text.ts";
import { isObject, overlaid, type Variables, withVariables } from "./environment.ts";
import { fileSchema, keysAt, sections } from "./sections.ts";

type Issue = z.core.$ZodIssue;

/** How a text is read. */
export interface ParseOptions {
  /** How the file is called in messages. */
  readonly file: string;
  /** Which of the file's environments is laid over the rest. */
  readonly environment: string | undefined;
  /** Looks up variables. */
  readonly variables: Variables;
}

/** Settings by section, and what they come from. */
export interface ParsedSettings {
  readonly environment: string | undefined;
  readonly preset: PresetName;
  readonly [section: string]: unknown;
}

/** Two options of a section of which one may not be above the other, and what each is where it is not given. */
interface Bound {
  readonly section: string;
  readonly lesser: string;
  readonly greater: string;
  readonly usual: readonly [lesser: number, greater: number];
}

/** The sections of what has buffers between a program and a wire. */
const buffered = ["tcp", "websocket", "platformWebSocket", "sse", "mountedSse", "sseClient", "batch", "shape"];

const bounds: readonly Bound[] = [
  { section: "pool", lesser: "min", greater: "max", usual: [0, 10] },
  { section: "concurrencyLimit", lesser: "min", greater: "max", usual: [0, 200] },
  { section: "concurrencyLimit", lesser: "initial", greater: "max", usual: [0, 200] },
  { section: "circuitBreaker", lesser: "openMs", greater: "maxOpenMs", usual: [30_000, Infinity] },
  // Where it is not given, it follows from the other.
  ...["sse", "mountedSse", "sseClient"].map((section): Bound => ({
    section,
    lesser: "maxMessageBytes",
    greater: "maxPostBytes",
    usual: [16 * 1024 * 1024, Infinity],
  })),
  ...buffered.map((section): Bound => ({
    section,
    lesser: "highWaterBytes",
    greater: "maxBufferedBytes",
    usual: [256 * 1024, 16 * 1024 * 1024],
  })),
];

/** Reads a text. Throws `invalid-option` with all that is wrong. */
export function parseSettings(text: string, options: ParseOptions): ParsedSettings {
  const { file, environment, variables } = options;
  const { value, lineOf } = readConfigText(text, file);
  const problems = new ConfigProblems(file);
  if (!isObject(value)) problems.add([], 1, "its content is no object");
  const { environments = {}, ...base } = isObject(value) ? value : {};
  if (!isObject(environments)) problems.add(["environments"], lineOf(["environments"]), "environments is no object");
  problems.throwIfAny();
  const known = environments as Record<string, unknown>;
  for (const [name, over] of Object.entries(known)) {
    if (problems.full) break;
    const path = ["environments", name];
    if (!isObject(over)) problems.add(path, lineOf(path), `${showPath(path)} is no object`);
    // What is wrong for others is told as well: it would be found on the day that it is needed.
    else if (name !== environment) check(overlaid(base, over), at(lineOf, over, name), problems);
  }
  const over = environment !== undefined && Object.hasOwn(known, environment) ? known[environment] : undefined;
  if (environment !== undefined && over === undefined && Object.keys(known).length > 0) {
    const guess = meant(environment, Object.keys(known));
    const hint = guess === undefined ? `there are ${Object.keys(known).join(", ")}` : `is ${guess} meant`;
    problems.add([], lineOf(["environments"]), `there is no environment ${JSON.stringify(environment)}: ${hint}`);
  }
  const place = at(lineOf, over, environment ?? "");
  const complete = withVariables(overlaid(base, over), variables, problems, place.lineOf);
  const checked = check(complete, place, problems);
  problems.throwIfAny();
  // Only what a plain "${" hides is not told above.
  if (checked === undefined) problems.add([], undefined, "a text with ${ stands where none is allowed");
  problems.throwIfAny();
  const settings = composed(checked!);
  for (const { section, lesser, greater, usual } of bounds) {
    const own = settings[section] as Record<string, number | undefined>;
    const [low, high] = [own[lesser] ?? usual[0], own[greater] ?? usual[1]];
    if (low <= high) continue;
    const path = [section, own[greater] === undefined ? lesser : greater];
    const words = `${section}.${lesser} is ${low}, above ${greater}, which is ${high}`;
    problems.add(place.whole(path), place.lineOf(path), words);
  }
  problems.throwIfAny();
  return { ...settings, environment } as ParsedSettings;
}

/** Where settings stand: those of an environment within it. */
interface Place {
  readonly lineOf: (path: ConfigPath) => number;
  readonly whole: (path: ConfigPath) => ConfigPath;
}

function at(lineOf: (path: ConfigPath) => number, over: unknown, environment: string): Place {
  const whole = (path: ConfigPath): ConfigPath =>
    valueAt(over, path) === undefined ? path : ["environments", environment, ...path];
  return { lineOf: (path) => lineOf(whole(path)), whole };
}

function valueAt(data: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string | number, unknown> | null)?.[step], data);
}

/** Checks data against the schema, and says what is wrong; gives it where nothing is. */
function check(
  data: unknown,
  { lineOf, whole }: Place,
  problems: ConfigProblems,
): Record<string, unknown> | undefined {
  const result = fileSchema.safeParse(data);
  if (result.success) return result.data;
  for (const issue of result.error.issues.flatMap((one) => within(one, data))) {
    if (problems.full) break;
    const path = issue.path as (string | number)[];
    const given = valueAt(data, path);
    // A variable of another environment, or one that is not set: nobody knows its value.
    if (typeof given === "string" && given.includes("${")) continue;
    const add = (path: ConfigPath, words: string): void =>
      problems.add(whole(path), lineOf(path), `${showPath(whole(path))} ${words}`);
    if (issue.code !== "unrecognized_keys") {
      add(path, given === undefined ? "is not given" : issue.code === "invalid_type" ? "is no object" : issue.message);
      continue;
    }
    for (const key of issue.keys) {
      if (problems.full) break;
      const known = keysAt(path);
      const guess = meant(key, known);
      add(
        [...path, key],
        `is no setting: ${guess === undefined ? `known are ${known.join(", ")}` : `is ${guess} meant`}`,
      );
    }
  }
  return undefined;
}

/** What is wrong within an object that stands where a flag may: more than that the whole is. */
function within(issue: Issue, data: unknown): Issue[] {
  if (issue.code !== "invalid_union" || !isObject(valueAt(data, issue.path as (string | number)[]))) return [issue];
  // The form that is no object is wrong at its root.
  const own = issue.errors.find((form) =>
    form.every(({ code, path }) => path.length > 0 || code === "unrecognized_keys")
  );
  return own === undefined ? [issue] : own.map((each) => ({ ...each, path: [...issue.path, ...each.path] }));
}

/** The preset, the sizes for the link, and what the file says itself, each over the one before. */
function composed(data: Record<string, unknown>): Record<string, unknown> & { preset: PresetName } {
  const { preset: name = "medium", link, $schema: _, ...own } = data as {
    preset?: PresetName;
    link?: LinkFigures;
    $schema?: string;
  };
  const { bufferBytes: __, backlog: ___, timeoutMs: ____, ...usual } = preset(name);
  const highWaterBytes = link === undefined ? undefined : bufferBytesFor(link);
  const buffers = highWaterBytes === undefined
    ? {}
    : Object.fromEntries(buffered.map((section) => [section, { highWaterBytes }]));
  const empty = Object.fromEntries(
    Object.keys(sections).filter((name) => name !== "rateLimit").map((name) => [name, {}]),
  );
  const settings = [usual, buffers, own].reduce<unknown>(overlaid, empty) as Record<string, unknown>;
  return { ...settings, preset: name };
}
