/**
 * Measures everything beside its floor: the hot functions, then whole programs.
 *
 * `deno task bench [--quick] [--only <text>] [--rounds N] [--seconds S]`
 *
 * `--only chain` runs `chain_bench.ts` and the cases of `end_to_end.ts` that
 * have "chain" in their names; `--only _bench` runs the hot functions alone.
 * `--quick` measures one short round: enough to see that it all works.
 *
 * @module
 */

import { measure, type Row } from "./floor/bench_run.ts";
import { Flags } from "./floor/command.ts";
import { align } from "./floor/table.ts";

const BENCH = import.meta.dirname!;
const ROUNDS = 3;
/** What `--quick` leaves of it, for whole programs too. */
const QUICK_ROUNDS = 1;
const QUICK_SECONDS = 1;

/** What a bench may cost more than its floor. */
interface Target {
  file: string;
  group: string;
  name: string;
  atMostNs: number;
}

const TARGETS: Target[] = [
  { file: "chain_bench.ts", group: "chain()", name: "five pass-through middleware", atMostNs: 150 },
  {
    file: "concurrency_limit_bench.ts",
    group: "concurrencyLimit(), one call at a time",
    name: "concurrencyLimit()",
    atMostNs: 350,
  },
  { file: "rate_limit_bench.ts", group: "rateLimit(), one call at a time", name: "rateLimit()", atMostNs: 150 },
  { file: "timeout_bench.ts", group: "timeout(), one call at a time", name: "timeout()", atMostNs: 500 },
  { file: "circuit_breaker_bench.ts", group: "circuitBreaker(), closed", name: "circuitBreaker()", atMostNs: 200 },
  { file: "circuit_breaker_bench.ts", group: "circuitBreaker(), its parts", name: "the check", atMostNs: 20 },
  { file: "circuit_breaker_bench.ts", group: "circuitBreaker(), its parts", name: "the record", atMostNs: 20 },
  { file: "batch_bench.ts", group: "into the batcher alone", name: "batch()", atMostNs: 50 },
  { file: "retry_bench.ts", group: "retry(), a call that succeeds", name: "retry()", atMostNs: 250 },
  { file: "cache_bench.ts", group: "cache(), hits", name: "cache()", atMostNs: 300 },
  { file: "batch_calls_bench.ts", group: "batchCalls(), 100 calls at once", name: "batchCalls()", atMostNs: 50 },
  { file: "resilient_bench.ts", group: "resilient(), one call at a time", name: "resilient()", atMostNs: 2500 },
  {
    file: "resilient_bench.ts",
    group: "resilient(), one call at a time",
    name: "resilient(), a call that may be made again",
    atMostNs: 2500,
  },
  { file: "contract_bench.ts", group: "a contract, on the server", name: "implement()", atMostNs: 300 },
  { file: "contract_bench.ts", group: "a contract, on the client", name: "clientOf()", atMostNs: 300 },
  { file: "hono_bench.ts", group: "a middleware in a Hono app", name: "callMiddleware(), passing on", atMostNs: 200 },
  {
    file: "objectives_bench.ts",
    group: "objectives() and health()",
    name: "objectives(), three targets on calls",
    atMostNs: 500,
  },
  { file: "telemetry_bench.ts", group: "telemetry()", name: "telemetry(), off", atMostNs: 100 },
  { file: "histogram_bench.ts", group: "Histogram, recording", name: "Histogram", atMostNs: 20 },
];

const HEADING = ["least", "average", "p99", "÷floor", "more"];

/** A table for each group of a file: nanoseconds per call, beside the floor. */
function tables(rows: Row[]): string {
  const groups = Map.groupBy(rows, ({ group }) => group);
  return [...groups].map(([group, members]) => {
    const lines = members.map(({ name, floor, least, average, p99, ratio, more }) => [
      floor ? `${name} (floor)` : name,
      ...[least, average, p99].map(digits),
      ratio.toFixed(2),
      floor ? "" : digits(more),
    ]);
    return `\n${group}, ns per ${members[0].unit}\n${align([["", ...HEADING], ...lines])}`;
  }).join("\n");
}

function digits(ns: number): string {
  return ns.toFixed(Math.abs(ns) < 100 ? 1 : 0);
}

/** What was to be reached, beside what was measured: by the average, and for a noisy machine by the least too. */
function targetTable(rows: Row[], files: string[]): string {
  const lines = TARGETS.filter(({ file }) => files.includes(file)).map(({ group, name, atMostNs }) => {
    const row = rows.find((row) => row.group === group && row.name === name);
    const target = [name, `≤ ${atMostNs}`];
    if (row === undefined) return [...target, "-", "-", "not measured"];
    return [...target, digits(row.leastMore), digits(row.more), row.more <= atMostNs ? "met" : "short"];
  });
  return lines.length === 0 ? "" : `\n${align([["target", "more ns", "least", "average", ""], ...lines])}\n`;
}

/** Runs the comparison of whole programs; resolves with its exit code. */
async function endToEnd(args: string[]): Promise<number> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", `${BENCH}/end_to_end.ts`, ...args],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  });
  return (await command.spawn().status).code;
}

const flags = new Flags(Deno.args);
const only = flags.text("only", "");
const quick = flags.has("quick");
const rounds = flags.number("rounds", quick ? QUICK_ROUNDS : ROUNDS);
const files = [...Deno.readDirSync(BENCH)].map(({ name }) => name)
  .filter((name) => name.endsWith("_bench.ts") && name.includes(only)).sort();

let failed = false;
const rows: Row[] = [];
if (files.length > 0) {
  const [load] = Deno.loadavg();
  console.log(`Hot functions: the shortest iteration, and the average and p99 of the calmest round (of ${rounds}).`);
  console.log(
    `Load ${load.toFixed(1)} on ${navigator.hardwareConcurrency} cores: what else runs adds to the averages.`,
  );
}
for (const file of files) {
  try {
    const measured = await measure(`${BENCH}/${file}`, rounds);
    rows.push(...measured);
    console.log(tables(measured));
  } catch (error) {
    failed = true;
    console.error(`\n${file}: ${(error as Error).message}`);
  }
}
if (rows.length > 0) console.log(targetTable(rows, files));
const fewer = quick ? ["--rounds", `${rounds}`, "--seconds", `${flags.number("seconds", QUICK_SECONDS)}`] : [];
if (await endToEnd([...fewer, ...Deno.args]) !== 0) failed = true;
Deno.exit(failed ? 1 : 0);
