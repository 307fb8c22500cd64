/**
 * The limits of websocket(), changed under connections that are open: none is
 * dropped. The sockets are real and the clock is moved by hand.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  type AdjustableStage,
  chain,
  type Channel,
  type ChannelTransport,
  describe,
  linkStats,
  type Listener,
  ManualClock,
  type Receiver,
  report,
  TransportError,
  websocket,
  type WebSocketOptions,
} from "../../../mod.ts";
import { encode, text } from "../../autobahn/_wire.ts";
import { Recorder, turn, until } from "../../support/channels.ts";
import { faultProxy } from "../../support/fault_proxy.ts";
import { upgradeLines } from "./_websocket_raw.ts";

const second = 1000;

function limitsOf(transport: ChannelTransport): AdjustableStage {
  const [stage] = adjustablesOf(transport);
  assert.equal(stage.name, "websocket");
  return stage;
}

/** Listens; a channel ends where its peer does. */
function listening(transport: ChannelTransport, receiverOf: (channel: Channel) => Receiver): Promise<Listener> {
  return transport.listen((channel) => {
    const receiver = receiverOf(channel);
    channel.receive({
      message: (message) => receiver.message(message),
      end: () => void channel.close(),
      closed: (error) => receiver.closed(error),
    });
  });
}

/** Both ends of a connection, of which the near one goes by a clock that is moved by hand. */
async function joined(options: Partial<WebSocketOptions> = {}) {
  const clock = new ManualClock();
  let accepted: Channel;
  const far = new Recorder((message) => accepted.send(message));
  const listener = await listening(websocket({ port: 0 }), (channel) => {
    accepted = channel;
    return far;
  });
  const proxy = await faultProxy({ upstreamPort: listener.addr.port! });
  const transport = websocket({ port: proxy.port, clock, ...options });
  const channel = await transport.dial();
  const near = new Recorder();
  channel.receive(near);
  const echo = async (): Promise<void> => {
    const messages = near.messages.length;
    channel.send("hello");
    await near.count(messages + 1);
  };
  const end = async (): Promise<void> => {
    await Promise.all([channel.close(), near.over(), far.over(), listener.close()]);
    await proxy[Symbol.asyncDispose]();
  };
  return { clock, listener, proxy, limits: limitsOf(transport), channel, near, far, echo, end };
}

Deno.test("a websocket() refuses a wrong limit and changes nothing, and says what needs a restart", () => {
  const limits = limitsOf(websocket({ port: 9, path: "/live", compression: true }));
  const before = limits.settings();
  for (
    const [name, value] of [
      ["maxBufferedBytes", 5],
      ["heartbeatMs", 0],
      ["maxMessageBytes", 0],
      ["thresholdBytes", -1],
      ["colour", 1],
    ] as const
  ) {
    assert.throws(() => limits.adjust(name, value), { code: "invalid-option" }, name);
  }
  for (const [name, value] of [["path", "/"], ["compression", false], ["backlog", 5], ["port", 10]] as const) {
    assert.throws(() => limits.adjust(name, value), { code: "unsupported" }, name);
  }
  assert.deepEqual(limits.settings(), before);
  assert.deepEqual([before.path.value, before.compression.value, before.heartbeatMs.value], ["/live", true, 30_000]);
});

