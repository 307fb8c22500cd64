/**
 * Idle WebSocket connections: opened by hand, counted and weighed by the server,
 * which answers any text with `{"rss":N,"open":N}`.
 *
 * @module
 */

import { writeAll } from "./batch_writer.ts";
import { type Flags, runProgram } from "./command.ts";
import { openSocket } from "./websocket_wire.ts";

/** What the server says about itself. */
interface Report {
  rss: number;
  open: number;
}

const WARM_UP = 200;
const DIALLING = 64;
const SETTLE_MS = 500;

/** A text of one byte, masked by zeros. */
const QUESTION = Uint8Array.of(0x81, 0x81, 0, 0, 0, 0, 0x3f);

/** Keeps the client's ends from being collected, which would close them. */
const kept: Deno.TcpConn[] = [];

await runProgram({ client });

async function client(flags: Flags): Promise<Record<string, number>> {
  const connections = flags.number("connections", 10_000);
  const control = await openSocket(flags);
  // The first connections pay for compiled code and tables, not for themselves.
  await openMany(WARM_UP, flags);
  const before = await ask(control);
  const started = performance.now();
  await openMany(connections, flags);
  const seconds = (performance.now() - started) / 1000;
  const after = await ask(control);
  if (after.open - before.open !== connections) {
    throw new Error(`Server holds ${after.open - before.open} connections`);
  }
  return {
    connections,
    rssBefore: before.rss,
    rssAfter: after.rss,
    bytesPerConnection: (after.rss - before.rss) / connections,
    connectionsPerSecond: connections / seconds,
  };
}

async function openMany(count: number, flags: Flags): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) kept.push(await openSocket(flags));
  };
  await Promise.all(Array.from({ length: DIALLING }, worker));
}

async function ask(control: Deno.TcpConn): Promise<Report> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  await writeAll(control, QUESTION);
  const buffer = new Uint8Array(256);
  const count = await control.read(buffer) ?? 0;
  return JSON.parse(new TextDecoder().decode(buffer.subarray(2, count)));
}
