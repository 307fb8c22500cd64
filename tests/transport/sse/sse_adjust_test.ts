/**
 * The limits of sse(), changed under channels that are open: none is lost. The
 * sockets are real and the clock is moved by hand.
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
  type Listener,
  ManualClock,
  sse,
  type SseOptions,
  TransportError,
} from "../../../mod.ts";
import { Recorder, turn, until, within } from "../../support/channels.ts";

const second = 1000;

function limitsOf(transport: ChannelTransport): AdjustableStage {
  const [stage] = adjustablesOf(transport);
  assert.equal(stage.name, "sse");
  return stage;
}

/** A server, and what comes in on its channels. */
async function served(options: Partial<SseOptions> = {}, onMessage?: () => Promise<void>) {
  const transport = sse({ port: 0, ...options });
  const channels: Channel[] = [];
  const heard: Recorder[] = [];
  const listener: Listener = await transport.listen((channel) => {
    const recorder = new Recorder(onMessage);
    channels.push(channel);
    heard.push(recorder);
    channel.receive({
      message: (message) => recorder.message(message),
      end: () => void channel.close(),
      closed: (error) => recorder.closed(error),
    });
  });
  return { transport, limits: limitsOf(transport), listener, port: listener.addr.port!, channels, heard };
}

async function dialled(transport: ChannelTransport): Promise<{ channel: Channel; recorder: Recorder }> {
  const channel = await transport.dial();
  const recorder = new Recorder();
  channel.receive(recorder);
  return { channel, recorder };
}

Deno.test("an sse() refuses a wrong limit and changes nothing, and says what needs a restart", () => {
  const transport = sse({ port: 9, path: "/live" });
  const limits = limitsOf(transport);
  const before = limits.settings();
  for (
    const [name, value] of [
      ["maxBufferedBytes", 5],
      ["maxMessageBytes", 17 * 1024 * 1024],
      ["heartbeatMs", 0],
      ["maxChannels", 0.5],
      ["colour", 1],
    ] as const
  ) {
    assert.throws(() => limits.adjust(name, value), { code: "invalid-option" }, name);
  }
  for (const [name, value] of [["path", "/"], ["postTimeoutMs", 5], ["maxPostBytes", 2 ** 25], ["port", 1]] as const) {
    assert.throws(() => limits.adjust(name, value), { code: "unsupported" }, name);
  }
  assert.deepEqual(limits.settings(), before);
  limits.adjust("lingerMs", 500);
  assert.match(describe(transport), /lingerMs: 500.*path: "\/live"/);
});

Deno.test("the buffers of sse() are changed under a channel", async () => {
  const paused = Promise.withResolvers<void>();
  const { listener, port, heard } = await served({}, () => paused.promise);
  const near = sse({ port, highWaterBytes: 1_000_000 });
  const { channel, recorder } = await dialled(near);
  const piece = new Uint8Array(10_000);
  assert.equal(channel.send(piece), undefined);
  assert.equal(channel.send(piece), undefined);
  limitsOf(near).adjust("highWaterBytes", 5000);
  const room = channel.send(piece);
  assert.ok(room instanceof Promise);
  limitsOf(near).adjust("maxBufferedBytes", 6000);
  assert.throws(() => channel.send(piece), { code: "overloaded" });
  await heard[0].count(1);
  paused.resolve();
  await room;
  await heard[0].count(3);
  await channel.close();
  await Promise.all([recorder.over(), listener.close()]);
});

Deno.test("an sse() server takes as many channels, and as many sockets, as it is told to by then", async () => {
  const { listener, limits, port, heard } = await served({ maxChannels: 1 });
  const near = sse({ port });
  const first = await dialled(near);
  await assert.rejects(near.dial(), /the server answered 503/);
  limits.adjust("maxChannels", 2);
  const next = await dialled(near);
  limits.adjust("maxChannels", 3);
  limits.adjust("maxConnections", 1);
  await assert.rejects(near.dial(), TransportError);
  limits.adjust("maxConnections", 100);
  const last = await dialled(near);
  assert.equal(heard.length, 3);
  for (const { channel, recorder } of [first, next, last]) {
    await channel.close();
    await recorder.over();
  }
  await listener.close();
});

