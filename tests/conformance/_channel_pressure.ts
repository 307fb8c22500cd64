/**
 * Conformance of channels: a peer that does not read stops who sends to it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, TransportError } from "../../mod.ts";
import { bytesOf, join, numbered, part, Recorder, sameBytes, turn, until, untilStill } from "../support/channels.ts";
import type { ChannelCapabilities, ConformanceTest } from "./channel_suite.ts";

const messageBytes = 60_000;

/** More than the buffers of two sockets hold on loopback. */
const messageCount = 1000;

/** A receiver that pauses at its first message until it is told to go on. */
function paused(): { recorder: Recorder; resume(): void } {
  const gate = Promise.withResolvers<void>();
  return { recorder: new Recorder(() => gate.promise), resume: gate.resolve };
}

function checkAll(recorder: Recorder, count: number, size: number): void {
  assert.equal(recorder.messages.length, count);
  recorder.messages.forEach((message, i) => sameBytes(bytesOf(message), numbered(i, size), `message ${i}`));
}

/** Sends until all is sent or the channel is over. */
async function sendUntilStopped(channel: Channel): Promise<{ sent: number; mostBuffered: number }> {
  let mostBuffered = 0;
  for (let sent = 0; sent < messageCount; sent++) {
    try {
      const room = channel.send(numbered(sent, messageBytes));
      mostBuffered = Math.max(mostBuffered, channel.bufferedBytes);
      await room;
    } catch (error) {
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "closed");
      return { sent, mostBuffered };
    }
    // A sender that never waits gives the connection no turn to say that it is over.
    if (sent % 10 === 0) await turn();
  }
  return { sent: messageCount, mostBuffered };
}

/** What a receiver that pauses does to a peer that waits wherever it is asked to. */
function pausingTests(test: ConformanceTest, stopsPeer: boolean): void {
  const limits = { highWaterBytes: 200_000, maxMessageBytes: 1_000_000, maxBufferedBytes: 5_000_000 };
  if (!stopsPeer) {
    const behaviour = "ends with `overloaded` where more waits for a receiver that pauses than is allowed";
    return test(behaviour, limits, async (transport) => {
      const pair = await join(transport);
      assert.equal(pair.far.receiveLimitBytes, 5_000_000);
      const near = new Recorder();
      const { recorder: far, resume } = paused();
      pair.near.receive(near);
      pair.far.receive(far);
      const { sent, mostBuffered } = await sendUntilStopped(pair.near);
      assert.ok(sent < messageCount, "the sender was not stopped");
      assert.ok(mostBuffered < 200_000 + 2 * messageBytes, `${mostBuffered} bytes were buffered`);
      const error = await far.over();
      assert.equal(error?.code, "overloaded");
      assert.equal(far.messages.length, 1, "a paused receiver gets nothing");
      await near.until(() => near.ends + near.closes > 0, "the peer's end");
      resume();
      await part(pair, near, far);
    });
  }
  const needs = { highWaterBytes: 200_000, countsBytes: true } as const;
  test("stops a sender that waits while the peer's receiver pauses", needs, async (transport) => {
    const pair = await join(transport);
    assert.equal(pair.far.receiveLimitBytes, undefined);
    const near = new Recorder();
    const { recorder: far, resume } = paused();
    pair.near.receive(near);
    pair.far.receive(far);
    let sent = 0;
    let mostBuffered = 0;
    const sending = (async () => {
      for (; sent < messageCount; sent++) {
        const room = pair.near.send(numbered(sent, messageBytes));
        mostBuffered = Math.max(mostBuffered, pair.near.bufferedBytes);
        await room;
      }
    })();
    const stoppedAt = await untilStill(() => sent);
    assert.ok(stoppedAt < messageCount, "the sender was not stopped");
    assert.equal(far.messages.length, 1, "a paused receiver gets nothing");
    assert.ok(mostBuffered < 200_000 + 2 * messageBytes, `${mostBuffered} bytes were buffered`);
    resume();
    await Promise.all([sending, far.count(messageCount)]);
    checkAll(far, messageCount, messageBytes);
    await part(pair, near, far);
  });
}

/** Registers them. */
export function pressureTests(test: ConformanceTest, can: ChannelCapabilities): void {
  pausingTests(test, can.stopsPeer);

  test("refuses a sender that does not wait once the buffer is full, and then goes on", {
    highWaterBytes: 100_000,
    maxBufferedBytes: 1_000_000,
    countsBytes: true,
  }, async (transport) => {
    const pair = await join(transport);
    const near = new Recorder();
    const { recorder: far, resume } = paused();
    pair.near.receive(near);
    pair.far.receive(far);
    let sent = 0;
    let error: unknown;
    while (error === undefined && sent < 100) {
      try {
        void pair.near.send(numbered(sent, messageBytes));
        sent++;
      } catch (thrown) {
        error = thrown;
      }
    }
    assert.ok(error instanceof TransportError);
    assert.equal(error.code, "overloaded");
    assert.equal(error.processed, "no");
    assert.equal(sent, Math.floor(1_000_000 / messageBytes), "all that fits is taken");
    assert.ok(pair.near.bufferedBytes <= 1_000_000);
    resume();
    await far.count(sent);
    await pair.near.send(numbered(sent, messageBytes));
    await far.count(sent + 1);
    checkAll(far, sent + 1, messageBytes);
    await part(pair, near, far);
  });

  test("bounds messages without a byte too", { highWaterBytes: 1000, maxBufferedBytes: 100_000 }, async (transport) => {
    const pair = await join(transport);
    const near = new Recorder();
    const { recorder: far, resume } = paused();
    pair.near.receive(near);
    pair.far.receive(far);
    let sent = 0;
    const flood = (): void => {
      for (; sent < 200_000; sent++) void pair.near.send(new Uint8Array(0));
    };
    assert.throws(flood, { name: "TransportError", code: "overloaded" });
    resume();
    await far.count(sent);
    await part(pair, near, far);
  });

  test("takes a message larger than its buffers when nothing else waits", {
    highWaterBytes: 1000,
    maxBufferedBytes: 10_000,
  }, async (transport) => {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    for (let i = 0; i < 5; i++) {
      // There is room before all has gone: what is left then counts.
      await until(() => pair.near.bufferedBytes === 0, "nothing else waiting");
      await pair.near.send(numbered(i, messageBytes));
    }
    await far.count(5);
    checkAll(far, 5, messageBytes);
    await part(pair, near, far);
  });

  test("hands a long backlog to a receiver that pauses at every message", {
    maxBufferedBytes: 32 * 1024 * 1024,
  }, async (transport) => {
    const pair = await join(transport);
    const near = new Recorder();
    const far = new Recorder(() => Promise.resolve());
    pair.near.receive(near);
    pair.far.receive(far);
    for (let i = 0; i < 50_000; i++) void pair.near.send(numbered(i, 8));
    await far.count(50_000);
    checkAll(far, 50_000, 8);
    await part(pair, near, far);
  });

  test("lets a sender go that waits when its own channel ends", { highWaterBytes: 1000 }, async (transport) => {
    const pair = await join(transport);
    const near = new Recorder();
    const { recorder: far, resume } = paused();
    pair.near.receive(near);
    pair.far.receive(far);
    let room: void | Promise<void> = undefined;
    let sent = 0;
    const sending = (async () => {
      for (; near.closes === 0; sent++) await (room = pair.near.send(numbered(sent, messageBytes)));
    })();
    await untilStill(() => sent);
    pair.near.abort(new TransportError("cancelled", "Test over"));
    await room;
    await sending;
    resume();
    await part(pair, near, far);
  });
}
