/**
 * batch(): what goes together, when it goes, and that nothing is lost.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  batch,
  type BatchChannel,
  type BatchOptions,
  chain,
  type Channel,
  deadlinesOf,
  ManualClock,
  memory,
  type Message,
  mux,
  tcp,
  TransportError,
} from "../../mod.ts";
import { BatchReader } from "../../src/channel/batch/batch_frame.ts";
import { bytesOf, join, numbered, part, Recorder, within } from "../support/channels.ts";
import { hello, raw } from "./_raw.ts";

const marker = 0xfd;

function batched(options: BatchOptions = {}, limits: { highWaterBytes?: number; maxBufferedBytes?: number } = {}) {
  return raw<BatchChannel>((transport) => chain(transport, batch(options)), limits);
}

/** The messages of each batch that went over the wire, a message alone as a batch of one; without the hello. */
function batchesOn(wire: Recorder): Message[][] {
  return wire.messages.slice(1).map((message) => {
    if (typeof message === "string" || message[0] !== marker) return [message];
    const reader = new BatchReader(message, 2);
    const messages: Message[] = [];
    while (reader.more) messages.push(reader.next());
    return messages;
  });
}

const over = new TransportError("cancelled", "Test over");

Deno.test("batch() sends what is sent in one turn as one, and a message alone as it is", async () => {
  const { channel, wire } = await batched();
  for (const text of ["a", "b", "c"]) void channel.send(text);
  await wire.count(2);
  await channel.send("alone");
  await wire.count(3);
  assert.deepEqual(batchesOn(wire), [["a", "b", "c"], ["alone"]]);
  assert.equal(wire.messages[2], "alone");
  channel.abort(over);
});

Deno.test("batch() sends a batch that is full by its messages or by its bytes before the turn is over", async () => {
  const { channel, wire } = await batched({ maxMessages: 3, maxBytes: 200 });
  for (let i = 0; i < 7; i++) void channel.send(`${i}`);
  void channel.send("x".repeat(100));
  void channel.send("y".repeat(100));
  void channel.send("z".repeat(1000));
  await channel.flush();
  await wire.until(() => batchesOn(wire).flat().length === 10, "all of them");
  assert.deepEqual(batchesOn(wire).map((messages) => messages.map((message) => message.slice(0, 1)).join("")), [
    "012",
    "345",
    "6x",
    "y",
    "z",
  ]);
  channel.abort(over);
});

Deno.test("batch() lets messages wait for others only as long as it was told", async () => {
  const clock = new ManualClock();
  const { channel, wire } = await batched({ lingerMs: 10, maxMessages: 3, clock });
  void channel.send("a");
  await clock.advance(9);
  void channel.send("b");
  assert.equal(wire.messages.length, 1);
  await clock.advance(1);
  assert.deepEqual(batchesOn(wire), [["a", "b"]]);
  for (const text of ["c", "d", "e", "f"]) void channel.send(text);
  await clock.advance(0);
  assert.deepEqual(batchesOn(wire).slice(1), [["c", "d", "e"]], "a full one does not wait");
  await channel.flush();
  await clock.advance(0);
  assert.deepEqual(batchesOn(wire).slice(2), [["f"]]);
  assert.equal(deadlinesOf(clock).size, 0, "nothing waits for what has gone");
  channel.abort(over);
  assert.equal(clock.pending, 0);
});

Deno.test("batch() sends urgent messages first, and each priority in its order", async () => {
  const { channel, wire } = await batched({ maxMessages: 5 });
  const sent: [string, number?][] = [["a"], ["b", 7], ["c", 0], ["last", 8]];
  const more: [string, number?][] = [["d"], ["e", 0], ["f", 3], ["g", 99], ["h", -4], ["i", 1.5]];
  // The first four are a batch's worth less one: the fifth makes it go.
  for (const [text, priority] of sent) void channel.send(text, priority);
  await channel.flush();
  for (const [text, priority] of more.slice(0, 4)) void channel.send(text, priority);
  for (const [text, priority] of more.slice(4)) void channel.send(text, priority);
  await channel.flush();
  await wire.until(() => batchesOn(wire).flat().length === 10, "all of them");
  assert.deepEqual(batchesOn(wire).map((messages) => messages.join(" ")), ["c a b last", "e h d f g", "i"]);
  channel.abort(over);
});

