/**
 * Keeps what the `deno bench` suites measured, and says later what became
 * slower.
 *
 * `deno task bench:baseline save|compare NAME [--only TEXT] [--rounds N]
 * [--tolerance PERCENT] [--confidence PERCENT] [--fail]`
 *
 * A baseline is a file, `bench/baselines/NAME.json`, which is not put under
 * version control: its figures are those of one machine. Kept are ratios to the
 * floor of the same group in the same round, since a machine whose speed
 * changes changes both. NAME may also be a path that ends with `.json`.
 *
 * Where many benches are compared, some of them seem slower by chance: one of a
 * hundred at a confidence of 99 %, if each of them lay right at the tolerance.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { compareRounds, type Comparison, surest } from "./compare_rounds.ts";
import { measureOnce } from "./floor/bench_run.ts";
import { align } from "./floor/table.ts";
import { UsageError } from "./load/usage_error.ts";

const bench = import.meta.dirname!;
const format = 1;

/** A file of ratios. */
interface Baseline {
  /** The format of the file. */
  format: number;
  /** The Deno that measured. */
  deno: string;
  /** When that was. */
  savedAt: string;
  /** The ratios to the floor, one for each round, by file, group and name. */
  ratios: Record<string, number[]>;
}

/** The command line. */
interface Options {
  command: "save" | "compare";
  path: string;
  only: string;
  rounds: number;
  tolerance: number;
  confidence: number;
  fail: boolean;
}

const usage = `Usage: deno task bench:baseline save|compare NAME
  --only TEXT           only the files bench/*_bench.ts whose names have it
  --rounds N            rounds of each file, each in a new process (5)
  --tolerance PERCENT   a regression is more than that (5)
  --confidence PERCENT  and at least as sure as that (99)
  --fail                exit code 1 where there is one`;

if (import.meta.main) {
  try {
    Deno.exit(await main(readOptions(Deno.args)));
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
}

async function main(options: Options | "help"): Promise<number> {
  if (options === "help") {
    console.log(usage);
    return 0;
  }
  return options.command === "save" ? await save(options) : await compare(options);
}

async function save({ path, only, rounds }: Options): Promise<number> {
  const ratios = await ratiosOf(filesWith(only), rounds);
  await Deno.mkdir(dirname(path), { recursive: true });
  const baseline: Baseline = { format, deno: Deno.version.deno, savedAt: new Date().toISOString(), ratios };
  await Deno.writeTextFile(path, `${JSON.stringify(baseline, undefined, 2)}\n`);
  console.log(`Saved ${Object.keys(ratios).length} benches of ${rounds} rounds to ${path}`);
  return 0;
}

async function compare({ path, only, rounds, tolerance, confidence, fail }: Options): Promise<number> {
  const baseline = await readBaseline(path);
  const files = filesWith(only).filter((file) =>
    Object.keys(baseline.ratios).some((key) => key.startsWith(`${file}: `))
  );
  if (files.length === 0) throw new UsageError(`Cannot compare with ${path}: it has none of these benches`);
  checkRounds(baseline, files, rounds, confidence);
  if (baseline.deno !== Deno.version.deno) {
    console.log(`The baseline is of Deno ${baseline.deno}, this is ${Deno.version.deno}`);
  }
  const now = await ratiosOf(files, rounds);
  const compared = Object.entries(now).filter(([key]) => Object.hasOwn(baseline.ratios, key))
    .map(([key, ratios]) => ({ key, ...compareRounds(baseline.ratios[key], ratios, tolerance) }));
  const rows = compared.map((each) => [each.key, ...figures(each), verdictOf(each, confidence)]);
  console.log(align([["ratio to the floor", "before", "now", "change", ""], ...rows]));
  const regressions = compared.filter(({ slower }) => slower >= confidence);
  for (const key of Object.keys(now)) if (!Object.hasOwn(baseline.ratios, key)) console.log(`New: ${key}`);
  const gone = Object.keys(baseline.ratios).filter((key) =>
    files.some((file) => key.startsWith(`${file}: `)) && !Object.hasOwn(now, key)
  );
  for (const key of gone) console.log(`Gone: ${key}`);
  console.log(`${regressions.length} of ${compared.length} slower by more than ${percent(tolerance)}`);
  return fail && regressions.length > 0 ? 1 : 0;
}

/** Rounds that could not show a regression, however large, are told before they are made. */
function checkRounds({ ratios }: Baseline, files: string[], rounds: number, confidence: number): void {
  const kept = Object.entries(ratios).filter(([key]) => files.some((file) => key.startsWith(`${file}: `)));
  const before = Math.max(...kept.map(([, all]) => all.length));
  const most = surest(before, rounds);
  if (most >= confidence - 1e-9) return;
  throw new UsageError(
    `Cannot be ${percent(confidence)} sure by ${rounds} rounds against ${before}: ${percent(most)} at the most; ` +
      "give --rounds more, or --confidence less",
  );
}

function figures({ before, now, change }: Comparison): string[] {
  return [before.toFixed(2), now.toFixed(2), `${change < 0 ? "−" : "+"}${percent(Math.abs(change))}`];
}

/** What is said of a bench; the confidence is told for each that became slower by more than is tolerated. */
function verdictOf({ slower, faster }: Comparison, confidence: number): string {
  if (slower >= confidence) return `SLOWER, ${percent(slower)} sure`;
  if (faster >= confidence) return `faster, ${percent(faster)} sure`;
  return slower > 0.5 ? `slower? ${percent(slower)} sure` : "";
}

async function ratiosOf(files: string[], rounds: number): Promise<Record<string, number[]>> {
  const ratios: Record<string, number[]> = {};
  for (let round = 1; round <= rounds; round++) {
    for (const file of files) {
      console.error(`round ${round} of ${rounds}: ${file}`);
      for (const { floor, group, name, ratio } of await measureOnce(join(bench, file))) {
        if (!floor) (ratios[`${file}: ${group}: ${name}`] ??= []).push(ratio);
      }
    }
  }
  return ratios;
}

async function readBaseline(path: string): Promise<Baseline> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(`Cannot compare with ${path}: there is no such file; save makes it`);
  }
  try {
    const baseline: Baseline = JSON.parse(text);
    const isRatio = (value: unknown): boolean => typeof value === "number" && value > 0;
    const isWhole = baseline.format === format &&
      Object.values(baseline.ratios).every((all) => Array.isArray(all) && all.length > 0 && all.every(isRatio));
    if (isWhole) return baseline;
  } catch {
    // Told below.
  }
  throw new UsageError(`Cannot compare with ${path}: it is no baseline of this format`);
}