Deno.test("the buffers of websocket() are changed under a connection, as a report recommends", async () => {
  const transport = websocket({ port: 0, highWaterBytes: 65_536 });
  const listener = await listening(transport, () => new Recorder(() => paused.promise));
  const paused = Promise.withResolvers<void>();
  const near = websocket({ port: listener.addr.port!, highWaterBytes: 16 * 1024 * 1024 });
  const channel = await near.dial();
  const recorder = new Recorder();
  channel.receive(recorder);
  await until(() => listener.counters.connectionsOpen === 1, "the connection");
  const stats = linkStats(transport);
  const wan = { stats, roundTripMs: 40, bandwidthBitsPerSecond: 1e9, adjustable: limitsOf(transport) };
  const clock = new ManualClock();
  const performance = report({ links: { wan }, clock });
  await clock.advance(60 * second);
  const { applied } = performance.apply();
  assert.deepEqual(applied.map(({ target, setting, to }) => [target, setting, to]), [[
    "wan",
    "highWaterBytes",
    2 ** 23,
  ]]);
  assert.equal(limitsOf(transport).settings().highWaterBytes.value, 2 ** 23);

  const piece = new Uint8Array(64 * 1024);
  await until(() => {
    for (let i = 0; i < 64; i++) void channel.send(piece);
    return channel.bufferedBytes > 4 * piece.length;
  }, "nothing waits");
  assert.equal(channel.send(piece), undefined);
  const limits = limitsOf(near);
  limits.adjust("highWaterBytes", 1024);
  const room = channel.send(piece);
  assert.ok(room instanceof Promise);
  limits.adjust("maxBufferedBytes", 2048);
  assert.throws(() => channel.send(piece), { code: "overloaded" });
  assert.match(describe(near), /highWaterBytes: 1024.*maxBufferedBytes: 2048/);
  paused.resolve();
  await room;
  await channel.close();
  await recorder.over();
  await listener.close();
});

Deno.test("a websocket() listener takes as many connections as it is told to by then", async () => {
  const transport = websocket({ port: 0, maxConnections: 1 });
  const listener = await listening(transport, () => new Recorder());
  const near = websocket({ port: listener.addr.port! });
  const first = await near.dial();
  await assert.rejects(near.dial(), TransportError);
  limitsOf(transport).adjust("maxConnections", 2);
  const second = await near.dial();
  assert.equal(listener.counters.connectionsOpen, 2);
  for (const channel of [first, second]) channel.abort(new TransportError("closed", "Connection closed: test"));
  await until(() => listener.counters.connectionsOpen === 0, "connections are left");
  await listener.close();
});

Deno.test("an open connection keeps the largest message that its peer knows of, the next one has another", async () => {
  const far = websocket({ port: 0, maxMessageBytes: 1000 });
  const heard: Recorder[] = [];
  const listener = await listening(far, () => heard[heard.push(new Recorder()) - 1]);
  const near = websocket({ port: listener.addr.port!, maxMessageBytes: 1000 });
  const open = await near.dial();
  open.receive(new Recorder());
  await until(() => heard.length === 1, "the first connection");
  limitsOf(near).adjust("maxMessageBytes", 100);
  limitsOf(far).adjust("maxMessageBytes", 50);
  void open.send(new Uint8Array(1000));
  await heard[0].count(1);
  assert.equal(open.maxMessageBytes, 1000);
  assert.throws(() => open.send(new Uint8Array(1001)), { code: "message-too-large" });

  const next = await near.dial();
  next.receive(new Recorder());
  await until(() => heard.length === 2, "the second connection");
  assert.equal(next.maxMessageBytes, 100);
  assert.throws(() => next.send(new Uint8Array(101)), { code: "message-too-large" });
  void next.send(new Uint8Array(51));
  assert.equal((await heard[1].over())?.code, "message-too-large");
  void open.send(new Uint8Array(1000));
  await heard[0].count(2);
  await Promise.all([open.close(), next.close(), heard[0].over()]);
  await listener.close();
});

Deno.test("messages of a size are compressed or not on an open connection, as it is told now", async () => {
  const heard = new Recorder();
  const listener = await listening(websocket({ port: 0, compression: true }), () => heard);
  const near = websocket({ port: listener.addr.port!, compression: true, thresholdBytes: 100_000 });
  const channel = await near.dial();
  channel.receive(new Recorder());
  const message = "the same words ".repeat(1000);
  const sent = async (): Promise<number> => {
    const before = listener.counters.bytesIn;
    void channel.send(message);
    await heard.count(heard.messages.length + 1);
    return listener.counters.bytesIn - before;
  };
  assert.ok(await sent() > message.length);
  limitsOf(near).adjust("thresholdBytes", 1000);
  assert.ok(await sent() < message.length / 10);
  limitsOf(near).adjust("thresholdBytes", 100_000);
  assert.ok(await sent() > message.length);
  assert.deepEqual(heard.messages, [message, message, message]);
  await Promise.all([channel.close(), heard.over()]);
  await listener.close();
});

