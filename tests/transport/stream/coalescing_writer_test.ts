/**
 * The coalescing writer: few writes, in order, within its bounds.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Framing, lengthPrefix, newline, TransportError } from "../../../mod.ts";
import { CoalescingWriter, noHead } from "../../../src/transport/stream/coalescing_writer.ts";
import { frames } from "../../framing/_feed.ts";
import { numbered, sameBytes } from "../../support/channels.ts";
import { Random } from "../../support/random.ts";
import { FakeSink, turns } from "./_fake_sink.ts";

const roomy = { highWaterBytes: 1e9, maxBufferedBytes: 1e9 };

function makeWriter(framing: Framing = lengthPrefix(), limits = roomy): { sink: FakeSink; writer: CoalescingWriter } {
  const sink = new FakeSink();
  return { sink, writer: new CoalescingWriter(sink, framing, limits, sink) };
}

Deno.test("a writer sends the messages of one turn as one write, and a long turn's as two", async () => {
  for (const [count, writes] of [[1, 1], [20, 1], [100, 2], [1000, 2]]) {
    const { sink, writer } = makeWriter();
    const messages = Array.from({ length: count }, (_, i) => numbered(i, i % 90));
    for (const message of messages) assert.equal(writer.send(noHead, 0, message), undefined);
    assert.equal(sink.writes.length, writes - 1, "what is left waits for the end of the turn");
    await sink.takeAll();
    assert.equal(sink.writes.length, writes, `${count} messages`);
    sameBytes(sink.taken, frames(lengthPrefix(), messages), `${count} messages`);
    assert.equal(writer.bufferedBytes, 0);
  }
});

Deno.test("a writer that is held writes when it is released, in the same turn", async () => {
  const { sink, writer } = makeWriter();
  const messages = Array.from({ length: 20 }, (_, i) => numbered(i, i));
  writer.hold();
  for (const message of messages) writer.send(noHead, 0, message);
  assert.equal(sink.writes.length, 0);
  writer.release();
  assert.equal(sink.writes.length, 1);
  await sink.takeAll();
  sameBytes(sink.taken, frames(lengthPrefix(), messages), "all in one write");
  writer.hold();
  writer.release();
  assert.equal(sink.writing, false, "nothing to write is no write");
  writer.send(noHead, 0, messages[0]);
  await turns();
  assert.equal(sink.writing, true, "the end of the turn counts again");
});

Deno.test("a writer sends all that comes while a write is under way as the next write", async () => {
  const { sink, writer } = makeWriter();
  writer.send(noHead, 0, numbered(0, 10));
  await turns();
  const messages = Array.from({ length: 100 }, (_, i) => numbered(i, 50));
  for (const message of messages) {
    writer.send(noHead, 0, message);
    await turns();
  }
  assert.equal(sink.writes.length, 1, "one write at a time");
  await sink.take();
  assert.equal(sink.writes.length, 2);
  sameBytes(sink.writes[1], frames(lengthPrefix(), messages), "the second write");
  await sink.take();
  assert.equal(sink.writing, false);
  assert.equal(sink.told, 14 + 100 * 54);
});

Deno.test("a writer finishes a partial write before anything else goes out", async () => {
  for (const limit of [1, 700, 100_000]) {
    const { sink, writer } = makeWriter();
    const sizes = limit === 1 ? [0, 10, 300] : [3_000, 65_536, 10, 0, 200_000, 65_535, 131_072, 1];
    const messages = sizes.map((size, i) => numbered(i, size));
    for (const message of messages) {
      writer.send(noHead, 0, message);
      if (sink.writing) await sink.take(limit);
    }
    await sink.takeAll(limit);
    sameBytes(sink.taken, frames(lengthPrefix(), messages), `at most ${limit} bytes a write`);
    assert.equal(writer.bufferedBytes, 0);
  }
});

Deno.test("a writer keeps any mixture of sizes, turns and partial writes in order", async () => {
  const random = new Random(3);
  for (const framing of [lengthPrefix(), newline()]) {
    for (let round = 0; round < 30; round++) {
      const { sink, writer } = makeWriter(framing);
      const messages: Uint8Array[] = [];
      for (let i = 0; i < 40; i++) {
        const size = random.pick([
          random.below(100),
          random.below(3000),
          20_000,
          65_535,
          65_536,
          random.below(150_000),
        ]);
        const message = new Uint8Array(size).fill(11 + i);
        messages.push(message);
        writer.send(noHead, 0, message);
        if (random.oneIn(3)) await turns();
        if (sink.writing && random.oneIn(2)) await sink.take(1 + random.below(100_000));
      }
      await sink.takeAll();
      sameBytes(sink.taken, frames(framing, messages), `round ${round}`);
    }
  }
});

Deno.test("a writer sends a message of 64 KiB from where it lies, in order between small ones", async () => {
  const { sink, writer } = makeWriter();
  const messages = [numbered(0, 10), numbered(1, 65_536), numbered(2, 20), numbered(3, 65_535)];
  for (const message of messages) writer.send(noHead, 0, message);
  await sink.takeAll();
  sameBytes(sink.taken, frames(lengthPrefix(), messages), "all");
  assert.ok(sink.buffers.includes(messages[1].buffer), "64 KiB are not copied");
  assert.ok(!sink.buffers.includes(messages[3].buffer), "one byte less is");
});

Deno.test("a writer wastes no write on a frame without a head", async () => {
  const { sink, writer } = makeWriter(newline());
  const line = new Uint8Array(100_000).fill(97);
  writer.send(noHead, 0, line);
  await sink.takeAll();
  assert.deepEqual(sink.writes.map(({ length }) => length), [100_000, 1]);
  sameBytes(sink.taken, frames(newline(), [line]), "the line");
});

Deno.test("a writer joins a head and a body, and has copied the head when it returns", async () => {
  for (const body of [numbered(1, 20), numbered(1, 70_000)]) {
    for (const headLength of [0, 1, 12, 200_000]) {
      const { sink, writer } = makeWriter();
      const head = new Uint8Array(headLength + 3).fill(5);
      writer.send(noHead, 0, numbered(0, 100));
      writer.send(head, headLength, body);
      head.fill(9);
      await sink.takeAll();
      const joined = new Uint8Array(headLength + body.length).fill(5, 0, headLength);
      joined.set(body, headLength);
      sameBytes(sink.taken, frames(lengthPrefix(), [numbered(0, 100), joined]), `a head of ${headLength} bytes`);
    }
  }
});

Deno.test("a writer looks for what its framing can't carry in the head and in the body", () => {
  const { writer } = makeWriter(newline());
  const bad = Uint8Array.of(97, 10);
  assert.throws(() => writer.send(noHead, 0, bad), { code: "invalid-request" });
  assert.throws(() => writer.send(bad, 2, noHead), { code: "invalid-request" });
  writer.send(bad, 1, noHead);
  assert.equal(writer.bufferedBytes, 2);
});

Deno.test("a writer has its sender wait past the high-water mark until half of it is free", async () => {
  const { sink, writer } = makeWriter(lengthPrefix(), { highWaterBytes: 1000, maxBufferedBytes: 10_000 });
  assert.equal(writer.send(noHead, 0, new Uint8Array(996)), undefined);
  const room = writer.send(noHead, 0, new Uint8Array(0));
  assert.ok(room instanceof Promise);
  assert.equal(writer.send(noHead, 0, new Uint8Array(0)), room, "all wait for the same");
  let free = false;
  void room.then(() => free = true);
  await sink.take(507);
  assert.equal(writer.bufferedBytes, 501);
  assert.equal(free, false);
  await sink.take();
  assert.equal(free, true);
});

Deno.test("a writer refuses what is too large or too much, and has sent none of it", async () => {
  const { sink, writer } = makeWriter(lengthPrefix({ maxBytes: 5000 }), {
    highWaterBytes: 100,
    maxBufferedBytes: 2008,
  });
  const [first, second] = [numbered(1, 1000), numbered(2, 1000)];
  void writer.send(noHead, 0, first);
  void writer.send(noHead, 0, second);
  assert.throws(() => writer.send(noHead, 0, new Uint8Array(1)), {
    code: "overloaded",
    message: "Cannot send message: 2008 bytes wait for a peer that does not read, 2008 are allowed",
  });
  assert.throws(() => writer.send(new Uint8Array(1), 1, new Uint8Array(5000)), {
    code: "message-too-large",
    message: "Cannot send message: it has 5001 bytes, 5000 are allowed",
    details: { messageBytes: 5001, maxBytes: 5000 },
  });
  assert.equal(writer.bufferedBytes, 2008);
  await sink.takeAll();
  sameBytes(sink.taken, frames(lengthPrefix(), [first, second]), "what was taken");
});

Deno.test("a writer tells once that a write failed, and writes nothing more after it was stopped", async () => {
  const { sink, writer } = makeWriter(lengthPrefix(), { highWaterBytes: 10, maxBufferedBytes: 1e6 });
  const room = writer.send(noHead, 0, new Uint8Array(100));
  await turns();
  void writer.send(noHead, 0, new Uint8Array(100_000));
  const flushed = writer.flushed();
  const failure = new Error("Test: broken pipe");
  await sink.fail(failure);
  assert.deepEqual(sink.failures, [failure]);
  const error = new TransportError("connection-lost", "Test: lost");
  writer.stop(error);
  writer.stop(new TransportError("closed", "Test: again"));
  await room;
  await assert.rejects(flushed, (reason) => reason === error);
  await turns();
  assert.equal(sink.writes.length, 1);
  assert.equal(writer.bufferedBytes, 0);
});

Deno.test("a writer that is stopped in mid write hears of its end without harm", async () => {
  for (const settle of ["take", "fail"] as const) {
    const { sink, writer } = makeWriter();
    writer.send(noHead, 0, new Uint8Array(100));
    await turns();
    writer.send(noHead, 0, new Uint8Array(100));
    writer.stop(new TransportError("closed", "Test: closed"));
    if (settle === "take") await sink.take(50);
    else await sink.fail(new Error("Test: interrupted"));
    assert.deepEqual(sink.failures, []);
    assert.equal(sink.writes.length, 1);
    assert.equal(writer.bufferedBytes, 0);
  }
});

Deno.test("a writer is flushed when its last byte was taken, and at once when there is none", async () => {
  const { sink, writer } = makeWriter();
  await writer.flushed();
  writer.send(noHead, 0, new Uint8Array(10));
  let flushed = false;
  void writer.flushed().then(() => flushed = true);
  await sink.take(13);
  assert.equal(flushed, false);
  await sink.take();
  assert.equal(flushed, true);
});
