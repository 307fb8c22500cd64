/**
 * The limits of mountedSse() and sseClient(), changed under channels that are
 * open: none is lost.
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
  mountedSse,
  type SseChannelOptions,
  sseClient,
} from "../../../mod.ts";
import { Recorder, turn } from "../../support/channels.ts";
import { servedSse } from "./_mounted_sse.ts";

function limitsOf(transport: object, name: string): AdjustableStage {
  const [stage] = adjustablesOf(transport);
  assert.equal(stage.name, name);
  return stage;
}

/** A mounted server with a client of it, and what comes in on its channels. */
async function served(options: SseChannelOptions = {}, onMessage?: () => Promise<void>) {
  const { mounted, port, through, end } = servedSse(options);
  const heard: Recorder[] = [];
  const listener = await mounted.listen((channel) => {
    const recorder = new Recorder(onMessage);
    heard.push(recorder);
    channel.receive({
      message: (message) => recorder.message(message),
      end: () => void channel.close(),
      closed: (error) => recorder.closed(error),
    });
  });
  const near = through(port);
  const close = async (...channels: { channel: Channel; recorder: Recorder }[]): Promise<void> => {
    for (const { channel, recorder } of channels) {
      await channel.close();
      await recorder.over();
    }
    await listener.close();
    await end();
  };
  return { far: limitsOf(mounted, "mountedSse"), near, own: limitsOf(near, "sseClient"), heard, close };
}

async function dialled(transport: ChannelTransport): Promise<{ channel: Channel; recorder: Recorder }> {
  const channel = await transport.dial();
  const recorder = new Recorder();
  channel.receive(recorder);
  return { channel, recorder };
}

Deno.test("mountedSse() and sseClient() refuse wrong limits and change nothing, and say what needs a restart", () => {
  for (
    const [name, transport] of [
      ["mountedSse", mountedSse()],
      ["sseClient", sseClient({ url: "http://127.0.0.1/live" })],
    ] as const
  ) {
    const limits = limitsOf(transport, name);
    const before = limits.settings();
    for (const [setting, value] of [["maxBufferedBytes", 5], ["maxMessageBytes", 2 ** 25], ["lingerMs", -1]] as const) {
      assert.throws(() => limits.adjust(setting, value), {
        code: "invalid-option",
        message: new RegExp(`${name}\\(\\)`),
      });
    }
    for (const [setting, value] of [["postTimeoutMs", 5], ["maxPostBytes", 2 ** 25]] as const) {
      assert.throws(() => limits.adjust(setting, value), { code: "unsupported" });
    }
    assert.deepEqual(limits.settings(), before);
    limits.adjust("lingerMs", 700);
    assert.match(describe(transport), /lingerMs: 700/);
  }
});

Deno.test("a mounted server takes as many channels as it is told to by then", async () => {
  const { near, far, heard, close } = await served({ maxChannels: 1 });
  const first = await dialled(near);
  await assert.rejects(near.dial(), /the server answered 503/);
  far.adjust("maxChannels", 2);
  const next = await dialled(near);
  assert.equal(heard.length, 2);
  await close(first, next);
});

Deno.test("an open channel of a mounted server keeps the terms that its client was told of, the next one has others", async () => {
  const { near, own, far, heard, close } = await served({ maxMessageBytes: 1000 });
  const open = await dialled(near);
  far.adjust("maxMessageBytes", 100);
  void open.channel.send(new Uint8Array(1000));
  await heard[0].count(1);
  const next = await dialled(near);
  assert.equal(next.channel.maxMessageBytes, 100);
  own.adjust("maxMessageBytes", 50);
  const last = await dialled(near);
  assert.deepEqual([open, next, last].map(({ channel }) => channel.maxMessageBytes), [1000, 100, 50]);
  void last.channel.send(new Uint8Array(50));
  await heard[2].count(1);
  await close(open, next, last);
});

Deno.test("the buffers of sseClient() are changed under a channel", async () => {
  const paused = Promise.withResolvers<void>();
  const { near, own, heard, close } = await served({ highWaterBytes: 1_000_000 }, () => paused.promise);
  const open = await dialled(near);
  const piece = new Uint8Array(10_000);
  assert.equal(open.channel.send(piece), undefined);
  own.adjust("highWaterBytes", 5000);
  const room = open.channel.send(piece);
  assert.ok(room instanceof Promise);
  own.adjust("maxBufferedBytes", 6000);
  assert.throws(() => open.channel.send(piece), { code: "overloaded" });
  await heard[0].count(1);
  paused.resolve();
  await room;
  await heard[0].count(2);
  await close(open);
});

Deno.test("a dial of sseClient() takes as long as it may by then", async () => {
  const clock = new ManualClock();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = Deno.createHttpClient({});
  const url = `http://127.0.0.1:${silent.addr.port}/`;
  const near = sseClient({ url, clock, fetchOptions: { client } as RequestInit });
  limitsOf(near, "sseClient").adjust("connectTimeoutMs", 3000);
  const rejected = assert.rejects(near.dial(), { code: "connect-timeout" });
  using _conn = await silent.accept();
  await turn();
  await clock.advance(3000);
  await rejected;
});
