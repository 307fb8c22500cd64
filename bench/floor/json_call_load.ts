/**
 * The load on everything that makes JSON-RPC calls.
 *
 * @module
 */

import type { Flags } from "./command.ts";

/** What is sent and comes back. */
export interface Params {
  number: number;
  text: string;
}

/** Makes one call of the method `echo`. */
export type JsonCall = (params: Params) => Promise<unknown>;

const text = "x".repeat(64);

/** Calls for `--seconds` with `--in-flight` calls at once. */
export async function loadJsonCalls(call: JsonCall, flags: Flags): Promise<Record<string, number>> {
  const inFlight = flags.number("in-flight", 128);
  const started = performance.now();
  const deadline = started + flags.number("seconds", 2) * 1000;
  let calls = 0;
  let stopped = false;
  const worker = async () => {
    while (!stopped) {
      const number = calls++;
      const reply = await call({ number, text }) as Params;
      if (reply.number !== number) throw new Error("Wrong reply");
      if ((number & 63) === 0 && performance.now() > deadline) stopped = true;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - started) / 1000;
  return { calls, seconds, callsPerSecond: calls / seconds };
}
