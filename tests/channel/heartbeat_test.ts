/**
 * heartbeat(): who is gone is found out, and who is not is left alone.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  chain,
  deadlinesOf,
  heartbeat,
  type HeartbeatOptions,
  ManualClock,
  memory,
  mux,
  tcp,
  TransportError,
} from "../../mod.ts";
import { faultProxy } from "../support/fault_proxy.ts";
import { join, part, Recorder, within } from "../support/channels.ts";
import { hello, hex, raw } from "./_raw.ts";

const marker = 0xff;
const probe = "ff 02";

function watched(clock: ManualClock, options: HeartbeatOptions = {}) {
  return raw((transport) => chain(transport, heartbeat({ heartbeatMs: 1000, livenessMs: 300, clock, ...options })));
}

Deno.test("heartbeat() asks a silent peer for a sign of life, and ends the connection where none comes", async () => {
  const clock = new ManualClock();
  const { heard, peer, wire } = await watched(clock);
  await wire.count(1);
  assert.equal(hex(wire.messages[0]), "ff 01 77 77 01 01");
  await peer.send(hello(marker));
  await clock.advance(999);
  assert.equal(wire.messages.length, 1);
  await clock.advance(1);
  assert.deepEqual(wire.messages.slice(1).map(hex), [probe]);
  await clock.advance(299);
  assert.equal(heard.closes, 0);
  await clock.advance(1);
  assert.equal(heard.error?.code, "connection-lost");
  assert.match(String(heard.error?.message), /no sign of life within 300 ms/);
  assert.equal(deadlinesOf(clock).size, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("heartbeat() takes anything that comes for a sign of life", async () => {
  const clock = new ManualClock();
  const { channel, heard, peer, wire } = await watched(clock);
  const signs = [hello(marker), Uint8Array.of(marker, 3), Uint8Array.of(marker, 2), "text", new Uint8Array(0)];
  for (const sign of signs) {
    await peer.send(sign);
    await clock.advance(1200);
    assert.equal(heard.closes, 0);
  }
  assert.equal(wire.messages.filter((message) => hex(message) === probe).length, signs.length);
  assert.deepEqual(heard.messages, ["text", new Uint8Array(0)]);
  channel.abort(new TransportError("cancelled", "Test over"));
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("grpc/grpc#28830: heartbeat() sends nothing while the peer does, and nothing but two bytes a probe otherwise", async () => {
  const clock = new ManualClock();
  const transport = chain(memory(), heartbeat({ heartbeatMs: 1000, livenessMs: 300, clock }));
  const pair = await join(transport);
  const [near, far] = [new Recorder(), new Recorder()];
  pair.near.receive(near);
  pair.far.receive(far);
  for (let i = 0; i < 10; i++) {
    await clock.advance(900);
    await pair.near.send("still here");
    await pair.far.send("so am I");
  }
  await Promise.all([near.count(10), far.count(10)]);
  // A message and its overhead, and the hello of six bytes.
  assert.equal(pair.listener.counters.bytesIn, 10 * "still here".length + 6);
  const before = pair.listener.counters.bytesIn;
  await clock.advance(10_000);
  const bytes = pair.listener.counters.bytesIn - before;
  assert.ok(bytes >= 16 && bytes <= 40, `${bytes} bytes in ten idle heartbeats`);
  assert.equal(pair.listener.counters.messagesIn, 10, "probes are no messages");
  assert.deepEqual([near.closes, far.closes], [0, 0]);
  await part(pair, near, far);
});

Deno.test("heartbeat() does not judge a peer that its own receiver holds back", async () => {
  const clock = new ManualClock();
  const gate = Promise.withResolvers<void>();
  const { channel, heard, peer, wire } = await raw(
    (transport) => chain(transport, heartbeat({ heartbeatMs: 1000, livenessMs: 300, clock })),
    { onMessage: () => gate.promise },
  );
  await peer.send(hello(marker));
  await peer.send("pause at this");
  await heard.count(1);
  await clock.advance(60_000);
  assert.equal(heard.closes, 0);
  gate.resolve();
  await clock.advance(1000);
  assert.equal(wire.messages.filter((message) => hex(message) === probe).length, 1);
  await clock.advance(300);
  assert.equal(heard.error?.code, "connection-lost");
  await channel.close();
});

Deno.test("heartbeat() does not judge a peer before anybody receives", async () => {
  const clock = new ManualClock();
  const { channel, heard, peer } = await raw(
    (transport) => chain(transport, heartbeat({ heartbeatMs: 1000, livenessMs: 300, clock })),
    { receives: false },
  );
  await peer.send(hello(marker));
  await clock.advance(60_000);
  channel.receive(heard);
  assert.equal(heard.closes, 0);
  await clock.advance(1300);
  assert.equal(heard.error?.code, "connection-lost");
});

Deno.test("heartbeat() stops asking once either end has ended", async () => {
  for (const ends of ["own", "peer"] as const) {
    const clock = new ManualClock();
    const { channel, heard, peer, wire } = await watched(clock);
    await peer.send(hello(marker));
    const ending = ends === "own" ? channel.close() : peer.close();
    await clock.advance(60_000);
    assert.deepEqual(wire.messages.map(hex), ["ff 01 77 77 01 01"]);
    assert.equal(heard.closes, 0);
    assert.equal(deadlinesOf(clock).size, 0);
    await within(Promise.all([ending, channel.close(), peer.close()]), "the end");
    assert.equal(heard.error, undefined);
  }
});

Deno.test("heartbeat() only answers where its own time is Infinity", async () => {
  const clock = new ManualClock();
  const { channel, peer, wire } = await watched(clock, { heartbeatMs: Infinity });
  assert.equal(deadlinesOf(clock).size, 0);
  await peer.send(hello(marker));
  await peer.send(Uint8Array.of(marker, 2));
  await wire.count(2);
  assert.equal(hex(wire.messages[1]), "ff 03");
  channel.abort(new TransportError("cancelled", "Test over"));
});

Deno.test("heartbeat() gives no answers to a peer that asks without reading", async () => {
  const clock = new ManualClock();
  const accepted = Promise.withResolvers<import("../../mod.ts").Channel>();
  const transport = memory();
  const listener = await transport.listen(accepted.resolve);
  const channel = await chain(transport, heartbeat({ clock })).dial();
  const heard = new Recorder();
  channel.receive(heard);
  const peer = await accepted.promise;
  await peer.send(hello(marker));
  void channel.send("so that what is buffered counts");
  for (let i = 0; i < 100_000; i++) await peer.send(Uint8Array.of(marker, 2));
  assert.ok(channel.bufferedBytes < 70_000, `${channel.bufferedBytes} bytes of answers`);
  assert.equal(heard.closes, 0);
  channel.abort(new TransportError("cancelled", "Test over"));
  await listener.close();
});

Deno.test("heartbeat() finds a black hole between two sockets, and mux() fails its calls", async () => {
  const clock = new ManualClock();
  const settings = { heartbeatMs: 1000, livenessMs: 300, clock };
  const listener = await chain(tcp({ port: 0 }), heartbeat(settings), mux()).listen(() => new Promise(() => {}));
  const proxy = await faultProxy({ upstreamPort: listener.addr.port! });
  const session = await chain(tcp({ port: proxy.port }), heartbeat(settings), mux()).dial();
  const lost = assert.rejects(session.call(new Uint8Array(3)), { code: "connection-lost" });
  await clock.advance(900);
  proxy.pause();
  await clock.advance(1000);
  await clock.advance(1300);
  await lost;
  assert.match(String((await session.finished)?.message), /no sign of life/);
  await proxy[Symbol.asyncDispose]();
  await listener.shutdown();
});

Deno.test("heartbeat() refuses times that are none", () => {
  assert.throws(() => heartbeat({ heartbeatMs: 0 }), { code: "invalid-option" });
  assert.throws(() => heartbeat({ livenessMs: -1 }), { code: "invalid-option" });
});
