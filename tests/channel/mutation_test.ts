/**
 * Conversations of the middleware for messages, damaged at random: each ends in
 * order or with a typed error, hands out nothing that was not sent, and leaves
 * nothing behind.
 *
 * `WIREWAY_FUZZ_INPUTS` says how many conversations are tried,
 * `WIREWAY_FUZZ_SEED` which.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  batch,
  chain,
  type Channel,
  type ChannelTransport,
  compress,
  deadlinesOf,
  heartbeat,
  ManualClock,
  memory,
  type Message,
  shape,
  TransportError,
} from "../../mod.ts";
import { Recorder } from "../support/channels.ts";
import { fuzzInputs, trySeeds } from "../support/mutation.ts";
import { Random } from "../support/random.ts";

/** A conversation takes as long as many streams. */
const inputs = Math.ceil(fuzzInputs / 20);

const clock = new ManualClock();

/** A message may have as many bytes, however small it comes. */
const limit = 100_000;

const kinds: [string, (transport: ChannelTransport) => ChannelTransport][] = [
  ["heartbeat()", (transport) => chain(transport, heartbeat({ clock }))],
  ["batch()", (transport) => chain(transport, batch({ clock, maxMessages: 5 }))],
  ["compress()", (transport) => chain(transport, compress({ thresholdBytes: 20 }))],
  ["compress() with gzip", (transport) => chain(transport, compress({ thresholdBytes: 20, format: "gzip" }))],
  ["shape()", (transport) => chain(transport, shape({ clock, fragmentBytes: 256 }))],
  [
    "all of them",
    (transport) => chain(transport, heartbeat({ clock }), shape({ clock }), compress(), batch({ clock })),
  ],
];

async function connect(transport: ChannelTransport, wrap = transport): Promise<[Channel, Channel]> {
  const accepted = Promise.withResolvers<Channel>();
  const listener = await transport.listen(accepted.resolve);
  const near = await wrap.dial();
  await listener.close();
  return [near, await accepted.promise];
}

/** What one end sends: as it goes over the wire. */
async function conversation(
  random: Random,
  wrap: (transport: ChannelTransport) => ChannelTransport,
): Promise<Message[]> {
  const bare = memory();
  const [near, far] = await connect(bare, wrap(bare));
  const [wire, heard] = [new Recorder(), new Recorder()];
  far.receive(wire);
  near.receive(heard);
  // Its own hello, handed back, is as good as the other end's.
  await wire.count(1);
  await far.send(wire.messages[0]);
  for (let i = random.below(12); i >= 0; i--) {
    const size = random.pick([0, 1, 3, 60, 700, 5000]);
    const message = random.oneIn(3)
      ? "text ".repeat(size >> 2)
      : new Uint8Array(size).fill(random.pick([7, 0xfc, 0xff]));
    void near.send(message, random.below(9));
    if (random.oneIn(3)) await undefined;
  }
  for (let turn = 0; turn < 40; turn++) await undefined;
  near.abort(new TransportError("cancelled", "Test over"));
  return wire.messages;
}

function mutate(random: Random, messages: Message[]): void {
  const at = random.below(messages.length);
  const message = messages[at];
  switch (random.below(6)) {
    case 0:
      return void messages.splice(at, 1);
    case 1:
      return void messages.splice(at, 0, random.pick(messages));
    case 2:
      return void messages.splice(at, 0, random.bytes(random.below(20)));
    case 3:
      messages[at] = message.slice(0, random.below(message.length + 1));
      return;
    default: {
      if (typeof message === "string" || message.length === 0) return;
      const damaged = message.slice();
      for (let i = random.below(4); i >= 0; i--) {
        const near = random.oneIn(2) ? Math.min(12, damaged.length) : damaged.length;
        damaged[random.below(near)] = random.pick([0, 1, 2, 0x7f, 0x80, 0xff, random.below(256)]);
      }
      messages[at] = damaged;
    }
  }
}

async function tryOne(seed: number): Promise<"in order" | "refused"> {
  const random = new Random(seed);
  const [name, wrap] = random.pick(kinds);
  const messages = await conversation(random, wrap);
  for (let i = random.below(4); i > 0 && messages.length > 0; i--) mutate(random, messages);
  const bare = memory({ maxMessageBytes: limit });
  const [near, far] = await connect(bare, wrap(bare));
  const heard = new Recorder();
  near.receive(heard);
  far.receive(new Recorder());
  try {
    for (const message of messages) {
      void far.send(message);
      if (random.oneIn(4)) await undefined;
    }
  } catch (error) {
    // The other end is gone already.
    assert.ok(error instanceof TransportError && error.code === "closed", `${name}: ${error}`);
  }
  void far.close();
  await heard.until(() => heard.ends + heard.closes > 0, `${name}: the end`);
  const { error } = heard;
  const isRefused = heard.closes > 0;
  if (isRefused) {
    assert.ok(error instanceof TransportError, name);
    const allowed = ["protocol", "version-mismatch", "message-too-large", "connection-lost"];
    assert.ok(allowed.includes(error.code), `${name}: ${error.code}: ${error.message}`);
  }
  for (const message of heard.messages) assert.ok(message.length <= limit, `${name}: ${message.length} bytes`);
  void near.close();
  await heard.over();
  heard.checkOver();
  assert.equal(deadlinesOf(clock).size, 0, `${name}: a deadline was left behind`);
  return isRefused ? "refused" : "in order";
}

Deno.test(`middleware for messages takes or refuses ${inputs} mutated conversations`, async () => {
  await trySeeds({ inputs, verdicts: ["in order", "refused"], share: 1 / 10 }, tryOne);
});