Deno.test("an open connection is asked for a sign of life as often as it is told now, and never lost unasked", async () => {
  const { clock, listener, proxy, limits, channel, near, echo, far } = await joined({ heartbeatMs: 100 * second });
  await echo();
  await clock.advance(90 * second);
  // By these limits it would have been lost for long.
  limits.adjust("heartbeatMs", 5 * second);
  limits.adjust("livenessMs", 2 * second);
  const pinged = async (ms: number): Promise<void> => {
    const before = listener.counters.bytesOut;
    await clock.advance(ms);
    await until(() => listener.counters.bytesOut > before, "the answer to a ping");
    await turn();
  };
  await pinged(10 * second);
  for (let i = 0; i < 3; i++) await pinged(5 * second);
  assert.equal(near.closes, 0);
  proxy.pause();
  await clock.advance(5 * second);
  await clock.advance(2 * second - 1);
  assert.equal(near.closes, 0);
  await clock.advance(1);
  const error = await near.over();
  assert.match(`${error?.message}`, /gave no sign of life within 2000 ms$/);
  proxy.cutAll("reset");
  await Promise.all([channel.close(), far.over(), listener.close()]);
  await proxy[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});

Deno.test("a connection that had no limit on its silence gets one with its next message, and counts from there", async () => {
  const { clock, limits, near, far, channel, listener, proxy, echo } = await joined({
    heartbeatMs: Infinity,
    frameTimeoutMs: 70 * second,
  });
  await echo();
  await clock.advance(1000 * second);
  limits.adjust("idleTimeoutMs", 10 * second);
  await clock.advance(100 * second);
  assert.equal(near.closes, 0, "nobody knows for how long it was silent");
  await echo();
  await clock.advance(10 * second - 1);
  assert.equal(near.closes, 0);
  await clock.advance(1);
  assert.match(`${(await near.over())?.message}`, /nothing came from .* for 10000 ms$/);
  await Promise.all([channel.close(), far.over(), listener.close()]);
  await proxy[Symbol.asyncDispose]();
});

Deno.test("a limit on silence that was taken away and given back counts from what came since", async () => {
  const { clock, limits, near, echo, end } = await joined({ heartbeatMs: Infinity, idleTimeoutMs: 30 * second });
  await echo();
  await clock.advance(10 * second);
  limits.adjust("idleTimeoutMs", Infinity);
  await echo();
  limits.adjust("idleTimeoutMs", 25 * second);
  await clock.advance(20 * second);
  await clock.advance(20 * second);
  assert.equal(near.closes, 0, "when it spoke last was not noted");
  await end();
});

Deno.test("a frame that is begun on an open connection must be whole in the time that holds by then", async () => {
  const clock = new ManualClock();
  const transport = websocket({ port: 0, clock });
  const heard = new Recorder();
  const listener = await listening(transport, () => heard);
  using conn = await Deno.connect({ port: listener.addr.port! });
  await conn.write(new TextEncoder().encode(`${upgradeLines.join("\r\n")}\r\n\r\n`));
  await until(() => listener.counters.connectionsOpen === 1, "the connection");
  limitsOf(transport).adjust("frameTimeoutMs", 5 * second);
  await conn.write(encode([text("hello")], true).subarray(0, 8));
  await until(() => listener.counters.bytesIn > 0, "the piece");
  await turn();
  await clock.advance(5 * second);
  assert.match(`${(await heard.over())?.message}`, /did not finish it within 5000 ms$/);
  await listener.close();
});

Deno.test("a dial takes as long as it may by then", async () => {
  const clock = new ManualClock();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const transport = websocket({ port: listener.addr.port, clock });
  adjustablesOf(chain(transport))[0].adjust("connectTimeoutMs", 3 * second);
  const rejected = assert.rejects(transport.dial(), { code: "connect-timeout" });
  using _conn = await listener.accept();
  await turn();
  await clock.advance(3 * second);
  await rejected;
});
