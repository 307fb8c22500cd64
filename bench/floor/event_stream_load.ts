/**
 * Readers of event streams, on plain sockets: they count events and do nothing
 * else, so that the server is what is measured.
 *
 * @module
 */

import { writeAll } from "./batch_writer.ts";
import { connect, type Flags, runProgram } from "./command.ts";
import { MARK } from "./event_stream_control.ts";

const READ_BYTES = 16 * 1024;
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
  #events = 0;
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

  /** Resolves when so many events have come in all. */
  until(wanted: number): Promise<void> {
    this.#wanted = wanted;
    return new Promise((resolve) => this.#done = resolve);
  }

  async #follow(buffer: Uint8Array): Promise<void> {
    for (let read = await this.#conn.read(buffer); read !== null; read = await this.#conn.read(buffer)) {
      const bytes = buffer.subarray(0, read);
      for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) this.#events++;
      if (this.#events >= this.#wanted) this.#done!();
    }
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
