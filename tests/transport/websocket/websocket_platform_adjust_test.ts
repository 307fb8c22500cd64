/**
 * The limits of platformWebSocket(), changed under connections that are open:
 * none is lost.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  type AdjustableStage,
  type Channel,
  type ChannelTransport,
  describe,
  ManualClock,
  platformWebSocket,
  type PlatformWebSocketOptions,
} from "../../../mod.ts";
import { Recorder, turn, until } from "../../support/channels.ts";
import { mountedServer, platformDialler } from "../../support/mounted.ts";

function limitsOf(transport: object): AdjustableStage {
  const [stage] = adjustablesOf(transport);
  assert.equal(stage.name, "platformWebSocket");
  return stage;
}

/** A mounted server with a client of it, and what comes in on its connections. */
async function served(options: PlatformWebSocketOptions = {}, own: PlatformWebSocketOptions = {}) {
  const server = mountedServer(options);
  const dialler = platformDialler();
  const heard: Recorder[] = [];
  const accepted: Channel[] = [];
  const listener = await server.transport.listen((channel) => {
    const recorder = new Recorder();
    heard.push(recorder);
    accepted.push(channel);
    channel.receive(recorder);
  });
  const near = dialler.dialTo(server.url, own);
  const end = async (): Promise<void> => {
    await listener.close();
    await server.end();
    await dialler.end();
  };
  return { near, own: limitsOf(near), far: limitsOf(server.transport), heard, accepted, listener, end };
}

async function dialled(transport: ChannelTransport): Promise<Channel> {
  const channel = await transport.dial();
  channel.receive(new Recorder());
  return channel;
}

Deno.test("a platformWebSocket() refuses wrong limits and changes nothing, and says what can't be changed", () => {
  const transport = platformWebSocket({ url: "ws://127.0.0.1/", heartbeatMs: 7000 });
  const limits = limitsOf(transport);
  const before = limits.settings();
  assert.deepEqual([before.heartbeatMs.value, before.heartbeatMs.live], [7000, true]);
  for (
    const [name, value] of [
      ["maxBufferedBytes", 5],
      ["heartbeatMs", 0],
      ["maxMessageBytes", 0],
      ["url", "ws://b/"],
      ["livenessMs", 5],
      ["frameTimeoutMs", 5],
    ] as const
  ) {
    assert.throws(() => limits.adjust(name, value), { code: "invalid-option" }, name);
  }
  assert.deepEqual(limits.settings(), before);
  limits.adjust("heartbeatMs", 9000);
  limits.adjust("lingerMs", 500);
  assert.match(describe(transport), /heartbeatMs: 9000, lingerMs: 500/);
});

Deno.test("a mounted server takes as many connections as it is told to by then", async () => {
  const { near, far, listener, end } = await served({ maxConnections: 1 });
  const first = await dialled(near);
  await assert.rejects(near.dial(), { code: "connect-failed" });
  far.adjust("maxConnections", 2);
  const next = await dialled(near);
  await until(() => listener.counters.connectionsOpen === 2, "both");
  await Promise.all([first.close(), next.close()]);
  await end();
});

Deno.test("an open connection keeps the sizes that its peer reckons with, the next one has others", async () => {
  const { near, own, far, heard, accepted, end } = await served({ maxMessageBytes: 1000, maxBufferedBytes: 300_000 });
  const open = await dialled(near);
  await until(() => heard.length === 1, "the first");
  far.adjust("maxMessageBytes", 100);
  far.adjust("maxBufferedBytes", 400_000);
  void open.send(new Uint8Array(1000));
  await heard[0].count(1);
  own.adjust("maxMessageBytes", 200);
  const next = await dialled(near);
  await until(() => heard.length === 2, "the second");
  assert.deepEqual(accepted.map(({ maxMessageBytes }) => maxMessageBytes), [1000, 100]);
  assert.deepEqual(accepted.map(({ receiveLimitBytes }) => receiveLimitBytes), [300_000, 400_000]);
  assert.throws(() => next.send(new Uint8Array(201)), { code: "message-too-large" });
  void next.send(new Uint8Array(150));
  assert.equal((await heard[1].over())?.code, "message-too-large");
  void open.send(new Uint8Array(1000));
  await heard[0].count(2);
  await open.close();
  await end();
});

