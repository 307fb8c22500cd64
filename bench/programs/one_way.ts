/**
 * One-way messages through the framework: tcp() with its default framing.
 *
 * @module
 */

import { tcp } from "../../mod.ts";
import { type Flags, runProgram } from "../floor/command.ts";

await runProgram({ server, client });

async function server(flags: Flags): Promise<number> {
  const borrows = flags.has("reuse");
  const listener = await tcp({ port: 0 }).listen((channel) => {
    let messages = 0;
    let last: unknown;
    channel.receive({
      borrows,
      message(message) {
        messages++;
        last = message;
      },
      end() {
        const reply = new Uint8Array(8);
        new DataView(reply.buffer).setBigUint64(0, BigInt(messages));
        if (last !== undefined) channel.send(reply);
        void channel.close();
      },
      closed() {},
    });
  });
  return listener.addr.port!;
}

async function client(flags: Flags): Promise<Record<string, number>> {
  const message = new Uint8Array(flags.number("bytes", 1024)).fill(120);
  const channel = await tcp({ port: flags.number("port", 0) }).dial();
  const confirmed = Promise.withResolvers<number>();
  channel.receive({
    message: (reply) => confirmed.resolve(Number(new DataView((reply as Uint8Array).slice().buffer).getBigUint64(0))),
    end() {},
    closed: (error) => confirmed.reject(error ?? new Error("Closed without confirmation")),
  });
  const started = performance.now();
  const deadline = started + flags.number("seconds", 2) * 1000;
  let sent = 0;
  while (performance.now() < deadline) {
    // The clock is read once in 128 messages, as in the floor.
    for (let i = 0; i < 128; i++) {
      const full = channel.send(message);
      sent++;
      if (full !== undefined) await full;
    }
  }
  const closing = channel.close();
  const counted = await confirmed.promise;
  const seconds = (performance.now() - started) / 1000;
  await closing;
  if (counted !== sent) throw new Error(`Server counted ${counted} of ${sent} messages`);
  return { messages: sent, seconds, messagesPerSecond: sent / seconds };
}
