/**
 * websocket() and a peer that asks for more than it reads.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, type Message, TransportError, websocket } from "../../../mod.ts";
import { encode, FrameReader, ping, shown } from "../../autobahn/_wire.ts";
import { Recorder, until, within } from "../../support/channels.ts";
import { readAll } from "../_echo.ts";
import { openRaw, upgradeLines } from "./_websocket_raw.ts";

const limits = { highWaterBytes: 256 * 1024, maxBufferedBytes: 1024 * 1024 };
Deno.test("websockets/ws#2263: a peer that sends pings and never reads fills a bounded buffer, and harms nobody", async () => {
  const channels: Channel[] = [];
  const listener = await websocket({ port: 0, ...limits }).listen((channel) => {
    channels.push(channel);
    const message = (message: Message): void | Promise<void> => channel.send(message);
    channel.receive({ message, end: () => void channel.close(), closed: () => {} });
  });
  const port = listener.addr.port!;
  const rude = await openRaw(port, upgradeLines);
  const pings = encode(Array.from({ length: 1000 }, () => ping(new Uint8Array(125))), true);
  let most = 0;
  const flood = (async () => {
    for (;;) for (let sent = 0; sent < pings.length;) sent += await rude.write(pings.subarray(sent));
  })().catch(() => {});
  // The system's own buffers take pongs first.
  await until(() => {
    most = Math.max(most, channels[0]?.bufferedBytes ?? 0);
    return most >= limits.maxBufferedBytes;
  }, "a full buffer");

  const good = await websocket({ port }).dial();
  const recorder = new Recorder();
  good.receive(recorder);
  good.send("still there?");
  await recorder.count(1);
  await good.close();
  assert.ok(channels[0].bufferedBytes <= limits.maxBufferedBytes + 1024, `${channels[0].bufferedBytes} bytes wait`);

  channels[0].abort(new TransportError("cancelled", "Test over"));
  await flood;
  rude.close();
  await listener.close();
  await until(() => listener.counters.connectionsOpen === 0, "no connection left open");
});

Deno.test("a farewell goes out to a peer whose buffer is full, once it reads", async () => {
  const channels: Channel[] = [];
  const server = new Recorder();
  const listener = await websocket({ port: 0, ...limits, lingerMs: 20_000 }).listen((channel) => {
    channels.push(channel);
    channel.receive(server);
  });
  const conn = await openRaw(listener.addr.port!, upgradeLines);
  await until(() => channels.length > 0, "the channel");
  const [channel] = channels;
  // Full to the last byte that is taken.
  assert.throws(() => {
    for (let i = 0; i < 100_000; i++) channel.send(new Uint8Array(4000));
  }, { code: "overloaded" });
  await conn.write(encode([{ first: 0xf1, payload: new Uint8Array(0) }], true));
  const received = await within(readAll(conn), "the end");
  const headBytes = new TextDecoder("latin1").decode(received.subarray(0, 500)).indexOf("\r\n\r\n") + 4;
  const frames = new FrameReader(false).push(received.subarray(headBytes)).map(shown);
  assert.equal(frames.at(-1), "close 1002");
  conn.close();
  assert.equal((await server.over())?.details?.closeCode, 1002);
  await listener.close();
});
