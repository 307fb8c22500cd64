/**
 * The load of HTTP clients: calls that are answered "hello".
 *
 * @module
 */

import type { Flags } from "./command.ts";

const LATENCIES = 1 << 20;
/** What a POST has for a body. */
const BODY = new Uint8Array(100).fill(120);

/** The request that all clients make. */
export function requestOf(flags: Flags): () => Request {
  const url = `http://127.0.0.1:${flags.number("port", 0)}/hello`;
  return flags.has("post") ? () => new Request(url, { method: "POST", body: BODY }) : () => new Request(url);
}

/** Calls for `--seconds` with `--in-flight` calls at once, and reads each answer. */
export async function loadHttp(call: () => Promise<string>, flags: Flags): Promise<Record<string, number>> {
  const started = performance.now();
  const deadline = started + flags.number("seconds", 2) * 1000;
  const inFlight = flags.number("in-flight", 1);
  const micros = new Float64Array(inFlight === 1 ? LATENCIES : 0);
  let calls = 0;
  const worker = async (): Promise<void> => {
    for (let before = started; before < deadline;) {
      if (await call() !== "hello") throw new Error("Wrong response");
      const now = performance.now();
      if (inFlight === 1 && calls < LATENCIES) micros[calls] = (now - before) * 1000;
      calls++;
      before = now;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - started) / 1000;
  const sorted = micros.subarray(0, Math.min(calls, LATENCIES)).sort();
  const rate = { calls, seconds, callsPerSecond: calls / seconds };
  if (inFlight > 1) return rate;
  return { ...rate, p50: sorted[sorted.length >> 1], p99: sorted[Math.floor(sorted.length * 0.99)] };
}
