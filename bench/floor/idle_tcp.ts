/**
 * The floor for idle connections: one pending read with its own small buffer.
 *
 * The server answers any byte with its memory use, which the client asks for
 * before and after it opens the connections.
 *
 * @module
 */

import { connect as connectFrom } from "node:net";
import { acceptEach, connect, type Flags, runProgram } from "./command.ts";
import { writeAll } from "./batch_writer.ts";

const READ_BYTES = 256;
/** Fewer than the ephemeral ports of one source address. */
const PER_ADDRESS = 20_000;
const CONNECTING = 64;
const SETTLE_MS = 500;

/** What the server says about itself. */
interface Report {
  rss: number;
  open: number;
}

/** Keeps the client's ends from being collected, which would close them. */
const kept: unknown[] = [];
let open = 0;

await runProgram({ server: () => acceptEach(serve), client });

async function serve(conn: Deno.TcpConn): Promise<void> {
  open++;
  const buffer = new Uint8Array(READ_BYTES);
  while (await conn.read(buffer) !== null) {
    const report: Report = { rss: Deno.memoryUsage().rss, open };
    await writeAll(conn, new TextEncoder().encode(JSON.stringify(report)));
  }
  conn.close();
  open--;
}

async function client(flags: Flags): Promise<Record<string, number>> {
  const connections = flags.number("connections", 10_000);
  const port = flags.number("port", 0);
  const control = await connect(flags);
  // The first connections pay for compiled code and tables, not for themselves.
  await openMany(port, 200, 0);
  const before = await ask(control);
  const started = performance.now();
  await openMany(port, connections, 200);
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

async function ask(control: Deno.TcpConn): Promise<Report> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const buffer = new Uint8Array(READ_BYTES);
  await control.write(buffer.subarray(0, 1));
  const count = await control.read(buffer) ?? 0;
  return JSON.parse(new TextDecoder().decode(buffer.subarray(0, count)));
}

/** Open connections, a few at a time, each from an address with free ports. */
async function openMany(
  port: number,
  count: number,
  already: number,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const address = 1 + Math.floor((already + next++) / PER_ADDRESS);
      await openFrom(`127.0.0.${address}`, port);
    }
  };
  await Promise.all(Array.from({ length: CONNECTING }, worker));
}

/** `Deno.connect` is faster, but only `node:net` can choose the address. */
async function openFrom(localAddress: string, port: number): Promise<void> {
  if (localAddress === "127.0.0.1") {
    kept.push(await Deno.connect({ hostname: "127.0.0.1", port }));
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const socket = connectFrom({ host: "127.0.0.1", port, localAddress });
    socket.once("connect", () => resolve());
    socket.on("error", reject);
    kept.push(socket);
  });
}
