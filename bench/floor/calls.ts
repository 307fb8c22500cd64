/**
 * The floor for calls: a correlation id, a slot table and one promise per call.
 *
 * A frame is the length, a type byte, a 4-byte id and the payload.
 *
 * @module
 */

import { type BatchOptions, BatchWriter } from "./batch_writer.ts";
import { type Call, loadCalls } from "./call_load.ts";
import { acceptEach, connect, type Flags, runProgram } from "./command.ts";
import { HEADER_BYTES, readFrames, type ReadOptions, readUint32, writeLength } from "./frames.ts";

type Handler = (payload: Uint8Array) => Promise<Uint8Array> | Uint8Array;

const REQUEST = 1;
const REPLY = 2;
const CALL_BYTES = 5;

await runProgram({
  server: (flags) => acceptEach((conn) => serve(conn, (payload) => payload, flags)),
  client,
});

async function serve(
  conn: Deno.TcpConn,
  handler: Handler,
  flags: Flags,
): Promise<void> {
  conn.setNoDelay(true);
  const writer = new BatchWriter(conn, batchOptions(flags));
  await readFrames(conn, (slab, start, end) => {
    const id = readUint32(slab, start + 1);
    const reply = handler(slab.subarray(start + CALL_BYTES, end));
    if (reply instanceof Promise) {
      void reply.then((payload) => writeFrame(writer, REPLY, id, payload));
    } else {
      writeFrame(writer, REPLY, id, reply);
    }
  }, readOptions(flags));
  conn.close();
}

async function client(flags: Flags): Promise<Record<string, number>> {
  const conn = await connect(flags);
  const figures = await loadCalls(caller(conn, flags), flags);
  conn.close();
  return figures;
}

/** A function that sends a request and resolves with its reply. */
function caller(
  conn: Deno.TcpConn,
  flags: Flags,
): Call {
  const writer = new BatchWriter(conn, batchOptions(flags));
  const waiting: (((reply: Uint8Array) => void) | undefined)[] = [];
  const free: number[] = [];
  const reading = readFrames(conn, (slab, start, end) => {
    const id = readUint32(slab, start + 1);
    const resolve = waiting[id];
    if (resolve === undefined) return;
    waiting[id] = undefined;
    free.push(id);
    resolve(slab.subarray(start + CALL_BYTES, end));
  }, readOptions(flags));
  // Closing the connection at the end interrupts the pending read.
  reading.catch((error) => {
    if (!(error instanceof Deno.errors.Interrupted)) throw error;
  });
  return (payload) =>
    new Promise((resolve) => {
      const id = free.length > 0 ? free.pop()! : waiting.length;
      waiting[id] = resolve;
      writeFrame(writer, REQUEST, id, payload);
    });
}

function writeFrame(
  writer: BatchWriter,
  type: number,
  id: number,
  payload: Uint8Array,
): void {
  const length = CALL_BYTES + payload.length;
  const at = writer.reserve(HEADER_BYTES + length);
  const buffer = writer.buffer;
  writeLength(buffer, at, length);
  buffer[at + 4] = type;
  writeLength(buffer, at + 5, id);
  buffer.set(payload, at + HEADER_BYTES + CALL_BYTES);
}

function batchOptions(flags: Flags): BatchOptions {
  return {
    bufferBytes: flags.number("scratch", 64) * 1024,
    earlyFrames: flags.number("early", 32),
  };
}

function readOptions(flags: Flags): ReadOptions {
  return {
    slabBytes: flags.number("slab", 256) * 1024,
    minReadBytes: flags.number("min-read", 16) * 1024,
    maxReadBytes: flags.number("max-read", 1024) * 1024,
  };
}