Deno.test("batch() gathers while the channel is full, and sends the urgent ones of it first", async () => {
  const gate = Promise.withResolvers<void>();
  const pair = await join(chain(memory({ highWaterBytes: 2000 }), batch({ maxMessages: 10 })));
  const channel = pair.near as BatchChannel;
  const [near, far] = [new Recorder(), new Recorder(() => gate.promise)];
  channel.receive(near);
  pair.far.receive(far);
  await channel.send("first");
  await far.count(1);
  void channel.send("x".repeat(3000));
  await channel.flush();
  for (let i = 0; i < 25; i++) void channel.send(`${i}`, 5);
  void channel.send("urgent", 0);
  gate.resolve();
  await far.count(28);
  assert.deepEqual(far.messages.slice(2, 5), ["urgent", "0", "1"]);
  assert.deepEqual(far.messages.slice(3), Array.from({ length: 25 }, (_, i) => `${i}`));
  await part(pair, near, far);
});

Deno.test("batch() tells each sender of a batch what became of it", async () => {
  const { channel, peer } = await batched({}, { highWaterBytes: 100, maxBufferedBytes: 100_000 });
  assert.equal(await channel.post("taken"), undefined);
  void channel.send("x".repeat(500));
  void channel.flush();
  const posts = [channel.post("a"), channel.post("b", 0), channel.post("c")];
  const flushed = channel.flush();
  const ends = Promise.allSettled([...posts, flushed]);
  channel.abort(over);
  for (const end of await ends) assert.deepEqual(end, { status: "rejected", reason: over });
  await assert.rejects(channel.flush(), { code: "closed" });
  assert.throws(() => channel.post("late"), { code: "closed" });
  await peer.close();
});

Deno.test("batch() ends the connection with a batch that can't be sent, and tells its senders", async () => {
  const clock = new ManualClock();
  const transport = memory({ highWaterBytes: 1000, maxBufferedBytes: 1000 });
  // The channel below has room for less than a batch.
  const pair = await join(transport);
  const { GatheringChannel } = await import("../../src/channel/batch/batch_channel.ts");
  const { readBatchOptions } = await import("../../src/channel/batch/batch_options.ts");
  const channel = new GatheringChannel(pair.near, readBatchOptions({ clock }), { messagesIn: 0, messagesOut: 0 });
  const near = new Recorder();
  channel.begin().receive(near);
  void channel.send("some");
  await channel.flush();
  const posts = Array.from({ length: 20 }, () => channel.post("y".repeat(100)));
  for (const end of await Promise.allSettled(posts)) {
    assert.equal(end.status, "rejected");
    assert.equal((end as PromiseRejectedResult).reason.code, "overloaded");
  }
  assert.equal((await near.over())?.code, "overloaded");
  await Promise.all([pair.far.close(), pair.listener.close()]);
});

Deno.test("batch() loses nothing when it is closed with a slow peer, and keeps text and bytes what they are", async () => {
  const pair = await join(chain(memory({ highWaterBytes: 1000 }), batch({ maxMessages: 7 })));
  const [near, far] = [new Recorder(), new Recorder(() => Promise.resolve())];
  pair.near.receive(near);
  pair.far.receive(far);
  const sent: Message[] = Array.from({ length: 2000 }, (_, i) => i % 3 === 0 ? `text ${i} ü€😀` : numbered(i, i % 90));
  for (const message of sent) void pair.near.send(message);
  const closing = pair.near.close();
  assert.throws(() => pair.near.send("late"), { code: "closed" });
  await far.until(() => far.ends === 1, "the end");
  assert.deepEqual(far.messages, sent);
  await Promise.all([closing, pair.far.close()]);
  await part(pair, near, far);
});

Deno.test("batch() gives up a close whose peer takes nothing, and one that takes something goes on", async () => {
  const clock = new ManualClock();
  let slow = Promise.withResolvers<void>();
  const pair = await join(chain(memory({ highWaterBytes: 1000, clock }), batch({ drainTimeoutMs: 500, clock })));
  const [near, far] = [new Recorder(), new Recorder(() => slow.promise)];
  pair.near.receive(near);
  pair.far.receive(far);
  for (let i = 0; i < 10; i++) void pair.near.send(numbered(i, 40_000));
  const closing = pair.near.close();
  for (let step = 1; step < 5; step++) {
    await clock.advance(499);
    const last = slow;
    slow = Promise.withResolvers<void>();
    last.resolve();
    await clock.advance(1);
    assert.equal(near.closes, 0);
  }
  await clock.advance(1000);
  assert.match(String(near.error?.message), /took none of the last \d+ bytes within 500 ms/);
  assert.equal(deadlinesOf(clock).size, 0);
  slow.resolve();
  await within(closing, "close()");
  await part(pair, near, far);
});

