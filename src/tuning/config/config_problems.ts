/**
 * What is wrong with a config file, all of it at once.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";

/** Where something stands in a file: `["pool", "max"]`. */
export type ConfigPath = readonly (string | number)[];

/** How many problems are told. */
const maxTold = 20;

/** How many are looked for: past that a file is not one with mistakes, but no config file. */
const maxKept = 200;

/** How much of a name is told. */
const maxNameLength = 60;

/** One thing that is wrong. */
export interface ConfigProblem {
  /** Where, as in `pool.max`; empty for the file itself. */
  readonly path: string;
  /** The line of the file, where it is known. */
  readonly line?: number;
  /** What. */
  readonly message: string;
}

/** Gathers problems. */
export class ConfigProblems {
  readonly all: ConfigProblem[] = [];
  readonly #file: string;

  /** `file` is how the file is called in messages. */
  constructor(file: string) {
    this.#file = file;
  }

  /** Whether there are so many that no more are looked for. */
  get full(): boolean {
    return this.all.length >= maxKept;
  }

  add(path: ConfigPath, line: number | undefined, message: string): void {
    if (this.full) return;
    // What the base of a file says wrong is wrong for each of its environments.
    if (this.all.some((one) => one.line === line && one.message === message)) return;
    this.all.push({ path: showPath(path), ...(line === undefined ? {} : { line }), message });
  }

  /** Throws `invalid-option` with all of them, one a line. They are in its details, too. */
  throwIfAny(): void {
    if (this.all.length === 0) return;
    const told = this.all.slice(0, maxTold).map(({ line, message }) =>
      line === undefined ? message : `line ${line}: ${message}`
    );
    const more = this.all.length - told.length;
    if (more > 0) told.push(this.full ? "and many more" : `and ${more} more`);
    const why = told.length === 1 ? told[0] : `\n  ${told.join("\n  ")}`;
    throw new TransportError("invalid-option", `Cannot use ${this.#file}: ${why}`, {
      details: { file: this.#file, problems: this.all.slice(0, maxTold) },
    });
  }
}

/** A path as it is written: `rateLimit.windows[0].calls`. */
export function showPath(path: ConfigPath): string {
  return path.map((step, index) =>
    typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${shortened(step)}`
  ).join("");
}

function shortened(name: string): string {
  return name.length > maxNameLength ? `${name.slice(0, maxNameLength)}…` : name;
}

/** What somebody meant who wrote `word`: the one of `known` that is nearest to it, where one is near. */
export function meant(word: string, known: readonly string[]): string | undefined {
  const most = (one: string): number => Math.max(1, Math.floor(one.length / 3));
  const near = known.filter((one) => Math.abs(one.length - word.length) <= most(one))
    .map((one) => ({ one, distance: distance(word.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, distance }) => distance <= most(one));
  return near.sort((a, b) => a.distance - b.distance)[0]?.one;
}

/** How many letters are to be added, left out, replaced or swapped (optimal string alignment). */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array<number>(b.length).fill(0)]);
  for (let j = 0; j <= b.length; j++) rows[0][j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.length][b.length];
}
