/**
 * shape(): what goes first, how fast, and that it arrives whole.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  chain,
  type Channel,
  deadlinesOf,
  ManualClock,
  memory,
  type Message,
  shape,
  type ShapeOptions,
  ShapeStats,
  tcp,
  TransportError,
} from "../../mod.ts";
import { bytesOf, join, numbered, part, Recorder, sameBytes } from "../support/channels.ts";
import { hello, raw } from "./_raw.ts";

const marker = 0xfc;
const over = new TransportError("cancelled", "Test over");
const peerHello = (rate = 0xffff_ffff, assembly = 200_000_000): Uint8Array =>
  hello(
    marker,
    ...[rate, assembly].flatMap((value) => [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255]),
  );

/** One end with shape(), at a clock, above a channel that is never full; the other end acknowledges all or nothing. */
async function shaped(options: ShapeOptions = {}, acknowledges = true) {
  const clock = new ManualClock();
  const limits = { highWaterBytes: 0x7fff_ffff, maxBufferedBytes: 0x7fff_ffff, maxMessageBytes: 200_000_000 };
  const transport = memory(limits);
  const accepted = Promise.withResolvers<Channel>();
  const listener = await transport.listen(accepted.resolve);
  const channel = await chain(transport, shape({ clock, maxBufferedBytes: 300_000_000, ...options })).dial();
  await listener.close();
  const peer = await accepted.promise;
  const heard = new Recorder();
  channel.receive(heard);
  const wire: Message[] = [];
  let came = 0;
  peer.receive({
    message(message) {
      wire.push(message);
      came++;
      if (!acknowledges || came === 1) return;
      const ack = Uint8Array.of(marker, 3, 0, 0, 0, 0);
      new DataView(ack.buffer).setUint32(2, came - 1);
      void peer.send(ack);
    },
    end: () => {},
    closed: () => {},
  });
  await peer.send(peerHello());
  await clock.advance(0);
  return { clock, channel, peer, wire, heard };
}

/** What a message on the wire is: the class of a fragment, or the text of a message that is whole. */
function kinds(wire: readonly Message[]): string[] {
  return wire.slice(1).map((message) =>
    typeof message === "string" ? message : message[0] === marker ? `fragment ${message[2] & 31}` : `${message.length}`
  );
}

