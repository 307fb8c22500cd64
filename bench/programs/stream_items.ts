/**
 * A request stream through the framework: mux() on tcp(), items asked for one
 * at a time by async iterators at both ends.
 *
 * @module
 */

import { chain, mux, Streamed, tcp } from "../../mod.ts";
import { type Flags, runProgram } from "../floor/command.ts";

await runProgram({ server, client });

async function server(): Promise<number> {
  const listener = await chain(tcp({ port: 0 }), mux({ streams: true })).listen(async (request) => {
    let items = 0;
    for await (const item of request as Streamed<Uint8Array>) if (item.length > 0) items++;
    const reply = new Uint8Array(8);
    new DataView(reply.buffer).setBigUint64(0, BigInt(items));
    return reply;
  });
  return listener.addr.port!;
}

async function client(flags: Flags): Promise<Record<string, number>> {
  const message = new Uint8Array(flags.number("bytes", 1024)).fill(120);
  const session = await chain(tcp({ port: flags.number("port", 0) }), mux({ streams: true })).dial();
  const started = performance.now();
  const deadline = started + flags.number("seconds", 2) * 1000;
  let sent = 0;
  async function* items(): AsyncGenerator<Uint8Array> {
    while (performance.now() < deadline) {
      // The clock is read once in 128 messages, as in the floor.
      for (let i = 0; i < 128; i++) {
        sent++;
        yield message;
      }
    }
  }
  const reply = await session.call(new Streamed(new Uint8Array(), items())) as Uint8Array;
  const counted = Number(new DataView(reply.slice().buffer).getBigUint64(0));
  const seconds = (performance.now() - started) / 1000;
  await session.close();
  if (counted !== sent) throw new Error(`Server counted ${counted} of ${sent} items`);
  return { messages: sent, seconds, messagesPerSecond: sent / seconds };
}
