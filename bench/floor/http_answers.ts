/**
 * The floor for HTTP clients: requests and responses by hand on plain sockets.
 *
 * Its server is what all clients are measured against, its client what they
 * are compared with: one write and one read a call, and no look at a field.
 *
 * @module
 */

import { writeAll } from "./batch_writer.ts";
import { acceptEach, connect, type Flags, runProgram } from "./command.ts";
import { loadHttp } from "./http_calls.ts";

const RESPONSE = "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\ncontent-length: 5\r\n" +
  "date: Sat, 21 Nov 2026 10:00:00 GMT\r\n\r\nhello";
const BUFFER_BYTES = 4096;
/** What a POST of the load has behind its head. */
const BODY_BYTES = 100;
const [P, LF] = [0x50, 0x0a];

await runProgram({ server: () => acceptEach(answer), client });

/** Answers the same to every request. A POST's length is not read: all have the same. */
async function answer(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const response = new TextEncoder().encode(RESPONSE);
  const buffer = new Uint8Array(BUFFER_BYTES);
  let have = 0;
  try {
    for (;;) {
      const count = await conn.read(buffer.subarray(have));
      if (count === null) break;
      have += count;
      if (!isWhole(buffer, have)) continue;
      have = 0;
      await writeAll(conn, response);
    }
  } catch {
    // The client has gone.
  }
  conn.close();
}

function isWhole(bytes: Uint8Array, end: number): boolean {
  const headEnd = bytes[0] === P ? end - BODY_BYTES : end;
  return headEnd > 3 && bytes[headEnd - 1] === LF && bytes[headEnd - 3] === LF;
}

/** One connection for each call in flight. */
async function client(flags: Flags): Promise<Record<string, number>> {
  const body = flags.has("post") ? "x".repeat(BODY_BYTES) : "";
  const head = `${flags.has("post") ? "POST" : "GET"} /hello HTTP/1.1\r\nhost: 127.0.0.1\r\n`;
  const length = flags.has("post") ? `content-length: ${BODY_BYTES}\r\n` : "";
  const request = new TextEncoder().encode(`${head}${length}\r\n${body}`);
  const decoder = new TextDecoder();
  const open: Deno.TcpConn[] = [];
  const free: (() => Promise<string>)[] = [];
  for (let i = 0; i < flags.number("in-flight", 1); i++) {
    const conn = await connect(flags);
    open.push(conn);
    const buffer = new Uint8Array(BUFFER_BYTES);
    free.push(async () => {
      await writeAll(conn, request);
      const count = await conn.read(buffer);
      return decoder.decode(buffer.subarray(count! - "hello".length, count!));
    });
  }
  const figures = await loadHttp(async () => {
    const call = free.pop()!;
    const text = await call();
    free.push(call);
    return text;
  }, flags);
  for (const conn of open) conn.close();
  return figures;
}
