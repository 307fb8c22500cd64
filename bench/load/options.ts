/**
 * The command line of the load test: what it takes, and what is refused.
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { ArrivalPattern } from "./arrivals.ts";
import { placeOf } from "./place.ts";
import { type Place, type TransportName, transportNames, usualConnections } from "./transports.ts";
import { UsageError } from "./usage_error.ts";

/** What a load test is to do. */
export interface LoadOptions {
  transport: TransportName;
  server: Place | undefined;
  rate: number | undefined;
  concurrency: number | undefined;
  arrivals: ArrivalPattern;
  seed: number;
  connections: number;
  clients: number;
  seconds: number;
  warmUp: number;
  size: number;
  timeoutMs: number;
  maxInFlight: number;
  /** Objectives; undefined where none was given and nothing is searched. */
  p99Ms: number | undefined;
  errorPercent: number | undefined;
  ramp: boolean;
  maxRate: number;
  precisionPercent: number;
  soak: boolean;
  minutes: number;
  plot: string | undefined;
  json: boolean;
  quiet: boolean;
}

/** Numbers: their limits, whether they must be whole, what holds without them, and what they are. */
const numbers = {
  port: { min: 1, max: 65_535, whole: true, what: "a server that runs already, on this port" },
  rate: {
    min: 0.1,
    max: 5_000_000,
    whole: false,
    what: "open loop: calls a second (1000; with --ramp the first rate)",
  },
  concurrency: { min: 1, max: 1_000_000, whole: true, what: "closed loop: calls in flight at once" },
  seed: { min: 0, max: 2 ** 32 - 1, whole: true, what: "seed of Poisson arrivals (1)" },
  connections: { min: 1, max: 1_000_000, whole: true, what: "connections to hold and to call on (4; http 64)" },
  clients: { min: 1, max: 64, whole: true, what: "client processes (1, more where open files demand it)" },
  seconds: { min: 0.1, max: 86_400, whole: false, what: "time that is measured (10; with --ramp 3 for each step)" },
  warmup: { min: 0, max: 600, whole: false, what: "time before that, in seconds (1)" },
  size: { min: 0, max: 16_777_216, whole: true, what: "bytes of a request (64)" },
  timeout: { min: 1, max: 600_000, whole: false, what: "time for a call, in milliseconds (5000)" },
  "max-in-flight": { min: 1, max: 1_000_000, whole: true, what: "open loop: calls in flight at the most (10000)" },
  p99: { min: 0.001, max: 600_000, whole: false, what: "objective: p99 in milliseconds (with --ramp 50)" },
  errors: { min: 0, max: 100, whole: false, what: "objective: failed calls in percent (with --ramp 0.1)" },
  "max-rate": { min: 1, max: 5_000_000, whole: false, what: "with --ramp: the highest rate to try (1000000)" },
  precision: { min: 0.1, max: 100, whole: false, what: "with --ramp: how near to come, in percent (5)" },
  minutes: { min: 0.05, max: 1440, whole: false, what: "with --soak: how long (5)" },
} as const;

const texts = {
  transport: { word: "NAME", what: `${transportNames.join(", ")} (tcp)` },
  url: { word: "URL", what: "a server that runs already: tcp://HOST:PORT, tls, unix:///PATH, http, https, ws, wss" },
  host: { word: "HOST", what: "with --port: where it runs (127.0.0.1)" },
  arrivals: { word: "KIND", what: "open loop: constant or poisson (constant)" },
  plot: { word: "FILE", what: "write a picture of the latencies (.svg)" },
} as const;

const switches = {
  ramp: "find the highest rate that meets the objectives",
  soak: "watch the memory of both processes",
  json: "print the result as JSON on standard output",
  quiet: "no progress line",
  help: "print this",
} as const;

/** What `--help` prints. */
export function usage(): string {
  const lines = [
    ...Object.entries(texts).map(([name, { word, what }]) => [`--${name} ${word}`, what]),
    ...Object.entries(numbers).map(([name, { what }]) => [`--${name} N`, what]),
    ...Object.entries(switches).map(([name, what]) => [`--${name}`, what]),
  ].map(([left, what]) => `  ${left.padEnd(20)}  ${what}`);
  return [
    "Puts load on a transport and measures it.",
    "",
    "  deno task load --rate 20000                       open loop: latency from the intended start of each call",
    "  deno task load --transport http --concurrency 64  closed loop",
    "  deno task load --ramp --p99 50 --errors 0.1       the breaking point",
    "  deno task load --connections 10000 --rate 2000    many connections",
    "  deno task load --soak --minutes 5 --rate 5000     memory over time",
    "",
    ...lines,
    "",
    "Exit code: 0, 1 where an objective was missed or it could not be measured, 2 for a wrong command line.",
  ].join("\n");
}

