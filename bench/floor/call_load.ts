/**
 * The load on everything that makes calls: the floor and the framework alike.
 *
 * @module
 */

import type { Flags } from "./command.ts";

const LATENCIES = 1 << 20;

/** Makes one call. */
export type Call = (payload: Uint8Array) => Promise<Uint8Array>;

/** Calls for `--seconds` with `--in-flight` calls at once, of `--bytes` each. */
export async function loadCalls(call: Call, flags: Flags): Promise<Record<string, number>> {
  const payload = new Uint8Array(flags.number("bytes", 64)).fill(120);
  const started = performance.now();
  const deadline = started + flags.number("seconds", 2) * 1000;
  const inFlight = flags.number("in-flight", 128);
  const figures = inFlight === 1
    ? await oneByOne(call, payload, deadline)
    : await together(call, payload, deadline, inFlight);
  const seconds = (performance.now() - started) / 1000;
  return { ...figures, seconds, callsPerSecond: figures.calls / seconds };
}

/** Keep many calls in flight. */
async function together(
  call: Call,
  payload: Uint8Array,
  deadline: number,
  inFlight: number,
): Promise<{ calls: number }> {
  let calls = 0;
  let stopped = false;
  const worker = async () => {
    while (!stopped) {
      const reply = await call(payload);
      if (reply.length !== payload.length) throw new Error("Wrong reply");
      // The clock costs 0.1 µs, so it is read once in 64 calls.
      if ((++calls & 63) === 0 && performance.now() > deadline) stopped = true;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { calls };
}

/** Make one call at a time and measure each. */
async function oneByOne(
  call: Call,
  payload: Uint8Array,
  deadline: number,
): Promise<{ calls: number; p50: number; p99: number }> {
  const micros = new Float64Array(LATENCIES);
  let calls = 0;
  let now = performance.now();
  while (now < deadline && calls < LATENCIES) {
    const before = now;
    await call(payload);
    now = performance.now();
    micros[calls++] = (now - before) * 1000;
  }
  const sorted = micros.subarray(0, calls).sort();
  return {
    calls,
    p50: sorted[Math.floor(calls * 0.5)],
    p99: sorted[Math.floor(calls * 0.99)],
  };
}
