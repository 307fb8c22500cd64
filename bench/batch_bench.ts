/**
 * Putting messages into batches, beside an array filled by hand, and batches on
 * TCP beside messages that are sent and awaited one by one.
 *
 * @module
 */

import DataLoader from "dataloader";
import { batch, chain, type Channel, tcp } from "../mod.ts";
import { GatheringChannel } from "../src/channel/batch/batch_channel.ts";
import { readBatchOptions } from "../src/channel/batch/batch_options.ts";
import { Group, kept } from "./floor/group.ts";
import { HEADER_BYTES, writeLength } from "./floor/frames.ts";

const MESSAGES = 1000;
const message = new Uint8Array(1024).fill(120);

/** A channel that takes everything and keeps nothing. */
const sink: Channel = {
  local: { transport: "none" },
  remote: { transport: "none" },
  maxMessageBytes: 16 * 1024 * 1024,
  bufferedBytes: 0,
  send: (taken) => {
    kept.value = taken;
  },
  receive: () => {},
  close: () => Promise.resolve(),
  abort: () => {},
};

const adding = new Group("into the batcher, and out as one of 64 messages of 1 KB", MESSAGES, "message");

adding.floor("an array by hand, copied into one message of 64", async () => {
  for (let sent = 0; sent < MESSAGES;) {
    const held: Uint8Array[] = [];
    for (let i = 0; i < 64 && sent < MESSAGES; i++, sent++) held.push(message);
    const joined = new Uint8Array(held.length * (message.length + 2));
    let at = 0;
    for (const one of held) {
      joined.set(one, at + 2);
      at += one.length + 2;
    }
    kept.value = joined;
    await undefined;
  }
});

const gathering = new GatheringChannel(sink, readBatchOptions({ maxMessages: 64, maxBytes: 1 << 20 }), {
  messagesIn: 0,
  messagesOut: 0,
});

adding.bench("batch(), sent", async () => {
  for (let sent = 0; sent < MESSAGES;) {
    for (let i = 0; i < 64 && sent < MESSAGES; i++, sent++) gathering.send(message);
    await undefined;
  }
});

const into = new Group("into the batcher alone", MESSAGES, "message");

into.floor("an array by hand", () => {
  const held: Uint8Array[] = [];
  for (let i = 0; i < MESSAGES; i++) held.push(message);
  kept.value = held;
});

const options = readBatchOptions({
  maxMessages: 1_000_000,
  maxBytes: 1 << 30,
  highWaterBytes: 1 << 30,
  maxBufferedBytes: 1 << 30,
});

into.bench("batch()", () => {
  const channel = new GatheringChannel(sink, { ...options, lingerMs: 0 }, { messagesIn: 0, messagesOut: 0 });
  for (let i = 0; i < MESSAGES; i++) channel.send(message);
  kept.value = channel;
  channel.closed(undefined);
});

into.bench("dataloader's load(), for information", () => {
  const loader = new DataLoader<number, number>((keys) => Promise.resolve(keys.slice()), { cache: false });
  for (let i = 0; i < MESSAGES; i++) void loader.load(i);
  kept.value = loader;
});

/** The port of an end that reads and drops, so that what is measured is the sending. It ends with this process. */
async function discarding(): Promise<number> {
  const program = new URL("programs/discard.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net", program, "server"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  child.unref();
  const { value } = await child.stdout.getReader().read();
  return JSON.parse(new TextDecoder().decode(value)).port;
}

const port = await discarding();
const nothing = { message: () => {}, end: () => {}, closed: () => {} };
const onTcp = new Group("100 messages of 1 KB on TCP", 100, "message");
const bare = await Deno.connect({ hostname: "127.0.0.1", port });
bare.setNoDelay(true);
const frame = new Uint8Array(HEADER_BYTES + message.length);
writeLength(frame, 0, message.length);

onTcp.floor("single awaited writes by hand", async () => {
  for (let i = 0; i < 100; i++) {
    frame.set(message, HEADER_BYTES);
    let written = 0;
    while (written < frame.length) written += await bare.write(frame.subarray(written));
  }
});

const single = await tcp({ port }).dial();
single.receive(nothing);
const batching = await chain(tcp({ port }), batch()).dial();
batching.receive(nothing);

/** Waits until the platform has taken all. */
async function drained(channel: Channel): Promise<void> {
  while (channel.bufferedBytes > 0) await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

onTcp.bench("a channel, each message awaited until it is out", async () => {
  for (let i = 0; i < 100; i++) {
    await single.send(message);
    if (single.bufferedBytes > 0) await drained(single);
  }
});

onTcp.bench("a channel, 100 in a turn", async () => {
  for (let i = 0; i < 100; i++) void single.send(message);
  await drained(single);
});

onTcp.bench("batch(), 100 in a turn", async () => {
  for (let i = 0; i < 100; i++) void batching.send(message);
  await batching.flush();
  await drained(batching);
});