/** Reads the command line; `"help"` where that is asked for. Throws {@linkcode UsageError}. */
export function readLoadOptions(words: string[]): LoadOptions | "help" {
  const given = parse(words);
  if (given.help) return "help";
  const number = (name: keyof typeof numbers): number | undefined =>
    readNumber(name, given[name] as string | undefined);
  const text = (name: keyof typeof texts): string | undefined => given[name] as string | undefined;
  const ramp = given.ramp === true;
  const soak = given.soak === true;
  const place = placeOf({ url: text("url"), port: number("port"), host: text("host"), transport: text("transport") });
  const { transport, server } = place;
  const [rate, concurrency] = [number("rate"), number("concurrency")];
  if (ramp) {
    refuse(soak, "--ramp and --soak", "a search and a long run are two runs");
    refuse(concurrency !== undefined, "--ramp and --concurrency", "a search goes by rates");
  }
  refuse(rate !== undefined && concurrency !== undefined, "--rate and --concurrency", "a loop is open or closed");
  for (const name of ["max-rate", "precision"] as const) {
    refuse(!ramp && given[name] !== undefined, `--${name} without --ramp`, "it says how to search");
  }
  refuse(!soak && given.minutes !== undefined, "--minutes without --soak", "use --seconds");
  refuse(soak && given.seconds !== undefined, "--seconds and --soak", "use --minutes");
  refuse(
    concurrency !== undefined && given.arrivals !== undefined,
    "--arrivals and --concurrency",
    "only an open loop has arrivals",
  );
  const arrivals = text("arrivals") ?? "constant";
  if (arrivals !== "constant" && arrivals !== "poisson") {
    throw new UsageError(`Cannot use --arrivals ${arrivals}: constant and poisson are allowed`);
  }
  const plot = text("plot");
  refuse(plot === "", "--plot without a file", "name one, such as load.svg");
  refuse(plot !== undefined && !/.\.svg$/i.test(plot), `--plot ${plot}`, "a picture is an .svg file");
  const usual = usualConnections(transport);
  return {
    transport,
    server,
    rate: concurrency === undefined ? rate ?? 1000 : undefined,
    concurrency,
    arrivals,
    seed: number("seed") ?? 1,
    connections: number("connections") ?? (transport === "http" ? Math.max(usual, concurrency ?? 0) : usual),
    clients: number("clients") ?? 1,
    seconds: soak ? 60 * (number("minutes") ?? 5) : number("seconds") ?? (ramp ? 3 : 10),
    warmUp: number("warmup") ?? 1,
    size: number("size") ?? 64,
    timeoutMs: number("timeout") ?? 5000,
    maxInFlight: number("max-in-flight") ?? 10_000,
    p99Ms: number("p99") ?? (ramp ? 50 : undefined),
    errorPercent: number("errors") ?? (ramp ? 0.1 : undefined),
    ramp,
    maxRate: number("max-rate") ?? 1_000_000,
    precisionPercent: number("precision") ?? 5,
    soak,
    minutes: number("minutes") ?? 5,
    plot,
    json: given.json === true,
    quiet: given.quiet === true,
  };
}

function parse(words: string[]): Record<string, string | boolean | undefined> {
  const options = Object.fromEntries([
    ...[...Object.keys(texts), ...Object.keys(numbers)].map((name) => [name, { type: "string" as const }]),
    ...Object.keys(switches).map((name) => [name, { type: "boolean" as const }]),
  ]);
  try {
    return parseArgs({ args: words, options, strict: true }).values as Record<string, string | boolean | undefined>;
  } catch (error) {
    const [first] = (error as Error).message.split(/[.\n]/);
    throw new UsageError(`Cannot read the command line: ${first}; --help lists the options`);
  }
}

function readNumber(name: keyof typeof numbers, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const { min, max, whole } = numbers[name];
  const value = Number(text);
  if (text.trim() !== "" && value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
  throw new UsageError(
    `Cannot use --${name} ${text}: a ${whole ? "whole number" : "number"} from ${min} to ${max} is allowed`,
  );
}

function refuse(wrong: boolean, what: string, reason: string): void {
  if (wrong) throw new UsageError(`Cannot use ${what}: ${reason}`);
}
