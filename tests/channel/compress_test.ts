/**
 * compress(): what is compressed, with what, and what comes that should not.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  batch,
  chain,
  compress,
  CompressionStats,
  type CompressOptions,
  memory,
  type Message,
  mux,
  tcp,
  TransportError,
} from "../../mod.ts";
import { codecs, type CompressionFormat, formats } from "../../src/channel/compress/compress_codecs.ts";
import { bytesOf, join, part, Recorder } from "../support/channels.ts";
import { Random } from "../support/random.ts";
import { hello, hex, raw } from "./_raw.ts";

const marker = 0xfe;
const everything = 0b111110;
const over = new TransportError("cancelled", "Test over");
const json = new TextEncoder().encode(
  JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `user ${id}`, active: id % 3 === 0 }))),
);

const peerHello = (understood = everything, maxBytes = 1 << 24): Uint8Array =>
  hello(marker, understood, maxBytes >>> 24, maxBytes >>> 16, maxBytes >>> 8, maxBytes);

async function compressing(options: CompressOptions = {}, understood?: number, maxBytes?: number) {
  const all = await raw((transport) => chain(transport, compress(options)));
  await all.peer.send(peerHello(understood, maxBytes));
  await all.peer.send("ready");
  await all.heard.count(1);
  return all;
}

function compressed(format: CompressionFormat, size: number, bytes: Uint8Array, flags = 0): Uint8Array {
  const head = [marker, 2, formats.indexOf(format) | flags, size >>> 24, size >>> 16, size >>> 8, size];
  return Uint8Array.from([...head, ...bytes]);
}

const codecOf = (format: CompressionFormat) => codecs().find((codec) => codec.format === format)!;

for (const format of ["gzip", "deflate", "zstd", "lz4", "brotli"] as const) {
  Deno.test(`compress() with ${format} carries bytes and text as they are, in fewer bytes`, async () => {
    const stats = new CompressionStats();
    const pair = await join(chain(memory(), compress({ format, thresholdBytes: 100, stats })));
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    await pair.far.send("ready");
    await near.count(1);
    const text = "grüß dich 👍🏽 ".repeat(300);
    const sent: Message[] = [json, text, "short", new Uint8Array(0), new Uint8Array(100_000), `${text}!`];
    for (const message of sent) await pair.near.send(message);
    await far.count(sent.length);
    assert.deepEqual(far.messages, sent);
    assert.equal(stats.compressed, 4);
    assert.equal(stats.inflated, 4);
    assert.ok(stats.ratio > 5, `ratio ${stats.ratio}`);
    assert.ok(pair.listener.counters.bytesIn < stats.bytesAfter + 100);
    await part(pair, near, far);
  });

  Deno.test(`compress() stops a bomb in ${format} at the size that it claims`, async () => {
    const bomb = codecOf(format).compress(new Uint8Array(20_000_000), 1);
    for (const size of [1, 1000, 19_999_999, 20_000_001]) {
      const { heard, peer } = await raw((transport) => chain(transport, compress({ maxInflatedBytes: 30_000_000 })));
      await peer.send(peerHello());
      await peer.send(compressed(format, size, bomb));
      const error = await heard.over();
      assert.equal(error?.code, "protocol", `${size}`);
      assert.match(String(error?.message), new RegExp(`${format} of ${size} bytes|not ${size} as it says`));
    }
  });

  Deno.test(`compress() refuses what claims more than it takes in ${format}, before it inflates anything`, async () => {
    const { heard, peer } = await compressing({ maxInflatedBytes: 1000 });
    await peer.send(compressed(format, 1001, codecOf(format).compress(new Uint8Array(1001), 1)));
    const error = await heard.over();
    assert.equal(error?.code, "message-too-large");
    assert.deepEqual(error?.details, { messageBytes: 1001, maxBytes: 1000 });
  });

  Deno.test(`compress() refuses ${format} that was cut short or damaged, or takes what is whole`, async () => {
    const random = new Random(formats.indexOf(format));
    const whole = codecOf(format).compress(json, 1);
    let refused = 0;
    for (let i = 0; i < 60; i++) {
      const damaged = i % 2 === 0 ? whole.slice(0, random.below(whole.length)) : whole.slice();
      if (i % 2 === 1) damaged[random.below(damaged.length)] ^= 1 << random.below(8);
      const { channel, heard, peer } = await compressing();
      void peer.send(compressed(format, json.length, damaged));
      void peer.send("next");
      await heard.until(() => heard.closes > 0 || heard.messages.length === 3, "an end or the messages");
      if (heard.closes > 0) assert.equal(heard.error?.code, "protocol");
      else assert.equal(heard.messages[1].length, json.length);
      refused += heard.closes;
      channel.abort(over);
    }
    assert.ok(refused >= 30, `${refused} were refused`);
  });
}

Deno.test("compress() sends as it is what is small, what did not get smaller, and for a while what comes after", async () => {
  const stats = new CompressionStats();
  const { channel, wire } = await compressing({ thresholdBytes: 1000, stats });
  const noise = new Random(3).bytes(2000);
  await channel.send(new Uint8Array(999));
  assert.deepEqual([stats.plain, stats.vain], [1, 0]);
  for (let i = 0; i < 190; i++) await channel.send(noise);
  // One try, then 1, 2, 4 … 64 that are not tried after each of the next.
  assert.equal(stats.vain, 8);
  assert.equal(stats.plain, 191);
  await channel.send(json.slice(0, 3000));
  assert.equal(stats.compressed, 0, "it is still not tried");
  for (let i = 0; i < 70; i++) await channel.send(json.slice(0, 3000));
  assert.ok(stats.compressed > 5, `${stats.compressed} were compressed`);
  assert.ok(stats.vain === 8);
  await wire.until(() => wire.messages.length === 263, "all");
  assert.deepEqual(wire.messages[2], noise);
  channel.abort(over);
});

Deno.test("compress() uses what both ends have, and nothing before the peer has said so", async () => {
  const bit = (format: CompressionFormat): number => 1 << formats.indexOf(format);
  // For messages of some hundred KB, of some ten, and of a few.
  const cases: [CompressOptions["format"], number, CompressionFormat, CompressionFormat, CompressionFormat][] = [
    ["auto", everything, "zstd", "deflate", "lz4"],
    ["auto", everything & ~bit("zstd"), "deflate", "deflate", "lz4"],
    ["auto", everything & ~bit("deflate"), "zstd", "zstd", "lz4"],
    ["auto", everything & ~bit("lz4"), "zstd", "deflate", "zstd"],
    ["auto", bit("lz4") | bit("brotli"), "lz4", "lz4", "lz4"],
    ["auto", 0, "none", "none", "none"],
    ["auto", 1 << 7, "none", "none", "none"],
    ["brotli", everything, "brotli", "brotli", "brotli"],
    ["brotli", bit("zstd"), "none", "none", "none"],
    ["none", everything, "none", "none", "none"],
  ];
  const times = (count: number): Uint8Array =>
    Uint8Array.from({ length: count * json.length }, (_, i) => json[i % json.length]);
  const [large, medium] = [times(Math.ceil(200_000 / json.length)), times(Math.ceil(20_000 / json.length))];
  const formatOf = (message: Message): string => message[0] === marker ? formats[bytesOf(message)[2]] : "none";
  for (const [format, understood, ...chosen] of cases) {
    const { channel, peer, wire } = await raw((transport) => chain(transport, compress({ format })));
    await channel.send(large);
    await peer.send(peerHello(understood));
    await wire.count(2);
    for (const message of [large, medium, json]) await channel.send(message);
    await wire.count(5);
    const sent = wire.messages.slice(1).map(formatOf);
    assert.deepEqual(sent, ["none", ...chosen], `${format} with ${understood}`);
    channel.abort(over);
  }
});

Deno.test("compress() says in its hello what it understands, and sends nothing larger than the peer inflates", async () => {
  const { channel, wire } = await compressing({ maxInflatedBytes: 70_000 }, everything, 5000);
  assert.equal(hex(wire.messages[0]), "fe 01 77 77 01 01 3e 00 01 11 70");
  await channel.send(json.slice(0, 5000));
  await channel.send(json.slice(0, 5001));
  await channel.send("ü".repeat(4000));
  await wire.count(4);
  assert.deepEqual(wire.messages.slice(1).map((message) => message[0] === marker), [true, false, false]);
  channel.abort(over);
});

Deno.test("compress() ends the connection for a message that breaks its rules", async () => {
  const bad: [Uint8Array, RegExp][] = [
    [Uint8Array.of(marker, 3), /its kind is 3/],
    [Uint8Array.of(marker, 2, 3, 0, 0, 0, 9), /cut short/],
    [compressed("none", 9, Uint8Array.of(1, 2)), /its format is none/],
    [Uint8Array.of(marker, 2, 99, 0, 0, 0, 9, 1), /its format is 99/],
    [compressed("zstd", 0, Uint8Array.of(1)), /said to be empty/],
    [compressed("lz4", 4, Uint8Array.of(0x40, 0xff, 0xff, 0xff, 0xff), 0x80), /not in UTF-8/],
  ];
  for (const [message, why] of bad) {
    const { heard, peer } = await compressing();
    await peer.send(message);
    const error = await heard.over();
    assert.equal(error?.code, "protocol");
    assert.match(String(error?.message), why);
  }
  const short = await raw((transport) => chain(transport, compress()));
  await short.peer.send(hello(marker, everything, 0));
  assert.match(String((await short.heard.over())?.message), /hello is cut short/);
});

Deno.test("compress() compresses a batch of mux() calls as one, over TCP", async () => {
  const stats = new CompressionStats();
  const wire = (port: number) => chain(tcp({ port }), compress({ stats }), batch(), mux());
  const listener = await wire(0).listen((request) => request);
  const session = await wire(listener.addr.port!).dial();
  const call = async (i: number) => {
    const request = new TextEncoder().encode(JSON.stringify({ method: "orders.read", id: i, fields: ["name", "sum"] }));
    assert.deepEqual(await session.call(request), request);
  };
  for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 100 }, (_, i) => call(i)));
  assert.ok(stats.compressed >= 8, `${stats.compressed} batches were compressed`);
  assert.ok(stats.ratio > 2, `ratio ${stats.ratio}`);
  await session.close();
  await listener.shutdown();
});

Deno.test("compress() refuses options that make no sense", () => {
  for (const options of [{ level: 0 }, { level: 10 }, { thresholdBytes: 0 }, { format: "rar" as "gzip" }]) {
    assert.throws(() => compress(options), { code: "invalid-option" });
  }
});

Deno.test("the format, the level and the threshold of compress() are changed under a connection", async () => {
  const stats = new CompressionStats();
  const compressor = compress({ format: "none", stats });
  const { channel, peer, heard, wire } = await raw((transport) => chain(transport, compressor));
  await peer.send(peerHello());
  await peer.send("ready");
  await heard.count(1);
  const [settings] = adjustablesOf(compressor);
  const sent: string[] = [];
  const send = async (): Promise<void> => {
    await channel.send(json);
    await wire.until(() => wire.messages.length === sent.length + 2, "it has come");
    const last = wire.messages.at(-1) as Uint8Array;
    sent.push(last[0] === marker ? formats[last[2]] : "plain");
  };
  await send();
  for (const format of ["zstd", "lz4", "none", "gzip"]) {
    settings.adjust("format", format);
    await send();
  }
  const atOne = (wire.messages.at(-1) as Uint8Array).length;
  settings.adjust("level", 9);
  await send();
  assert.ok((wire.messages.at(-1) as Uint8Array).length < atOne);
  settings.adjust("thresholdBytes", json.length + 1);
  await send();
  assert.deepEqual(sent, ["plain", "zstd", "lz4", "plain", "gzip", "gzip", "plain"]);
  assert.deepEqual([stats.compressed, stats.plain, stats.plainBytes], [4, 3, 3 * json.length]);
  assert.throws(() => settings.adjust("format", "zip"), { code: "invalid-option" });
  assert.throws(() => settings.adjust("maxInflatedBytes", 5), { code: "invalid-option" });
  channel.abort(over);
});

Deno.test("compress() tries at once what another format may make smaller", async () => {
  const stats = new CompressionStats();
  const compressor = compress({ format: "lz4", thresholdBytes: 100, stats });
  const { channel, peer, heard } = await raw((transport) => chain(transport, compressor));
  await peer.send(peerHello());
  await peer.send("ready");
  await heard.count(1);
  for (let i = 0; i < 100; i++) await channel.send(new Random(3).bytes(500));
  assert.equal(stats.vain, 7);
  adjustablesOf(compressor)[0].adjust("format", "gzip");
  await channel.send(json);
  assert.equal(stats.compressed, 1);
  channel.abort(over);
});
