/**
 * Conformance of channels: what is sent arrives, whole and in order.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, type Message, type Receiver, TransportError } from "../../mod.ts";
import { bytesOf, join, numbered, part, Recorder, sameBytes, turn, until } from "../support/channels.ts";
import { Random } from "../support/random.ts";
import type { ConformanceTest } from "./channel_suite.ts";

/** Sizes around those of the buffers that a channel may have inside. */
const edges = [
  ...[0, 1, 2, 3, 4, 5, 127, 128, 251, 252, 253, 254, 255, 256, 257],
  ...[2, 16, 64, 128, 1024].flatMap((kib) => [-5, -4, -3, -1, 0, 1, 5].map((more) => kib * 1024 + more)),
];

/** Sends messages one by one, waiting wherever the channel asks for it. */
async function sendAll(channel: Channel, messages: Iterable<Uint8Array>): Promise<void> {
  for (const message of messages) await channel.send(message);
}

function* numberedMessages(count: number): Generator<Uint8Array> {
  for (let i = 0; i < count; i++) yield numbered(i, 4 + i % 700);
}

function checkNumbered(recorder: Recorder, count: number): void {
  assert.equal(recorder.messages.length, count);
  recorder.messages.forEach((message, i) => sameBytes(bytesOf(message), numbered(i, 4 + i % 700), `message ${i}`));
}

/** Keeps no message, except large ones. */
class Borrower implements Receiver {
  readonly borrows = true;
  heard = 0;
  /** Messages that it takes its time for, now. */
  looking = 0;
  readonly large: (() => void)[] = [];
  error: TransportError | undefined = undefined;
  readonly message: (message: Message) => void | Promise<void>;

  constructor(message: (message: Message) => void | Promise<void>) {
    this.message = message;
  }

  end(): void {}

  closed(error: TransportError | undefined): void {
    this.error = error;
  }
}

