/**
 * One message at a time, each timed: what every WebSocket client is measured by.
 *
 * @module
 */

import type { Flags } from "./command.ts";

const LATENCIES = 1 << 20;

/** Sends a message, waits for its answer, and so on for `--seconds`. */
export async function pingPong(roundTrip: () => Promise<void>, flags: Flags): Promise<Record<string, number>> {
  const micros = new Float64Array(LATENCIES);
  let messages = 0;
  let now = performance.now();
  const deadline = now + flags.number("seconds", 2) * 1000;
  while (now < deadline && messages < LATENCIES) {
    const before = now;
    await roundTrip();
    now = performance.now();
    micros[messages++] = (now - before) * 1000;
  }
  const sorted = micros.subarray(0, messages).sort();
  return { messages, p50: sorted[messages >> 1], p99: sorted[Math.floor(messages * 0.99)] };
}
