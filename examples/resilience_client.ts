/**
 * One of the two clients of `resilience.ts`: makes calls at a steady rate, and
 * prints what became of them as one line of JSON.
 *
 * - `--client bare`: `pool()` and nothing else;
 * - `--client resilient`: `resilient()`;
 * - `--port N`: where the server, or what stands before it, listens;
 * - `--seconds S`: for how long;
 * - `--promise-ms P`: the time in which a call is to be answered.
 *
 * @module
 */

import { parseArgs } from "node:util";
import {
  background,
  chain,
  type Client,
  idempotent,
  mux,
  pool,
  resilient,
  type SessionTransport,
  tcp,
  text,
  TransportError,
} from "@wireway/wireway";

/** What a client prints. */
export interface ClientFigures {
  /** Calls made. */
  calls: number;
  /** Calls that ended with an error, or were not answered at all. */
  failed: number;
  /** Calls that were answered after the promised time. */
  late: number;
  /** How long calls took until their callers knew how they had ended, in milliseconds. */
  p50Ms: number;
  p99Ms: number;
  longestMs: number;
  /** Connections that were opened, and how long that took at the median, in milliseconds. */
  connections: number;
  setUpMs: number;
  /** The most memory of the process, in bytes. */
  memoryBytes: number;
  /** How often calls failed with each code. */
  errors: Record<string, number>;
}

const everyMs = 5;
/** Of these calls, every tenth is a payment, which may not be made twice. */
const paymentEvery = 10;

const { values: flags } = parseArgs({
  options: {
    client: { type: "string", default: "resilient" },
    port: { type: "string", default: "9000" },
    seconds: { type: "string", default: "12" },
    "promise-ms": { type: "string", default: "1000" },
  },
});
const promiseMs = Number(flags["promise-ms"]);

const setUpsMs: number[] = [];

/** Times how long connections take to be made. */
function timed(inner: SessionTransport<string, string>): SessionTransport<string, string> {
  return {
    async dial(options) {
      const startedAt = performance.now();
      const session = await inner.dial(options);
      setUpsMs.push(performance.now() - startedAt);
      return session;
    },
    listen: (handler, options) => inner.listen(handler, options),
  };
}

const wire = chain(tcp({ port: Number(flags.port) }), mux(), text(), timed);
const call: Client<string, string> = flags.client === "bare"
  ? chain(wire, pool())
  : resilient(wire, { timeoutMs: promiseMs });

const repeatable = background.set(idempotent, true);
const latenciesMs: number[] = [];
const errors: Record<string, number> = {};
let calls = 0;
let answered = 0;
let late = 0;
let memoryBytes = 0;

async function callOnce(): Promise<void> {
  const id = calls++;
  const payment = id % paymentEvery === 0;
  const startedAt = performance.now();
  try {
    await (payment ? call(`pay ${id}`) : call(`balance ${id}`, repeatable));
    answered++;
    if (performance.now() - startedAt > promiseMs) late++;
  } catch (error) {
    const code = error instanceof TransportError ? error.code : String(error);
    errors[code] = (errors[code] ?? 0) + 1;
  }
  latenciesMs.push(performance.now() - startedAt);
}

// A first call, so that both begin with a connection.
await call("balance");
const running = new Set<Promise<void>>();
const startedAt = performance.now();
while (performance.now() - startedAt < Number(flags.seconds) * 1000) {
  // As many as are due: a machine that is busy must not make the rate smaller.
  while (calls * everyMs <= performance.now() - startedAt) {
    const one = callOnce().finally(() => running.delete(one));
    running.add(one);
  }
  memoryBytes = Math.max(memoryBytes, Deno.memoryUsage().rss);
  await new Promise((resolve) => setTimeout(resolve, everyMs));
}
let timer: ReturnType<typeof setTimeout> | undefined;
const patience = new Promise<void>((resolve) => timer = setTimeout(resolve, promiseMs + 500));
await Promise.race([Promise.all(running), patience]);
clearTimeout(timer);
const unanswered = running.size;
if (unanswered > 0) errors["never ended"] = unanswered;

latenciesMs.sort((a, b) => a - b);
setUpsMs.sort((a, b) => a - b);
const at = (values: number[], share: number): number => values[Math.floor(values.length * share)] ?? NaN;
const figures: ClientFigures = {
  calls,
  failed: calls - answered,
  late,
  p50Ms: at(latenciesMs, 0.5),
  p99Ms: at(latenciesMs, 0.99),
  longestMs: latenciesMs.at(-1) ?? NaN,
  connections: setUpsMs.length,
  setUpMs: at(setUpsMs, 0.5),
  memoryBytes,
  errors,
};
console.log(JSON.stringify(figures));
// Calls that hang are not waited for.
Deno.exit(0);
