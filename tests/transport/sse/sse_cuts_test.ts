/**
 * sse() through a network that cuts its connections at random bytes: each
 * message arrives exactly once and in order, both ways.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, type ChannelTransport, type Message, sse, type SseChannelOptions } from "../../../mod.ts";
import { join, part, Recorder } from "../../support/channels.ts";
import { type FaultProxy, faultProxy } from "../../support/fault_proxy.ts";
import { Random } from "../../support/random.ts";
import { servedSse } from "./_mounted_sse.ts";

/** Reconnects at once, so that hundreds of cuts take seconds. */
const quick: SseChannelOptions = { retryMs: 2, maxRetryMs: 5, ackDelayMs: 1, highWaterBytes: 20_000 };

/** What line-based formats and framings get wrong. */
const awkward = ["", " ", "\n", "\r", "\r\n", " leading", "trailing \r", "data: x\n\nid: 9", "\u0000\ufeff", "é👍🏽\n\n"];

function messageOf(random: Random, number: number): Message {
  switch (random.below(4)) {
    case 0:
      return random.bytes(random.below(random.oneIn(10) ? 30_000 : 300));
    case 1:
      return `${number}`.padStart(random.below(400), "x");
    default:
      return random.pick(awkward) + number;
  }
}

/** A network that cuts connections, with a listener behind it. */
interface Network {
  readonly transport: ChannelTransport;
  readonly proxy: () => FaultProxy;
}

/** Puts a proxy before whatever listens. */
function network(listening: ChannelTransport, dialling: (port: number) => ChannelTransport, port?: number): Network {
  let proxy: FaultProxy;
  return {
    proxy: () => proxy,
    transport: {
      dial: (options) => dialling(proxy.port).dial(options),
      async listen(accept) {
        const listener = await listening.listen(accept);
        proxy = await faultProxy({ upstreamPort: port ?? listener.addr.port! });
        return listener;
      },
    },
  };
}

/** Sends bursts both ways while connections are cut at random places, and checks all that arrives. Counts the connections. */
async function survive({ transport, proxy: proxyOf }: Network, seed: number, rounds: number): Promise<number> {
  const random = new Random(seed);
  const pair = await join(transport);
  await using proxy = proxyOf();
  const pause = (): void | Promise<void> => random.oneIn(20) ? Promise.resolve() : undefined;
  const [near, far] = [new Recorder(pause), new Recorder(pause)];
  pair.near.receive(near);
  pair.far.receive(far);
  const sent: { up: Message[]; down: Message[] } = { up: [], down: [] };
  const burst = async (channel: Channel, messages: Message[]): Promise<void> => {
    for (let left = random.below(12); left > 0; left--) {
      const message = messageOf(random, messages.length);
      messages.push(message);
      await channel.send(message);
    }
  };
  for (let round = 0; round < rounds; round++) {
    const bytes = random.below(random.oneIn(3) ? 60 : 3000);
    proxy.cutAfterBytes(bytes, random.pick(["up", "down"]), { how: random.pick(["fin", "reset"]) });
    if (random.oneIn(10)) proxy.cutAll(random.pick(["fin", "reset"]));
    await Promise.all([burst(pair.near, sent.up), burst(pair.far, sent.down)]);
    if (random.oneIn(3)) await Promise.all([far.count(sent.up.length), near.count(sent.down.length)]);
  }
  await Promise.all([far.count(sent.up.length), near.count(sent.down.length)]);
  assert.deepEqual(far.messages, sent.up);
  assert.deepEqual(near.messages, sent.down);
  await part(pair, near, far);
  assert.equal(near.error, undefined);
  assert.equal(far.error, undefined);
  return proxy.accepted;
}

Deno.test("sse() loses and doubles nothing through hundreds of cuts at random bytes", async () => {
  let connections = 0;
  for (let seed = 1; seed <= 4; seed++) {
    const dialling = (port: number): ChannelTransport => sse({ port, ...quick });
    connections += await survive(network(sse({ port: 0, ...quick }), dialling), seed, 150);
  }
  assert.ok(connections > 400, `${connections} connections were made`);
});

Deno.test("mountedSse() and sseClient() lose and double nothing through cuts at random bytes", async () => {
  const served = servedSse(quick);
  try {
    let connections = 0;
    for (let seed = 11; seed <= 12; seed++) {
      connections += await survive(network(served.mounted, served.through, served.port), seed, 120);
    }
    assert.ok(connections > 100, `${connections} connections were made`);
  } finally {
    await served.end();
  }
});
