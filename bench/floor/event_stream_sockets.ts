/**
 * The floor for event streams on sockets: a loop written by hand, which joins
 * the events of a turn once and writes the same bytes to all readers, and what
 * came during a write as the next. It knows
 * no slow readers, no limits and no HTTP beyond the end of a head.
 *
 * @module
 */

import { writeAll } from "./batch_writer.ts";
import { acceptEach, runProgram } from "./command.ts";
import { control, eventData, isControl } from "./event_stream_control.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const readers = new Set<Reader>();
const head = encoder.encode("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n");
let turn = "";
let number = 0;

async function serve(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(256);
  let text = "";
  while (!text.includes("\r\n\r\n")) {
    const read = await conn.read(buffer);
    if (read === null) return conn.close();
    text += decoder.decode(buffer.subarray(0, read));
  }
  await writeAll(conn, head);
  const target = text.split(" ", 2)[1];
  if (isControl(target)) {
    await writeAll(conn, encoder.encode(`data: ${await control(target, publish)}\n\n`));
    return conn.close();
  }
  const reader = new Reader(conn);
  readers.add(reader);
  while (await conn.read(buffer) !== null);
  readers.delete(reader);
  conn.close();
}

function publish(): void {
  if (turn === "") queueMicrotask(write);
  turn += `id: ${++number}\ndata: ${eventData(number)}\n\n`;
}

function write(): void {
  const bytes = encoder.encode(turn);
  turn = "";
  for (const reader of readers) reader.write(bytes);
}

class Reader {
  readonly #conn: Deno.TcpConn;
  #waiting: Uint8Array | undefined = undefined;
  #writing = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  write(bytes: Uint8Array): void {
    if (this.#writing) {
      this.#waiting = this.#waiting === undefined ? bytes : join(this.#waiting, bytes);
      return;
    }
    this.#writing = true;
    this.#conn.write(bytes).then((count) => this.#written(bytes, count), () => {});
  }

  #written(bytes: Uint8Array, count: number): void {
    let next = this.#waiting;
    if (count < bytes.length) {
      const rest = bytes.subarray(count);
      next = next === undefined ? rest : join(rest, next);
    }
    this.#writing = false;
    this.#waiting = undefined;
    if (next !== undefined) this.write(next);
  }
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

// Last, since classes are not there before their place.
await runProgram({ server: () => acceptEach(serve) });
