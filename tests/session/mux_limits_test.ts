/**
 * The limits of mux(): calls in flight, sizes, and peers that do not read.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, TransportError } from "../../src/core/mod.ts";
import { mux } from "../../src/session/mux.ts";
import { memory } from "../../src/transport/memory/memory.ts";
import { acceptFake, dialFake } from "./_fake_peer.ts";
import { callFrame, errorFrame, helloFrame, replyFrame, sendFrame } from "./_frames.ts";
import { bytes, HeldCalls, joined } from "./_joined.ts";
import { isPending, rejection, resolution, settle, standing } from "./_settle.ts";

Deno.test("calls beyond this end's limit are refused and not sent, until one has ended", async () => {
  const { session, channel } = await dialFake({ maxInFlight: 2 });
  assert.equal(session.capacity, 2);
  const first = session.call(bytes(1));
  void session.call(bytes(2));
  const error = await rejection(session.call(bytes(3)), "too-many-calls");
  assert.equal(error.processed, "no");
  assert.equal(error.remote, false);
  assert.deepEqual(error.details, { inFlight: 2, allowed: 2 });
  assert.equal(channel.taken().length, 2);
  channel.deliver(replyFrame(0));
  await resolution(first);
  void session.call(bytes(4));
  assert.equal(channel.taken().length, 1);
});

Deno.test("the peer's limit holds where it is the smaller one", async () => {
  const { session } = await dialFake({ maxInFlight: 100, hello: { maxInFlight: 1 } });
  assert.equal(session.capacity, 1);
  void session.call(bytes(1));
  const error = await rejection(session.call(bytes(2)), "too-many-calls");
  assert.deepEqual(error.details, { inFlight: 1, allowed: 1 });
});

Deno.test("a peer that takes no calls at all is not called", async () => {
  const { session } = await dialFake({ hello: { maxInFlight: 0 } });
  assert.equal(session.capacity, 0);
  await rejection(session.call(bytes(1)), "too-many-calls");
});

Deno.test("a call that could not be sent takes neither a place nor a number", async () => {
  const { session, channel } = await dialFake({ maxInFlight: 2 });
  channel.refusal = new TransportError("overloaded", "the buffer is full");
  for (let i = 0; i < 5; i++) await rejection(session.call(bytes(1)), "overloaded");
  assert.equal(session.load, 0);
  channel.refusal = undefined;
  const calls = [session.call(bytes(1)), session.call(bytes(2))];
  assert.deepEqual(channel.taken(), ["010000000001", "010000000102"]);
  channel.deliver(replyFrame(0, [3]));
  channel.deliver(replyFrame(1, [4]));
  assert.deepEqual(await resolution(Promise.all(calls)), [bytes(3), bytes(4)]);
});

Deno.test("handlers that go on after a cancel count, so that a peer can't have more at work than the limit", async () => {
  const held = new HeldCalls();
  const { channel, listener } = await acceptFake(held.handler, { maxInFlight: 2 });
  for (const id of [0, 1]) channel.deliver(callFrame(id));
  channel.deliver(new Uint8Array([5, 0, 0, 0, 0]));
  channel.taken();
  channel.deliver(callFrame(0));
  assert.equal(held.calls.length, 2);
  const [end] = channel.sent.splice(0);
  assert.deepEqual([...end.subarray(0, 7)], [4, 0, 0, 0, 0, 12, 0], "error, call 0, too-many-calls, not processed");
  assert.equal(listener.calls.refused, 1);
  held.calls[0].reply(bytes());
  await settle();
  channel.deliver(callFrame(0));
  assert.equal(held.calls.length, 3, "there is room again");
});

Deno.test("one-way sends beyond the limit are dropped and counted", async () => {
  const held = new HeldCalls();
  const { channel, listener } = await acceptFake(held.handler, { maxInFlight: 3 });
  for (let i = 0; i < 10; i++) channel.deliver(sendFrame([i]));
  assert.equal(held.calls.length, 3);
  assert.deepEqual({ ...listener.calls }, { inFlight: 3, started: 3, failed: 0, refused: 7 });
  assert.deepEqual(channel.taken(), []);
});

Deno.test("a request over the peer's limit is refused and not sent", async () => {
  const { session, channel } = await dialFake({ hello: { maxMessageBytes: 4 } });
  const error = await rejection(session.call(bytes(1, 2, 3, 4, 5)), "message-too-large");
  assert.equal(error.processed, "no");
  assert.deepEqual(error.details, { bytes: 5, allowed: 4 });
  assert.throws(() => session.send(bytes(1, 2, 3, 4, 5)), { code: "message-too-large" });
  assert.deepEqual(channel.taken(), []);
  assert.equal(session.load, 0);
  void session.call(bytes(1, 2, 3, 4));
  assert.equal(channel.taken().length, 1);
});

Deno.test("a request over this end's limit is refused by the far side, and only that call fails", async () => {
  const { channel, listener } = await acceptFake((request) => request, { maxMessageBytes: 4 });
  channel.deliver(callFrame(0, [1, 2, 3, 4, 5]));
  channel.deliver(callFrame(1, [1, 2, 3, 4]));
  assert.deepEqual([...channel.sent[0].subarray(0, 7)], [4, 0, 0, 0, 0, 11, 0], "error, call 0, message-too-large");
  assert.deepEqual([...channel.sent[1]], [3, 0, 0, 0, 1, 1, 2, 3, 4]);
  assert.equal(listener.calls.refused, 1);
});

Deno.test("a reply over the caller's limit becomes an error of that call", async () => {
  const { session } = await joined((request) => new Uint8Array(request[0]), { maxMessageBytes: 10 });
  const error = await rejection(session.call(bytes(11)), "message-too-large");
  assert.equal(error.processed, "yes", "the handler did run");
  assert.equal((await resolution(session.call(bytes(10)))).length, 10);
});

Deno.test("the largest message that a channel takes can be sent and answered", async () => {
  const { session } = await joined((request) => request, { memory: { maxMessageBytes: 100 } });
  assert.equal((await resolution(session.call(new Uint8Array(95)))).length, 95);
  await rejection(session.call(new Uint8Array(96)), "message-too-large");
});

Deno.test("a peer that does not read its replies is not read from, until it reads", async () => {
  const { channel, listener } = await acceptFake((request) => request);
  assert.equal(channel.deliver(callFrame(0)), undefined, "there is room");
  const { promise: room, resolve } = Promise.withResolvers<void>();
  channel.full = room;
  const paused = channel.deliver(callFrame(1));
  assert.ok(paused instanceof Promise, "the reading stops");
  await isPending(paused);
  channel.full = undefined;
  resolve();
  assert.equal((await standing(paused)).state, "resolved");
  assert.equal(channel.deliver(callFrame(2)), undefined);
  assert.equal(listener.calls.started, 3);
});

Deno.test("a peer that reads no replies gets no more of them made than the channel holds", async () => {
  const clock = new ManualClock();
  const transport = memory({ clock, highWaterBytes: 10_000 });
  const server = await mux({ clock })(transport).listen(() => new Uint8Array(1000));
  const channel = await transport.dial();
  const reading = Promise.withResolvers<void>();
  let replies = 0;
  channel.receive({
    message: (message) => {
      if (message.length < 1000) return;
      replies++;
      return reading.promise;
    },
    end: () => {},
    closed: () => {},
  });
  void channel.send(helloFrame());
  for (let id = 0; id < 1000; id++) void channel.send(callFrame(id));
  await settle(2000);
  assert.ok(server.calls.started < 20, `${server.calls.started} of 1000 calls were taken`);
  assert.equal(replies, 1);
  reading.resolve();
  await settle(20_000);
  assert.equal(replies, 1000, "and all are answered once it reads");
});

Deno.test("a send returns the channel's backpressure", async () => {
  const { session, channel } = await dialFake();
  assert.equal(session.send(bytes(1)), undefined);
  const room = Promise.resolve();
  channel.full = room;
  assert.equal(session.send(bytes(1)), room);
  await room;
});

Deno.test("an error for a number that was refused frees that number only", async () => {
  const { session, channel } = await dialFake();
  const calls = [session.call(bytes(1)), session.call(bytes(2))];
  channel.deliver(errorFrame(0, 12, 0, "too many"));
  const error = await rejection(calls[0], "too-many-calls");
  assert.equal(error.remote, true);
  await isPending(calls[1]);
  assert.equal(session.load, 1);
});