function filesWith(only: string): string[] {
  const files = [...Deno.readDirSync(bench)].map(({ name }) => name)
    .filter((name) => name.endsWith("_bench.ts") && name.includes(only)).sort();
  if (files.length === 0) throw new UsageError(`Cannot use --only ${only}: no bench has it in its name`);
  return files;
}

function readOptions(words: string[]): Options | "help" {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = { only: text, rounds: text, tolerance: text, confidence: text, fail: flag, help: flag };
  let parsed;
  try {
    parsed = parseArgs({ args: words, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`Cannot read the command line: ${(error as Error).message.split(/[.\n]/)[0]}\n${usage}`);
  }
  const { values, positionals: [command, name, ...more] } = parsed;
  if (values.help) return "help";
  if ((command !== "save" && command !== "compare") || name === undefined || more.length > 0) {
    throw new UsageError(usage);
  }
  if (values.fail && command === "save") throw new UsageError("Cannot use --fail with save: nothing is compared");
  const number = (name: "rounds" | "tolerance" | "confidence", fallback: number, min: number, max: number): number => {
    const value = values[name] === undefined ? fallback : Number(values[name] || NaN);
    if (value >= min && value <= max && (name !== "rounds" || Number.isInteger(value))) return value;
    throw new UsageError(`Cannot use --${name} ${values[name]}: ${min} to ${max} is allowed`);
  };
  return {
    command,
    path: pathOf(name),
    only: values.only ?? "",
    rounds: number("rounds", 5, 1, 50),
    tolerance: number("tolerance", 5, 0, 1000) / 100,
    confidence: number("confidence", 99, 50, 99.999) / 100,
    fail: values.fail ?? false,
  };
}

function pathOf(name: string): string {
  if (name.endsWith(".json")) return name;
  if (basename(name) === name && /^[\w.-]+$/.test(name)) return join(bench, "baselines", `${name}.json`);
  throw new UsageError(
    `Cannot use the name ${name}: letters, digits, - and _ are allowed, or a path that ends with .json`,
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
