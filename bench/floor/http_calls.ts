/**
 * The load of HTTP clients: calls that are answered "hello".
 *
 * @module
 */

import process from "node:process";
import type { Flags } from "./command.ts";

const LATENCIES = 1 << 20;
/** What a POST has for a body. */
export const BODY: Uint8Array<ArrayBuffer> = new Uint8Array(100).fill(120);

/** The request that all clients make. */
export function requestOf(flags: Flags): () => Request {
  const url = `http://127.0.0.1:${flags.number("port", 0)}/hello`;
  return flags.has("post") ? () => new Request(url, { method: "POST", body: BODY }) : () => new Request(url);
}

/**
 * Calls for `--seconds` with `--in-flight` calls at once, and reads each answer.
 * What is compiled at first does not count.
 */
export async function loadHttp(call: () => Promise<string>, flags: Flags): Promise<Record<string, number>> {
  const inFlight = flags.number("in-flight", 1);
  const seconds = flags.number("seconds", 2);
  await callFor(call, inFlight, seconds / 4, undefined);
  const micros = inFlight === 1 ? new Float64Array(LATENCIES) : undefined;
  const usedBefore = process.cpuUsage();
  const started = performance.now();
  const calls = await callFor(call, inFlight, seconds, micros);
  const elapsed = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(usedBefore);
  const figures = { calls, seconds: elapsed, callsPerSecond: calls / elapsed, cpuMicros: (user + system) / calls };
  if (micros === undefined) return figures;
  const sorted = micros.subarray(0, Math.min(calls, LATENCIES)).sort();
  return { ...figures, p50: sorted[sorted.length >> 1], p99: sorted[Math.floor(sorted.length * 0.99)] };
}

/** Resolves with how many calls there were; `micros` is filled with how long each took. */
async function callFor(
  call: () => Promise<string>,
  inFlight: number,
  seconds: number,
  micros: Float64Array | undefined,
): Promise<number> {
  const started = performance.now();
  const deadline = started + seconds * 1000;
  let calls = 0;
  const worker = async (): Promise<void> => {
    for (let before = started; before < deadline;) {
      if (await call() !== "hello") throw new Error("Wrong response");
      const now = performance.now();
      if (micros !== undefined && calls < LATENCIES) micros[calls] = (now - before) * 1000;
      calls++;
      before = now;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return calls;
}