Deno.test("batch() makes batches small on a slow line, and large again on a fast one", async () => {
  const clock = new ManualClock();
  const transport = memory({ highWaterBytes: 20_000, clock });
  const accepted = Promise.withResolvers<Channel>();
  const listener = await transport.listen(accepted.resolve);
  const channel = await chain(transport, batch({ maxMessages: 1000, maxBytes: 50_000, clock })).dial();
  channel.receive(new Recorder());
  const sizes: number[] = [];
  let lineMs = 400;
  (await accepted.promise).receive({
    message: (message) => {
      sizes.push(message.length);
      // A byte takes as long as any other, however they come.
      const { promise, resolve } = Promise.withResolvers<void>();
      clock.schedule(resolve, lineMs * message.length / 20_000);
      return promise;
    },
    end: () => {},
    closed: () => {},
  });
  const send = async (): Promise<number> => {
    sizes.length = 0;
    for (let i = 0; i < 2000; i++) void channel.send(new Uint8Array(1000));
    const flushed = channel.flush();
    while (channel.bufferedBytes > 0) await clock.advance(lineMs);
    await flushed;
    return sizes.at(-5)!;
  };
  // 50 bytes a millisecond: 1000 in 20 ms, and no batch is smaller than 4 KiB.
  const slow = await send();
  assert.ok(slow >= 3000 && slow <= 5000, `${slow} bytes in a batch on a slow line`);
  // 5000 bytes a millisecond: more than a batch may have.
  lineMs = 4;
  const fast = await send();
  assert.ok(fast > 40_000 && fast <= 50_000, `${fast} bytes in a batch on a fast line`);
  channel.abort(over);
  await listener.close();
});

Deno.test("batch() with lines speaks with a peer that knows nothing of it", async () => {
  const { channel, heard, peer, wire } = await batched({ format: "newline" });
  for (const text of ['{"a":1}', "", '{"b":2}']) void channel.send(text);
  await wire.count(1);
  assert.deepEqual(wire.messages, ['{"a":1}\n\n{"b":2}']);
  void channel.send("text");
  void channel.send(Uint8Array.of(1, 2));
  void channel.send(new Uint8Array(0));
  await wire.count(2);
  assert.deepEqual(wire.messages[1], Uint8Array.of(116, 101, 120, 116, 10, 1, 2, 10));
  await peer.send("one\ntwo\n");
  await peer.send(Uint8Array.of(3, 10, 4));
  await heard.count(5);
  assert.deepEqual(heard.messages, ["one", "two", "", Uint8Array.of(3), Uint8Array.of(4)]);
  assert.throws(() => channel.send("two\nlines"), { code: "invalid-request" });
  assert.throws(() => channel.send(Uint8Array.of(10)), { code: "invalid-request" });
  void peer.close();
  await within(channel.close(), "close()");
  heard.checkOver();
});

Deno.test("batch() carries the calls of mux() over TCP, with cancels and errors", async () => {
  const wire = (port: number) => chain(tcp({ port }), batch({ lingerMs: 1 }), mux());
  const listener = await wire(0).listen((request) => {
    if (bytesOf(request)[3] === 7) throw new TransportError("invalid-request", "Test: not seven");
    return request;
  });
  const session = await wire(listener.addr.port!).dial();
  const results = await Promise.allSettled(Array.from({ length: 300 }, (_, i) => session.call(numbered(i % 256, 100))));
  results.forEach((result, i) => {
    assert.equal(result.status, i % 256 === 7 ? "rejected" : "fulfilled", `call ${i}`);
    if (result.status === "fulfilled") assert.equal(result.value[3], i % 256);
  });
  await session.close();
  await listener.shutdown();
});

Deno.test("batch() ends the connection for a batch that is none, after what stood before the fault", async () => {
  const bad = [[2], [0x81], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1], [0xff, 0xff, 0xff, 0xff, 0x7f], [3, 0xff]];
  for (const bytes of bad) {
    const { heard, peer } = await batched();
    await peer.send(hello(marker));
    await peer.send(Uint8Array.of(marker, 2, 2, 65, ...bytes));
    const error = await heard.over();
    assert.equal(error?.code, "protocol", `${bytes}`);
    assert.match(String(error?.message), /message at byte 4/);
    assert.deepEqual(heard.messages, [Uint8Array.of(65)]);
  }
  for (const [kind, why] of [[2, /it is empty/], [3, /its kind is 3/]] as const) {
    const { heard, peer } = await batched();
    await peer.send(hello(marker));
    await peer.send(Uint8Array.of(marker, kind));
    assert.match(String((await heard.over())?.message), why);
  }
});