Deno.test("shape() lets an urgent message wait for no more than the fragment under way, behind 100 MB of bulk", async () => {
  const { clock, channel, wire } = await shaped({
    upBytesPerSecond: 1_000_000,
    fragmentBytes: 16_384,
    burstBytes: 16_384,
  });
  void channel.send(new Uint8Array(100_000_000), 7);
  void channel.send(new Uint8Array(50_000_000), 1);
  await clock.advance(1000);
  const before = wire.length;
  assert.ok(before > 50, "the bulk is on its way");
  void channel.send(new Uint8Array(64), 0);
  // A fragment takes 16.384 ms at this rate.
  await clock.advance(17);
  const since = kinds(wire).slice(before - 1);
  assert.equal(since[0], "64", `first came ${since}`);
  assert.ok(channel.bufferedBytes > 140_000_000);
  channel.abort(over);
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("shape() lets an urgent message of a weighted class wait for a fragment, not for the bulk", async () => {
  const { clock, channel, wire } = await shaped({ upBytesPerSecond: 1_000_000, burstBytes: 1 });
  void channel.send(new Uint8Array(10_000_000), 7);
  await clock.advance(100);
  const before = wire.length;
  void channel.send("a call", 1);
  await clock.advance(40);
  assert.ok(kinds(wire).slice(before - 1).indexOf("a call") >= 0, `${kinds(wire).slice(before - 1)}`);
  channel.abort(over);
});

Deno.test("shape() keeps to its rate and its burst, and to what the peer asks for", async () => {
  for (
    const [own, asked, expected] of [[100_000, 0xffff_ffff, 100_000], [100_000, 50_000, 50_000], [
      Infinity,
      80_000,
      80_000,
    ]]
  ) {
    const stats = new ShapeStats();
    const { clock, channel, peer, wire } = await shaped({ upBytesPerSecond: own, burstBytes: 10_000, stats });
    if (asked !== 0xffff_ffff) {
      channel.abort(over);
      const clock = new ManualClock();
      const one = await raw((transport) =>
        chain(transport, shape({ clock, upBytesPerSecond: own, burstBytes: 10_000 }))
      );
      await one.peer.send(peerHello(asked));
      await clock.advance(0);
      for (let i = 0; i < 200; i++) void one.channel.send(new Uint8Array(1000));
      await clock.advance(300);
      const bytes = (one.wire.messages.length - 1) * 1000;
      assert.ok(Math.abs(bytes - (10_000 + expected * 0.3)) <= 2000, `${bytes} bytes at ${expected} a second`);
      one.channel.abort(over);
      continue;
    }
    for (let i = 0; i < 200; i++) void channel.send(new Uint8Array(1000));
    await clock.advance(0);
    assert.equal(wire.length - 1, 10, "the burst");
    await clock.advance(1000);
    const bytes = (wire.length - 1) * 1000;
    assert.ok(Math.abs(bytes - (10_000 + expected)) <= 1000, `${bytes} bytes in a second`);
    const [use] = stats.connections();
    assert.equal(use.bytesSent, bytes);
    assert.ok(use.bytesPerSecond >= 90_000 && use.bytesPerSecond <= 111_000, `${use.bytesPerSecond} bytes a second`);
    channel.abort(over);
    assert.deepEqual(stats.connections(), []);
    assert.ok(peer !== undefined);
  }
});

Deno.test("shape() shares among classes by their weights, keeps the order in each, and sends the last class last", async () => {
  const { clock, channel, wire } = await shaped({
    upBytesPerSecond: 1_000_000,
    burstBytes: 1,
    weights: [4, 1, 1, 1, 1, 1, 1],
    fragmentBytes: 1024,
  });
  void channel.send("farewell", 8);
  for (let i = 0; i < 400; i++) {
    void channel.send(numbered(i, 1000), 1);
    void channel.send(numbered(1000 + i, 1001), 2);
  }
  await clock.advance(250);
  const first = kinds(wire).slice(0, 200);
  const heavy = first.filter((kind) => kind === "1000").length;
  assert.ok(heavy > 150 && heavy < 170, `${heavy} of 200 were of the class that weighs 4 of 5`);
  await clock.advance(2000);
  assert.equal(kinds(wire).at(-1), "farewell");
  const numbers = wire.slice(1, -1).map((message) => bytesOf(message)).map((bytes) => bytes[2] * 256 + bytes[3]);
  for (const isHeavy of [true, false]) {
    const own = numbers.filter((number) => number < 1000 === isHeavy);
    assert.deepEqual(own, own.toSorted((a, b) => a - b));
    assert.equal(own.length, 400);
  }
  channel.abort(over);
});

Deno.test("shape() takes the class from a function where one is given", async () => {
  const { clock, channel, wire } = await shaped({
    classOf: (message, priority) => message.length === 3 ? 0 : message.length === 4 ? Number.NaN : priority + 100,
  });
  for (const text of ["slow one", "slow two", "now", "four"]) void channel.send(text);
  await clock.advance(0);
  // Not a number is the most urgent, and what is out of range is the nearest.
  assert.deepEqual(kinds(wire), ["now", "four", "slow one", "slow two"]);
  channel.abort(over);
});

Deno.test("shape() puts messages of all sizes and classes together again, over memory and TCP", async () => {
  const clock = new ManualClock();
  const sockets = (port: number) => chain(tcp({ port, highWaterBytes: 16_384 }), shape({ fragmentBytes: 300 }));
  const listening = Promise.withResolvers<number>();
  for (
    const transport of [chain(memory(), shape({ clock, fragmentBytes: 300 })), {
      dial: async () => await sockets(await listening.promise).dial(),
      listen: async (accept: (channel: Channel) => void) => {
        const listener = await sockets(0).listen(accept);
        listening.resolve(listener.addr.port!);
        return listener;
      },
    }]
  ) {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    const text = "grüß dich 👍🏽 ".repeat(100);
    for (let i = 0; i < 90; i++) void pair.near.send(numbered(i, i * 97), i % 9);
    void pair.near.send(text, 0);
    await far.count(91);
    for (const message of far.messages) {
      const bytes = bytesOf(message);
      if (bytes.length === bytesOf(text).length) assert.equal(new TextDecoder().decode(bytes), text);
      else sameBytes(bytes, numbered(Math.round(bytes.length / 97), bytes.length), `${bytes.length} bytes`);
    }
    await part(pair, near, far);
  }
});

Deno.test("shape() gives way when round trips grow, and takes more again when they are short", async () => {
  const stats = new ShapeStats();
  const { clock, channel, peer, wire } = await shaped({ stats, fragmentBytes: 8192 }, false);
  let acknowledged = 0;
  const roundTrip = async (ms: number) => {
    await clock.advance(ms);
    acknowledged = wire.length - 1;
    const ack = Uint8Array.of(marker, 3, 0, 0, 0, 0);
    new DataView(ack.buffer).setUint32(2, acknowledged);
    await peer.send(ack);
    await clock.advance(0);
    return stats.connections()[0].windowBytes;
  };
  void channel.send(new Uint8Array(100_000_000));
  await clock.advance(0);
  assert.equal(stats.connections()[0].inFlightBytes, 65_536, "no more is on its way than the window");
  assert.equal(await roundTrip(10), 131_072);
  assert.equal(await roundTrip(10), 262_144);
  assert.equal(await roundTrip(60), Math.floor(262_144 * 0.7));
  const low = await roundTrip(60);
  assert.equal(low, Math.floor(Math.floor(262_144 * 0.7) * 0.7));
  assert.equal(await roundTrip(10), low + 8192, "by a fragment a round trip from now on");
  assert.equal(stats.connections()[0].roundTripMs, 10);
  for (let i = 0; i < 20; i++) await roundTrip(1000);
  assert.ok(stats.connections()[0].windowBytes >= 32_768, "and never to nothing");
  channel.abort(over);
});

Deno.test("shape() answers a peer that is held back, and one that has ended", async () => {
  const { clock, channel, peer, wire } = await shaped({}, false);
  await clock.advance(0);
  void channel.send(new Uint8Array(1_000_000));
  await clock.advance(0);
  const stopped = wire.length;
  assert.ok(stopped < 10, "the window is full");
  void peer.close();
  await clock.advance(0);
  assert.equal(wire.length - 1, Math.ceil(1_000_000 / 16_384), "an end that has ended acknowledges nothing");
  void channel.close();
  await clock.advance(10);
});

Deno.test("shape() refuses what breaks its rules", async () => {
  const frame = (flags: number, ...bytes: number[]): Uint8Array => Uint8Array.of(marker, 2, flags, ...bytes);
  const bad: [Uint8Array[], RegExp][] = [
    [[frame(0x80 | 9, 1)], /its class is 9/],
    [[frame(3, 1)], /it begins no message/],
    [[frame(0x83, 1), frame(0x83, 1)], /the message before it has no end/],
    [[frame(0x83)], /it is empty/],
    [[Uint8Array.of(marker, 2)], /cut short/],
    [[frame(0xe3, 0xff)], /not in UTF-8/],
    [[Uint8Array.of(marker, 3, 0, 0)], /cut short/],
    [[Uint8Array.of(marker, 3, 0, 0, 0, 1)], /1 messages were not sent/],
    [[Uint8Array.of(marker, 3, 255, 255, 255, 255)], /were not sent/],
    [[Uint8Array.of(marker, 9)], /its kind is 9/],
  ];
  for (const [messages, why] of bad) {
    const { heard, peer } = await shaped({}, false);
    for (const message of messages) void peer.send(message);
    const error = await heard.over();
    assert.equal(error?.code, "protocol", String(why));
    assert.match(String(error?.message), why);
  }
});

Deno.test("shape() bounds what a peer leaves unfinished, one message and all of them", async () => {
  const wrap = (transport: ReturnType<typeof memory>) => chain(transport, shape({ maxAssemblyBytes: 50_000 }));
  const cases: [number[], RegExp][] = [[[3, 3, 3, 3], /its message has 40000 bytes or more/], [
    [1, 2, 3, 4, 5, 6],
    /60000 bytes of messages are unfinished, 50000 are allowed/,
  ]];
  for (const [classes, why] of cases) {
    const { heard, peer } = await raw((transport) => wrap(transport as ReturnType<typeof memory>), {
      maxMessageBytes: 35_000,
    });
    await peer.send(peerHello());
    classes.forEach((className, i) => {
      const fragment = new Uint8Array(10_003);
      fragment.set([marker, 2, className | (classes.indexOf(className) === i ? 0x80 : 0)]);
      void peer.send(fragment);
    });
    const error = await heard.over();
    assert.equal(error?.code, "message-too-large");
    assert.match(String(error?.message), why);
  }
});
