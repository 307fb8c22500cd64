/**
 * The example client: sends what you type or pipe in, and prints the reply and
 * how long it took.
 *
 * - `deno task call hello world` sends one call;
 * - `deno task call` sends each line that you type or pipe in;
 * - `deno task call --count 100000 --concurrency 128 hello` sends a burst.
 *
 * `--to tcp://127.0.0.1:9000` or `--to http://127.0.0.1:8000` says where to, and
 * `--timeout-ms N` how long a call may take.
 *
 * @module
 */

import { stdin } from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import {
  chain,
  type Client,
  http,
  httpCalls,
  mux,
  pool,
  type SessionTransport,
  tcp,
  text,
  timeout,
  TransportError,
} from "@wireway/wireway";

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    to: { type: "string", default: Deno.env.get("WIREWAY_TO") ?? "tcp://127.0.0.1:9000" },
    count: { type: "string", default: "1" },
    concurrency: { type: "string", default: "1" },
    "timeout-ms": { type: "string", default: "30000" },
  },
});

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}

function numberOf(name: "count" | "concurrency" | "timeout-ms"): number {
  const value = Number(flags[name]);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  return fail(`Cannot use --${name} ${flags[name]}: a whole number of 1 or more is allowed`);
}

/** The transport that an address names. */
function transportTo(address: string): SessionTransport<string, string> {
  const url = URL.canParse(address) ? new URL(address) : fail(`Cannot call ${address}: it is not an address`);
  switch (url.protocol) {
    case "tcp:":
      return chain(tcp({ hostname: url.hostname, port: Number(url.port) }), mux(), text());
    case "http:":
    case "https:":
      return chain(http({ origin: url.origin }), httpCalls(), text());
    default:
      return fail(`Cannot call ${address}: tcp:, http: and https: are allowed`);
  }
}

/** One call, with what it says and how long it took. */
async function callOnce(call: Client<string, string>, request: string): Promise<boolean> {
  const startedAt = performance.now();
  const took = (): string => `${(performance.now() - startedAt).toFixed(2)} ms`;
  try {
    const reply = await call(request);
    console.log(`${reply.trimEnd()}\n  ${took()}`);
    return true;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    console.error(`${error.code}: ${error.message}\n  ${took()}`);
    return false;
  }
}

/** Many calls, some of them at once, and how long they took. */
async function burst(
  call: Client<string, string>,
  request: string,
  count: number,
  concurrency: number,
): Promise<boolean> {
  const tookMs = new Float64Array(count);
  const failures = new Map<string, number>();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const startedAt = performance.now();
      try {
        await call(request);
      } catch (error) {
        const code = error instanceof TransportError ? error.code : String(error);
        failures.set(code, (failures.get(code) ?? 0) + 1);
      }
      tookMs[index] = performance.now() - startedAt;
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
  const seconds = (performance.now() - startedAt) / 1000;
  tookMs.sort();
  const percentile = (share: number): string =>
    `${tookMs[Math.min(count - 1, Math.floor(count * share))].toFixed(3)} ms`;
  console.log(`${count} calls, ${concurrency} at once: ${Math.round(count / seconds)} a second`);
  console.log(`p50 ${percentile(0.5)}  p95 ${percentile(0.95)}  p99 ${percentile(0.99)}  max ${percentile(1)}`);
  for (const [code, times] of failures) console.log(`failed: ${times} × ${code}`);
  return failures.size === 0;
}

const count = numberOf("count");
const concurrency = numberOf("concurrency");
await using call = chain(
  transportTo(flags.to),
  // A burst may be wider than the limit of calls in flight: the rest waits its turn.
  // One TCP connection carries all calls at once, an HTTP connection one at a time.
  pool({
    max: flags.to.startsWith("tcp:") ? 1 : Math.min(concurrency, 64),
    callsPerConnection: 1,
    maxWaiting: Math.max(1024, concurrency),
    acquireTimeoutMs: 60_000,
  }),
  timeout({ ms: numberOf("timeout-ms") }),
);

let fine = true;
if (count > 1) {
  fine = await burst(call, words.join(" ") || "hello", count, concurrency);
} else if (words.length > 0) {
  fine = await callOnce(call, words.join(" "));
} else {
  for await (const line of createInterface({ input: stdin })) {
    if (line !== "") fine = await callOnce(call, line) && fine;
  }
}
if (!fine) Deno.exitCode = 1;
