/**
 * The floor for JSON-RPC calls: the hand-written loop of `calls.ts` with
 * JSON.stringify and JSON.parse of each envelope.
 *
 * With `--lines` messages are lines, and what was read is decoded at once and
 * split.
 *
 * @module
 */

import { BatchWriter } from "./batch_writer.ts";
import { acceptEach, connect, type Flags, runProgram } from "./command.ts";
import { HEADER_BYTES, readFrames, view, writeLength } from "./frames.ts";
import { loadJsonCalls, type Params } from "./json_call_load.ts";

interface Envelope {
  jsonrpc: "2.0";
  id: number;
  method?: string;
  params?: Params;
  result?: unknown;
}

const encoder = new TextEncoder();
const scratch = new Uint8Array(64 * 1024);
const batching = { bufferBytes: 64 * 1024, earlyFrames: 32 };
const reading = { slabBytes: 64 * 1024, minReadBytes: 16 * 1024 };

await runProgram({
  server: (flags) => acceptEach((conn) => serve(conn, flags.has("lines"))),
  client,
});

async function serve(conn: Deno.TcpConn, lines: boolean): Promise<void> {
  conn.setNoDelay(true);
  const writer = new BatchWriter(conn, batching);
  await read(conn, lines, ({ id, method, params }) => {
    if (method === "echo") write(writer, lines, { jsonrpc: "2.0", id, result: params });
  });
  conn.close();
}

async function client(flags: Flags): Promise<Record<string, number>> {
  const lines = flags.has("lines");
  const conn = await connect(flags);
  const writer = new BatchWriter(conn, batching);
  const waiting: (((reply: unknown) => void) | undefined)[] = [];
  const free: number[] = [];
  const reader = read(conn, lines, ({ id, result }) => {
    const resolve = waiting[id]!;
    waiting[id] = undefined;
    free.push(id);
    resolve(result);
  });
  reader.catch((error) => {
    if (!(error instanceof Deno.errors.Interrupted)) throw error;
  });
  const figures = await loadJsonCalls((params) =>
    new Promise((resolve) => {
      const id = free.length > 0 ? free.pop()! : waiting.length;
      waiting[id] = resolve;
      write(writer, lines, { jsonrpc: "2.0", id, method: "echo", params });
    }), flags);
  conn.close();
  return figures;
}

function write(writer: BatchWriter, lines: boolean, envelope: Envelope): void {
  const { written } = encoder.encodeInto(JSON.stringify(envelope), scratch);
  const at = writer.reserve(lines ? written + 1 : HEADER_BYTES + written);
  if (!lines) writeLength(writer.buffer, at, written);
  writer.buffer.set(scratch.subarray(0, written), lines ? at : at + HEADER_BYTES);
  if (lines) writer.buffer[at + written] = 10;
}

async function read(conn: Deno.TcpConn, lines: boolean, take: (envelope: Envelope) => void): Promise<void> {
  const decoder = new TextDecoder();
  if (!lines) {
    return await readFrames(conn, (slab, start, end) => {
      take(JSON.parse(decoder.decode(view(slab, start, end))));
    }, reading);
  }
  const bytes = new Uint8Array(reading.slabBytes);
  let rest = "";
  for (let count = await conn.read(bytes); count !== null; count = await conn.read(bytes)) {
    const lines = (rest + decoder.decode(bytes.subarray(0, count), { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(JSON.parse(line));
  }
}