/** A channel on a socket that the test plays, and what can be changed of it. */
async function scripted(options: PlatformWebSocketOptions = {}) {
  const sent: unknown[] = [];
  const socket = Object.assign(new EventTarget(), {
    binaryType: "blob",
    protocol: "",
    readyState: 0,
    bufferedAmount: 0,
    send: (message: Uint8Array) => {
      sent.push(message);
      socket.bufferedAmount += message.length;
    },
    close: () => {},
  });
  const clock = new ManualClock();
  const createWebSocket = (): WebSocket => socket as unknown as WebSocket;
  const transport = platformWebSocket({ url: "ws://a/", clock, ...options, createWebSocket });
  const dial = transport.dial();
  socket.dispatchEvent(new Event("open"));
  const channel = await dial;
  const recorder = new Recorder();
  channel.receive(recorder);
  const tell = (type: string, fields: object): void =>
    void socket.dispatchEvent(Object.assign(new Event(type), fields));
  return { clock, transport, channel, recorder, limits: limitsOf(transport), tell };
}

Deno.test("the buffers of platformWebSocket() are changed under a connection", async () => {
  const { channel, limits, tell, recorder } = await scripted({ highWaterBytes: 100_000 });
  assert.equal(channel.send(new Uint8Array(2000)), undefined);
  limits.adjust("highWaterBytes", 1000);
  assert.ok(channel.send(new Uint8Array(10)) instanceof Promise);
  limits.adjust("maxBufferedBytes", 2000);
  assert.throws(() => channel.send(new Uint8Array(10)), { code: "overloaded" });
  tell("close", { code: 1000, reason: "" });
  await recorder.until(() => recorder.ends === 1, "the peer's end");
});

Deno.test("small messages that were sent long ago fill no buffer that has become smaller since", async () => {
  const { channel, clock, limits, tell, recorder } = await scripted({ highWaterBytes: 100_000 });
  for (let i = 0; i < 200; i++) assert.equal(channel.send(""), undefined);
  limits.adjust("highWaterBytes", 1000);
  limits.adjust("maxBufferedBytes", 2000);
  // Whether the platform has sent them is not known before it is asked.
  assert.throws(() => channel.send(""), { code: "overloaded" });
  await clock.advance(1);
  assert.equal(channel.send(""), undefined);
  tell("close", { code: 1000, reason: "" });
  await recorder.until(() => recorder.ends === 1, "the peer's end");
});

Deno.test("a connection of the platform's that was never idle too long is so by a limit that it is given while it is open", async () => {
  const { clock, limits, tell, recorder } = await scripted();
  await clock.advance(100_000);
  limits.adjust("idleTimeoutMs", 5000);
  tell("message", { data: "a" });
  await clock.advance(4000);
  assert.equal(recorder.closes, 0);
  await clock.advance(1000);
  assert.match(`${(await recorder.over())?.message}`, /5000 ms/);
});

Deno.test("a dial of platformWebSocket() takes as long as it may by then", async () => {
  const clock = new ManualClock();
  const closed = Object.assign(new EventTarget(), {
    readyState: 0,
    binaryType: "",
    close: () => {
      closed.readyState = 3;
      closed.dispatchEvent(Object.assign(new Event("close"), { code: 1006, reason: "" }));
    },
  });
  const transport = platformWebSocket({ url: "ws://a/", clock, createWebSocket: () => closed as unknown as WebSocket });
  limitsOf(transport).adjust("connectTimeoutMs", 3000);
  const rejected = assert.rejects(transport.dial(), { code: "connect-timeout" });
  await turn();
  await clock.advance(3000);
  await rejected;
});

Deno.test("the server of a mounted platformWebSocket() is told of the heartbeat that holds by then", async () => {
  const told: (number | undefined)[] = [];
  const upgrade = Deno.upgradeWebSocket;
  Deno.upgradeWebSocket = (request, options) => {
    told.push(options?.idleTimeout);
    return upgrade(request, options);
  };
  try {
    const { near, far, end } = await served({ heartbeatMs: 20_000 });
    const first = await dialled(near);
    far.adjust("heartbeatMs", 60_000);
    const next = await dialled(near);
    assert.equal(told[1], 3 * told[0]!);
    await Promise.all([first.close(), next.close()]);
    await end();
  } finally {
    Deno.upgradeWebSocket = upgrade;
  }
});
