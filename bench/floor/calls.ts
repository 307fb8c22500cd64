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
import { HEADER_BYTES, readFrames, type ReadOptions, readUint32, view, writeLength } from "./frames.ts";

type Handler = (payload: Uint8Array) => Promise<Uint8Array> | Uint8Array;

const REQUEST = 1;
const REPLY = 2;
const CALL_BYTES = 5;

/** Between 32 and 256 KB nothing is gained; from 512 KB on it gets slower. */
const SLAB_KB = 64;
const MIN_READ_BYTES = 16 * 1024;
const SCRATCH_BYTES = 64 * 1024;

/**
 * With 128 calls in flight and one write per turn, the two ends take turns and
 * one always waits. Sending the first frames of a turn early lets them overlap:
 * 1.2 to 1.3 times the calls from 16 to 64 frames, at the same CPU time.
 */
const EARLY_FRAMES = 32;

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
    const reply = handler(view(slab, start + CALL_BYTES, end));
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
    resolve(view(slab, start + CALL_BYTES, end));
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
    bufferBytes: SCRATCH_BYTES,
    earlyFrames: flags.number("early", EARLY_FRAMES),
  };
}

function readOptions(flags: Flags): ReadOptions {
  return {
    slabBytes: flags.number("slab", SLAB_KB) * 1024,
    minReadBytes: MIN_READ_BYTES,
  };
}
