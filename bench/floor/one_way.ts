/**
 * The floor for one-way messages: framed TCP with nothing around it.
 *
 * @module
 */

import { acceptEach, connect, type Flags, runProgram } from "./command.ts";
import { HEADER_BYTES, readFrames, writeLength } from "./frames.ts";
import { writeAll } from "./batch_writer.ts";

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
    (slab, start, end) => onMessage(slab.subarray(start, end)),
    {
      slabBytes: flags.number("slab", 256) * 1024,
      minReadBytes: flags.number("min-read", 16) * 1024,
      maxReadBytes: flags.number("max-read", 1024) * 1024,
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
  const scratchBytes = flags.number("scratch", 128) * 1024;
  const message = new Uint8Array(bytes).fill(120);
  const frame = HEADER_BYTES + bytes;
  const conn = await connect(flags);
  let scratch = new Uint8Array(Math.max(scratchBytes, frame));
  let other = flags.has("single") ? scratch : new Uint8Array(scratch.length);
  const started = performance.now();
  const deadline = started + flags.number("seconds", 2) * 1000;
  let sent = 0;
  let writing = Promise.resolve();
  while (performance.now() < deadline) {
    let at = 0;
    while (at + frame <= scratch.length) {
      writeLength(scratch, at, bytes);
      scratch.set(message, at + HEADER_BYTES);
      at += frame;
      sent++;
    }
    await writing;
    writing = writeAll(conn, scratch.subarray(0, at));
    if (flags.has("single")) await writing;
    [scratch, other] = [other, scratch];
  }
  await writing;
  await conn.closeWrite();
  let confirmed = -1;
  await readFrames(conn, (slab, start) => {
    confirmed = Number(new DataView(slab.buffer).getBigUint64(start));
  }, { slabBytes: 1024, minReadBytes: 64, maxReadBytes: 1024 });
  const seconds = (performance.now() - started) / 1000;
  conn.close();
  if (confirmed !== sent) {
    throw new Error(`Server counted ${confirmed} of ${sent} messages`);
  }
  return { messages: sent, seconds, messagesPerSecond: sent / seconds };
}