/** Registers them. */
export function messageTests(test: ConformanceTest): void {
  test("keeps the order of thousands of messages in both directions at once", {}, async (transport) => {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    await Promise.all([
      sendAll(pair.near, numberedMessages(5000)),
      sendAll(pair.far, numberedMessages(5000)),
      near.count(5000),
      far.count(5000),
    ]);
    checkNumbered(near, 5000);
    checkNumbered(far, 5000);
    await part(pair, near, far);
  });

  test("carries messages of every size around its buffers, up to the limit exactly", {}, async (transport) => {
    const pair = await join(transport);
    const limit = pair.near.maxMessageBytes;
    assert.equal(pair.far.maxMessageBytes, limit);
    const sizes = [...edges.filter((size) => size < limit), limit - 1, limit];
    const near = new Recorder();
    const far = new Recorder((message) => pair.far.send(message));
    pair.near.receive(near);
    pair.far.receive(far);
    // Each alone, then all at once: the first fills no buffer behind another, the second does.
    for (let i = 0; i < sizes.length; i++) {
      await pair.near.send(numbered(i, sizes[i]));
      await near.count(i + 1);
    }
    await sendAll(pair.near, sizes.map((size, i) => numbered(i, size)));
    await near.count(2 * sizes.length);
    near.messages.forEach((message, i) => {
      const at = i % sizes.length;
      sameBytes(bytesOf(message), numbered(at, sizes[at]), `message ${i} of ${sizes[at]} bytes`);
    });
    await part(pair, near, far);
  });

  test("refuses to send a message over the limit, and lives on", {}, async (transport) => {
    const pair = await join(transport);
    const limit = pair.near.maxMessageBytes;
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    for (const channel of [pair.near, pair.far]) {
      assert.throws(() => channel.send(new Uint8Array(limit + 1)), {
        name: "TransportError",
        code: "message-too-large",
      });
      assert.throws(() => channel.send("x".repeat(limit + 1)), { name: "TransportError", code: "message-too-large" });
      assert.equal(channel.bufferedBytes, 0);
      await channel.send("still here");
    }
    await Promise.all([near.count(1), far.count(1)]);
    for (const { messages } of [near, far]) assert.equal(new TextDecoder().decode(bytesOf(messages[0])), "still here");
    await part(pair, near, far);
  });

  test("carries text as UTF-8", {}, async (transport) => {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    const texts = ["", "a", "grüß dich", "日本語", "👍🏽", "\u0000\n\r", "é".repeat(10_000)];
    for (const text of texts) await pair.near.send(text);
    await far.count(texts.length);
    assert.deepEqual(far.messages.map((message) => new TextDecoder().decode(bytesOf(message))), texts);
    await part(pair, near, far);
  });

  test("lends a receiver that borrows each message for as long as it looks at it", {}, async (transport) => {
    const pair = await join(transport);
    const random = new Random(11);
    const messages = Array.from({ length: 2000 }, (_, i) => {
      const size = i % 250 === 249 ? random.below(300_000) : random.below(random.oneIn(10) ? 70_000 : 1200);
      return numbered(i, Math.min(size, pair.near.maxMessageBytes));
    });
    const near = new Recorder();
    const far: Borrower = new Borrower((message) => {
      const number = far.heard++;
      const look = (): void => sameBytes(bytesOf(message), messages[number], `message ${number} at the receiver`);
      look();
      // Such a message may be kept for good.
      if (message.length >= 64 * 1024) far.large.push(look);
      const sent = pair.far.send(message);
      if (!random.oneIn(20)) return sent;
      far.looking++;
      return turn().then(look).then(() => {
        far.looking--;
        return sent;
      });
    });
    pair.near.receive(near);
    pair.far.receive(far);
    await sendAll(pair.near, messages);
    await near.count(messages.length);
    near.messages.forEach((message, i) => sameBytes(bytesOf(message), messages[i], `message ${i} sent on`));
    await until(() => far.looking === 0, "the receiver's last look");
    for (const look of far.large) look();
    await part(pair, near);
    assert.equal(far.error, undefined);
  });

  test("never writes again where it has handed a message out", {}, async (transport) => {
    const pair = await join(transport);
    const random = new Random(7);
    const messages = Array.from({ length: 3000 }, (_, i) => {
      const size = i % 500 === 499
        ? random.below(300_000)
        : random.oneIn(20)
        ? random.below(20_000)
        : random.below(900);
      return numbered(i, Math.min(size, pair.near.maxMessageBytes));
    });
    const [near, far] = [new Recorder(), new Recorder((message) => pair.far.send(message.slice()))];
    pair.near.receive(near);
    pair.far.receive(far);
    await sendAll(pair.near, messages);
    await near.count(messages.length);
    // Only now, when every buffer has been used again many times.
    for (const recorder of [near, far]) {
      recorder.messages.forEach((message, i) => sameBytes(bytesOf(message), messages[i], `message ${i}`));
    }
    await part(pair, near, far);
  });

  test("keeps 200 channels at once apart", { manyChannels: true }, async (transport) => {
    const served: [Channel, Recorder][] = [];
    const listener = await transport.listen((channel) => {
      const recorder = new Recorder((message) => channel.send(message));
      served.push([channel, recorder]);
      channel.receive(recorder);
    });
    await Promise.all(Array.from({ length: 200 }, async (_, id) => {
      const channel = await transport.dial();
      const recorder = new Recorder();
      channel.receive(recorder);
      for (let i = 0; i < 20; i++) await channel.send(numbered(id * 1000 + i, 4 + id * i));
      await recorder.count(20);
      recorder.messages.forEach((message, i) => {
        sameBytes(bytesOf(message), numbered(id * 1000 + i, 4 + id * i), `message ${i} of channel ${id}`);
      });
      channel.abort(new TransportError("cancelled", "Test over"));
      recorder.checkOver();
    }));
    assert.equal(listener.counters.connectionsAccepted, 200);
    assert.equal(served.length, 200);
    await Promise.all(served.map(async ([channel, recorder]) => {
      await recorder.until(() => recorder.ends + recorder.closes > 0, "the end");
      await channel.close();
      recorder.checkOver();
    }));
    assert.equal(listener.counters.connectionsOpen, 0);
    await listener.close();
  });
}
