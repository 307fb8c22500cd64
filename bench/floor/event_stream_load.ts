/**
 * Readers of event streams, on plain sockets: they look for the last event
 * and do nothing else, so that the server is what is measured.
 *
 * @module
 */

import { writeAll } from "./batch_writer.ts";
import { connect, type Flags, runProgram } from "./command.ts";
import { MARK } from "./event_stream_control.ts";

const READ_BYTES = 64 * 1024;
/** More than a number and its mark. */
const CARRIED_BYTES = 16;
const CONNECTING = 64;
const mark = MARK.charCodeAt(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function client(flags: Flags): Promise<Record<string, number>> {
  const count = flags.number("readers", 1000);
  const events = flags.number("events", 200);
  const publish = `/?publish=${events}${flags.has("burst") ? "&burst" : ""}`;
  const readers = Array.from({ length: count }, () => new Reader());
  for (let from = 0; from < count; from += CONNECTING) {
    await Promise.all(readers.slice(from, from + CONNECTING).map((reader) => reader.open(flags)));
  }
  const cpuBefore = await ask(flags, "/?cpu");
  const started = performance.now();
  const deadline = started + flags.number("seconds", 2) * 1000;
  let rounds = 0;
  do {
    rounds++;
    const all = readers.map((reader) => reader.until(rounds * events));
    await ask(flags, publish);
    await Promise.all(all);
  } while (performance.now() < deadline);
  const seconds = (performance.now() - started) / 1000;
  const cpuSeconds = (await ask(flags, "/?cpu") - cpuBefore) / 1e6;
  const received = count * events * rounds;
  return {
    received,
    seconds,
    cpuSeconds,
    eventsPerSecond: received / seconds,
    eventsPerCpuSecond: received / cpuSeconds,
  };
}

class Reader {
  #conn!: Deno.TcpConn;
  #last = 0;
  #wanted = Infinity;
  #done: (() => void) | undefined;

  /** Connects, and resolves when the head of the answer is there. */
  async open(flags: Flags): Promise<void> {
    this.#conn = await connect(flags);
    await writeAll(this.#conn, encoder.encode("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    const buffer = new Uint8Array(READ_BYTES);
    let text = "";
    while (!text.includes("\r\n\r\n")) {
      const read = await this.#conn.read(buffer);
      if (read === null) throw new Error("Server ended");
      text += decoder.decode(buffer.subarray(0, read));
    }
    void this.#follow(buffer);
  }

  /** Resolves when the event with this number has come. */
  until(wanted: number): Promise<void> {
    this.#wanted = wanted;
    return new Promise((resolve) => this.#done = resolve);
  }

  async #follow(buffer: Uint8Array): Promise<void> {
    const room = buffer.subarray(CARRIED_BYTES);
    for (let read = await this.#conn.read(room); read !== null; read = await this.#conn.read(room)) {
      const end = CARRIED_BYTES + read;
      this.#note(buffer, buffer.lastIndexOf(mark, end - 1));
      // A number may come in two parts.
      buffer.copyWithin(0, end - CARRIED_BYTES, end);
      if (this.#last >= this.#wanted) this.#done!();
    }
  }

  /** The number of the last event stands before the last mark. */
  #note(buffer: Uint8Array, at: number): void {
    let number = 0;
    for (let unit = 1; at > 0 && buffer[--at] >= 0x30 && buffer[at] <= 0x39; unit *= 10) {
      number += (buffer[at] - 0x30) * unit;
    }
    this.#last = Math.max(this.#last, number);
  }
}

/** Asks the server on a connection of its own; resolves with the number in its answer. */
async function ask(flags: Flags, target: string): Promise<number> {
  using conn = await connect(flags);
  await writeAll(conn, encoder.encode(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`));
  const buffer = new Uint8Array(READ_BYTES);
  let text = "";
  for (;;) {
    const read = await conn.read(buffer);
    if (read === null) throw new Error(`Server ended: ${text}`);
    text += decoder.decode(buffer.subarray(0, read));
    const found = /data: (\d+)\n/.exec(text);
    if (found !== null) return Number(found[1]);
  }
}

// Last, since classes are not there before their place.
await runProgram({ client });
