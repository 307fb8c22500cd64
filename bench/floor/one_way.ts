/**
 * The floor for one-way messages: framed TCP with nothing around it.
 *
 * @module
 */

import { acceptEach, connect, type Flags, runProgram } from "./command.ts";
import { HEADER_BYTES, readFrames, view, writeLength } from "./frames.ts";
import { writeAll } from "./batch_writer.ts";

/**
 * Slabs from 128 KB to 1 MB are alike within the noise; 64 KB costs 20 % at
 * 1 KB messages. Fresh memory is most of the server's time there: reusing one
 * buffer (`--reuse`), which breaks the promise that no message is overwritten,
 * is 1.3 to 1.9 times as fast.
 */
const SLAB_KB = 256;
const MIN_READ_BYTES = 16 * 1024;

/**
 * 64 and 128 KB are alike; 16 KB is half as fast, 32 and 256 KB lose 25 %. A
 * second buffer to fill during a write gains nothing: most writes end at once.
 */
const SCRATCH_KB = 128;

await runProgram({
  server: (flags) => acceptEach((conn) => serve(conn, flags)),
  client,
});

async function serve(conn: Deno.TcpConn, flags: Flags): Promise<void> {
  conn.setNoDelay(true);
  let messages = 0;
  let last: Uint8Array | undefined;
  const onMessage = (message: Uint8Array) => {
    messages++;
    last = message;
  };
  await readFrames(
    conn,
    (slab, start, end) => onMessage(view(slab, start, end)),
    {
      slabBytes: flags.number("slab", SLAB_KB) * 1024,
      minReadBytes: MIN_READ_BYTES,
      reuse: flags.has("reuse"),
    },
  );
  const reply = new Uint8Array(HEADER_BYTES + 8);
  writeLength(reply, 0, 8);
  new DataView(reply.buffer).setBigUint64(HEADER_BYTES, BigInt(messages));
  if (last !== undefined) await writeAll(conn, reply);
  conn.close();
}

async function client(flags: Flags): Promise<Record<string, number>> {
  const bytes = flags.number("bytes", 1024);
  const scratchBytes = flags.number("scratch", SCRATCH_KB) * 1024;
  const message = new Uint8Array(bytes).fill(120);
  const frame = HEADER_BYTES + bytes;
  const conn = await connect(flags);
  const scratch = new Uint8Array(Math.max(scratchBytes, frame));
  const started = performance.now();
  const deadline = started + flags.number("seconds", 2) * 1000;
  let sent = 0;
  while (performance.now() < deadline) {
    let at = 0;
    while (at + frame <= scratch.length) {
      writeLength(scratch, at, bytes);
      scratch.set(message, at + HEADER_BYTES);
      at += frame;
      sent++;
    }
    await writeAll(conn, scratch.subarray(0, at));
  }
  await conn.closeWrite();
  let confirmed = -1;
  await readFrames(conn, (slab, start) => {
    confirmed = Number(new DataView(slab.buffer).getBigUint64(start));
  }, { slabBytes: 1024, minReadBytes: 64 });
  const seconds = (performance.now() - started) / 1000;
  conn.close();
  if (confirmed !== sent) {
    throw new Error(`Server counted ${confirmed} of ${sent} messages`);
  }
  return { messages: sent, seconds, messagesPerSecond: sent / seconds };
}
