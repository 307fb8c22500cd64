/**
 * The load on every WebSocket server: frames that were masked once, written as
 * often as answers came. Answers are counted by their bytes.
 *
 * @module
 */

import { writeAll } from "./batch_writer.ts";
import { type Flags, runProgram } from "./command.ts";
import { headBytes, maskedFrames, openSocket } from "./websocket_wire.ts";

const READ_BYTES = 256 * 1024;

await runProgram({ client });

async function client(flags: Flags): Promise<Record<string, number>> {
  const conns: Deno.TcpConn[] = [];
  for (let i = flags.number("connections", 1); i > 0; i--) conns.push(await openSocket(flags));
  const started = performance.now();
  const deadline = started + flags.number("seconds", 2) * 1000;
  const counts = await Promise.all(conns.map((conn) => load(conn, deadline, flags)));
  const seconds = (performance.now() - started) / 1000;
  const messages = counts.reduce((sum, count) => sum + count, 0);
  return { messages, seconds, messagesPerSecond: messages / seconds };
}

/** Keeps `--in-flight` messages under way, then waits for the last answers. */
async function load(conn: Deno.TcpConn, deadline: number, flags: Flags): Promise<number> {
  const bytes = flags.number("bytes", 64);
  const inFlight = flags.number("in-flight", 64);
  const frames = maskedFrames(bytes, inFlight);
  const frameBytes = frames.length / inFlight;
  const answerBytes = headBytes(bytes) + bytes;
  const buffer = new Uint8Array(Math.min(READ_BYTES, inFlight * answerBytes));
  let sent = inFlight;
  let received = 0;
  let answered = 0;
  await writeAll(conn, frames);
  while (answered < sent) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("Server closed the connection");
    // The first answer is looked at; all others are only counted.
    if (received === 0) check(buffer.subarray(0, count), bytes);
    received += count;
    const whole = Math.floor(received / answerBytes);
    const fresh = whole - answered;
    answered = whole;
    if (fresh === 0 || performance.now() > deadline) continue;
    sent += fresh;
    await writeAll(conn, frames.subarray(0, fresh * frameBytes));
  }
  if (received !== sent * answerBytes) throw new Error(`Received ${received} bytes for ${sent} messages`);
  conn.close();
  return answered;
}

function check(answer: Uint8Array, bytes: number): void {
  const end = Math.min(answer.length, headBytes(bytes) + bytes);
  if (answer[0] !== 0x82 || answer[1] > 127) throw new Error("Wrong answer: no binary message");
  for (let i = headBytes(bytes); i < end; i++) if (answer[i] !== 120) throw new Error("Wrong answer: other bytes");
}
