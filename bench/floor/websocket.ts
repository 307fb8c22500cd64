/**
 * The floor for WebSocket: an echo of binary messages framed by hand, over
 * `Deno.listen`. One read, one write; nothing is checked.
 *
 * @module
 */

import { writeAll } from "./batch_writer.ts";
import { acceptEach, type Flags, runProgram } from "./command.ts";
import { pingPong } from "./websocket_latency.ts";
import { answerUpgrade, headBytes, maskedFrames, openSocket, writeHead } from "./websocket_wire.ts";

/** An idle connection is to be cheap here, too. */
const FIRST_BYTES = 256;
const BUFFER_BYTES = 64 * 1024;
const TEXT = 0x81;

let open = 0;

await runProgram({ server: () => acceptEach(serve), client });

async function serve(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  open++;
  try {
    await answerUpgrade(conn);
    await echo(conn);
  } catch {
    // The client has gone.
  }
  open--;
  conn.close();
}

async function echo(conn: Deno.TcpConn): Promise<void> {
  let input = new Uint8Array(FIRST_BYTES);
  let output = input;
  let end = 0;
  while (true) {
    const count = await conn.read(input.subarray(end));
    if (count === null) return;
    end += count;
    if (input.length < BUFFER_BYTES) {
      const larger = new Uint8Array(BUFFER_BYTES);
      larger.set(input);
      input = larger;
      output = new Uint8Array(BUFFER_BYTES);
    }
    let at = 0;
    let written = 0;
    while (end - at >= 6) {
      let length = input[at + 1] & 0x7f;
      let maskAt = at + 2;
      if (length === 126) {
        length = (input[at + 2] << 8) | input[at + 3];
        maskAt = at + 4;
      } else if (length === 127) {
        length = new DataView(input.buffer).getUint32(at + 6);
        maskAt = at + 10;
      }
      const from = maskAt + 4;
      const next = from + length;
      if (next > end) {
        if (next - at > input.length) {
          const larger = new Uint8Array(2 * (next - at));
          larger.set(input.subarray(0, end));
          input = larger;
          output = new Uint8Array(larger.length);
        }
        break;
      }
      if (input[at] === TEXT) {
        // Any text asks what this server weighs.
        const report = new TextEncoder().encode(JSON.stringify({ rss: Deno.memoryUsage().rss, open }));
        await writeAll(conn, Uint8Array.of(TEXT, report.length, ...report));
        at = next;
        written = 0;
        continue;
      }
      unmask(input, from, next, maskAt);
      written = writeHead(output, written, length, 0);
      output.set(input.subarray(from, next), written);
      written += length;
      at = next;
    }
    input.copyWithin(0, at, end);
    end -= at;
    if (written > 0) await writeAll(conn, output.subarray(0, written));
  }
}

/** Four bytes at a time where they are aligned. */
function unmask(input: Uint8Array, from: number, to: number, maskAt: number): void {
  const key = [input[maskAt], input[maskAt + 1], input[maskAt + 2], input[maskAt + 3]];
  let at = from;
  let phase = 0;
  for (; (at & 3) !== 0 && at < to; at++) input[at] ^= key[phase++ & 3];
  const word = key[phase & 3] | (key[(phase + 1) & 3] << 8) | (key[(phase + 2) & 3] << 16) |
    (key[(phase + 3) & 3] << 24);
  const words = new Uint32Array(input.buffer);
  for (const last = to >>> 2; at >>> 2 < last; at += 4) words[at >>> 2] ^= word;
  for (; at < to; at++) input[at] ^= key[phase++ & 3];
}

/** One message at a time: the frame is masked once, the answer is read until it is whole. */
async function client(flags: Flags): Promise<Record<string, number>> {
  const bytes = flags.number("bytes", 4096);
  const conn = await openSocket(flags);
  const frame = maskedFrames(bytes, 1);
  const answer = new Uint8Array(headBytes(bytes) + bytes);
  const figures = await pingPong(async () => {
    await writeAll(conn, frame);
    for (let length = 0; length < answer.length;) length += await conn.read(answer.subarray(length)) ?? 0;
  }, flags);
  conn.close();
  return figures;
}