Deno.test("an open channel of sse() keeps the largest message that both ends know of, the next one has another", async () => {
  const { listener, limits, port, heard } = await served({ maxMessageBytes: 1000 });
  const near = sse({ port });
  const open = await dialled(near);
  limits.adjust("maxMessageBytes", 100);
  void open.channel.send(new Uint8Array(1000));
  await heard[0].count(1);
  assert.throws(() => open.channel.send(new Uint8Array(1001)), { code: "message-too-large" });
  const next = await dialled(near);
  assert.equal(next.channel.maxMessageBytes, 100);
  assert.throws(() => next.channel.send(new Uint8Array(101)), { code: "message-too-large" });
  void next.channel.send(new Uint8Array(100));
  await heard[1].count(1);
  limitsOf(near).adjust("maxMessageBytes", 50);
  assert.equal((await dialledAndClosed(near)).maxMessageBytes, 50);
  await Promise.all([open.channel.close(), next.channel.close()]);
  await Promise.all([open.recorder.over(), next.recorder.over()]);
  await listener.close();
});

Deno.test("an open channel keeps the heartbeat that its client knows of, the next one has another", async () => {
  const clock = new ManualClock();
  const { listener, limits, port, heard } = await served({ clock, heartbeatMs: 10 * second, resumeWindowMs: second });
  const first = await openedByHand(port);
  limits.adjust("heartbeatMs", 1000 * second);
  limits.adjust("livenessMs", 1000 * second);
  const next = await openedByHand(port);
  assert.deepEqual([first.terms.heartbeatMs, next.terms.heartbeatMs], [10 * second, 1000 * second]);
  for (let i = 0; i < 2; i++) await clock.advance(5 * second);
  await within(first.read(/\n:\n\n$|^:\n\n$/), "a sign of life");
  for (const { conn } of [first, next]) conn.close();
  await until(async () => {
    await clock.advance(second / 2);
    await turn();
    return heard.every(({ closes }) => closes === 1);
  }, "the end of both");
  await listener.close();
});

Deno.test("a channel may be resumed for as long as it was promised", async () => {
  const clock = new ManualClock();
  const { listener, limits, port, heard } = await served({
    clock,
    resumeWindowMs: 50 * second,
    heartbeatMs: 3600 * second,
  });
  const first = await openedByHand(port);
  limits.adjust("resumeWindowMs", 5 * second);
  const next = await openedByHand(port);
  assert.deepEqual([first.terms.resumeWindowMs, next.terms.resumeWindowMs], [50 * second, 5 * second]);
  for (const [{ conn }, recorder, ms] of [[first, heard[0], 50 * second], [next, heard[1], 5 * second]] as const) {
    const at = clock.now();
    conn.close();
    await until(async () => {
      await clock.advance(second / 2);
      await turn();
      return recorder.closes === 1;
    }, "the end of its window");
    assert.match(`${recorder.error?.message}`, new RegExp(`did not come back in ${ms} ms`));
    assert.ok(clock.now() - at >= ms, "not before that");
  }
  await listener.close();
});

Deno.test("a dial of sse() takes as long as it may by then", async () => {
  const clock = new ManualClock();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const near = sse({ port: silent.addr.port, clock });
  limitsOf(near).adjust("connectTimeoutMs", 3 * second);
  const rejected = assert.rejects(near.dial(), { code: "connect-timeout" });
  using _conn = await silent.accept();
  await turn();
  await clock.advance(3 * second);
  await rejected;
});

/** A channel that was opened by hand, and the terms that its client was told of. */
async function openedByHand(port: number) {
  const conn = await Deno.connect({ port });
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: here\r\nwireway-version: 1\r\n\r\n"));
  const bytes = new Uint8Array(4096);
  const read = async (what: RegExp): Promise<string> => {
    let text = "";
    while (!what.test(text)) {
      const count = await conn.read(bytes);
      if (count === null) throw new Error(`the stream has ended after ${text}`);
      // Without the lines that mark off the chunks of HTTP.
      text += new TextDecoder().decode(bytes.subarray(0, count)).replaceAll(/[^\n]*\r\n/g, "");
    }
    return text;
  };
  const [, terms] = /data: (.*)\n/.exec(await read(/data: .*\n\n/))!;
  return { conn, terms: JSON.parse(terms), read };
}

/** What a channel that is closed at once is like. */
async function dialledAndClosed(transport: ChannelTransport): Promise<Channel> {
  const { channel, recorder } = await dialled(transport);
  await channel.close();
  await recorder.over();
  return channel;
}
