/**
 * Load for an HTTP server: `wrk` where it is installed, else plain sockets.
 *
 * @module
 */

import { writeAll } from "./batch_writer.ts";
import { connect, type Flags, runProgram } from "./command.ts";

const CONNECTIONS = 32;
const REQUEST = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

await runProgram({ client });

async function client(flags: Flags): Promise<Record<string, number>> {
  try {
    return await wrk(flags);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return await sockets(flags);
  }
}

/** Run `wrk` and read its `Requests/sec` line. */
async function wrk(flags: Flags): Promise<Record<string, number>> {
  const seconds = Math.max(1, Math.round(flags.number("seconds", 2)));
  const url = `http://127.0.0.1:${flags.number("port", 0)}/`;
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, url];
  const output = await new Deno.Command("wrk", { args }).output();
  const text = new TextDecoder().decode(output.stdout);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(text);
  if (rate === null || /Non-2xx|Socket errors/.test(text)) {
    throw new Error(`Load failed: ${text}`);
  }
  return { requestsPerSecond: Number(rate[1]) };
}

/** Keep one request in flight on each connection. */
async function sockets(flags: Flags): Promise<Record<string, number>> {
  const started = performance.now();
  const deadline = started + flags.number("seconds", 2) * 1000;
  const load = Array.from(
    { length: CONNECTIONS },
    () => oneSocket(flags, deadline),
  );
  const counts = await Promise.all(load);
  const requests = counts.reduce((sum, count) => sum + count, 0);
  const seconds = (performance.now() - started) / 1000;
  return { requestsPerSecond: requests / seconds };
}

/** Small fixed responses arrive whole: one read is one response. */
async function oneSocket(flags: Flags, deadline: number): Promise<number> {
  const conn = await connect(flags);
  const request = new TextEncoder().encode(REQUEST);
  const buffer = new Uint8Array(16 * 1024);
  let requests = 0;
  while (performance.now() < deadline) {
    await writeAll(conn, request);
    const count = await conn.read(buffer);
    const text = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
    if (!text.startsWith("HTTP/1.1 200")) throw new Error("Wrong response");
    requests++;
  }
  conn.close();
  return requests;
}
