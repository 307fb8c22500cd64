/**
 * What a server of sse() does as time goes by: heartbeats, silent clients,
 * receivers that take their time, and channels that nobody comes back to.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, type SseChannelOptions, TransportError } from "../../../mod.ts";
import { frame, frames, Hand, mountedForm, opened, statusOf } from "./_sse_by_hand.ts";

const times = { heartbeatMs: 1000, livenessMs: 400, resumeWindowMs: 5000, postTimeoutMs: 300, lingerMs: 200 };

function set(clock: ManualClock, options: SseChannelOptions = {}): SseChannelOptions {
  return { ...times, clock, ...options };
}

Deno.test("a stream that has nothing to say says so once in a heartbeat", async () => {
  const clock = new ManualClock();
  const server = await mountedForm.start(set(clock));
  const hand = await opened(server);
  for (let i = 1; i <= 3; i++) {
    await clock.advance(1000);
    await statusOf(hand.post(undefined));
    await hand.until(() => hand.comments >= i);
  }
  assert.equal(hand.comments, 3);
  await hand.leave();
  await server.end();
  assert.equal(clock.pending, 0);
});

Deno.test("a stream whose client says nothing counts as lost, and may be resumed", async () => {
  const clock = new ManualClock();
  const server = await mountedForm.start(set(clock));
  const hand = await opened(server);
  await clock.advance(1400);
  await statusOf(hand.post(undefined));
  await clock.advance(1400);
  assert.equal(server.ends.length, 0);
  await clock.advance(600);
  assert.equal(await hand.until(() => false), false, "the stream ends");
  assert.equal(server.ends.length, 0, "the channel lives on");
  void server.channels[0].send("meanwhile");
  await clock.advance(4000);
  const again = new Hand(server);
  again.id = hand.id;
  await again.resume(0);
  await again.until(() => again.data.length === 1);
  assert.deepEqual(again.data, ["meanwhile"]);
  await clock.advance(1300);
  assert.equal(server.ends.length, 0, "it has come back in time");
  await again.leave();
  await server.end();
});

Deno.test("a channel that nobody comes back to ends with what was not acknowledged", async () => {
  const clock = new ManualClock();
  const server = await mountedForm.start(set(clock));
  const hand = await opened(server);
  void server.channels[0].send("one");
  void server.channels[0].send("two");
  await hand.until(() => hand.data.length === 2);
  await statusOf(hand.post(undefined, undefined, { "wireway-ack": "1" }));
  await hand.leave();
  await clock.advance(4999);
  assert.equal(server.ends.length, 0);
  await clock.advance(1);
  const [error] = server.ends;
  assert.ok(error instanceof TransportError);
  assert.equal(error.code, "connection-lost");
  assert.deepEqual(error.details, { reason: "resume-window", unacknowledged: 1, received: 0 });
  assert.equal(await statusOf(hand.resume(1)), 410);
  assert.equal(await statusOf(hand.post(1, frames(frame("t")))), 410);
  await clock.advance(5001);
  assert.equal(await statusOf(hand.resume(1)), 404, "it is forgotten in the end");
  await server.end();
});

Deno.test("the answer to a POST waits for the receiver, and says so before the client gives up", async () => {
  const clock = new ManualClock();
  let gate = Promise.withResolvers<void>();
  const server = await mountedForm.start(set(clock), () => gate.promise);
  const hand = await opened(server);
  let status = 0;
  const posting = statusOf(hand.post(1, frames(frame("t", "one"), frame("t", "two")))).then((value) => status = value);
  await clock.advance(199);
  assert.equal(status, 0);
  await clock.advance(1);
  await posting;
  assert.equal(status, 202);
  assert.deepEqual(server.messages, ["one"]);
  assert.equal(await statusOf(hand.post(3, frames(frame("t", "three")))), 429, "one at a time");
  assert.equal(await statusOf(hand.post(undefined, undefined, { "wireway-ack": "0" })), 204, "never held up");
  const asking = statusOf(hand.post(3));
  const opens = gate;
  gate = Promise.withResolvers<void>();
  gate.resolve();
  opens.resolve();
  assert.equal(await asking, 204);
  assert.deepEqual(server.messages, ["one", "two"]);
  assert.equal(await statusOf(hand.post(3, frames(frame("t", "three")))), 204);
  await hand.leave();
  await server.end();
  assert.equal(clock.pending, 0);
});

Deno.test("a body that comes too slowly is refused, and so is one that a newer POST replaces", async () => {
  const clock = new ManualClock();
  const server = await mountedForm.start(set(clock));
  const hand = await opened(server);
  const slow = () => {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(frame("t", "slow", 9)) });
    const headers = {
      "wireway-channel": hand.id,
      "wireway-first": "1",
      "content-type": "application/octet-stream",
    };
    return server.fetch({ method: "POST", headers, body, duplex: "half" } as RequestInit);
  };
  const late = statusOf(slow());
  await clock.advance(300);
  assert.equal(await late, 408);
  const replaced = statusOf(slow());
  await clock.advance(10);
  assert.equal(await statusOf(hand.post(1, frames(frame("t", "fast")))), 204);
  assert.equal(await replaced, 408);
  assert.deepEqual(server.messages, ["fast"]);
  await hand.leave();
  await server.end();
  assert.equal(clock.pending, 0);
});

Deno.test("a body that says it is too large is refused before any of it is read", async () => {
  const server = await mountedForm.start({ maxMessageBytes: 100, maxPostBytes: 1000 });
  const hand = await opened(server);
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>({ pull: () => void pulled++ }, { highWaterMark: 0 });
  const headers = {
    "wireway-channel": hand.id,
    "wireway-first": "1",
    "content-type": "application/octet-stream",
    "content-length": "1001",
  };
  const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
  assert.equal(await statusOf(server.fetch(init)), 413);
  assert.equal(pulled, 0);
  await hand.leave();
  await server.end();
});

Deno.test("a channel that ended in order answers again what was answered before", async () => {
  const clock = new ManualClock();
  const server = await mountedForm.start(set(clock));
  const hand = await opened(server);
  const [channel] = server.channels;
  const last = frames(frame("t", "bye"), frame("e"));
  const closing = channel.close();
  await hand.until(() => hand.events.some(({ event }) => event === "end"));
  assert.equal(await statusOf(hand.post(1, last)), 204);
  assert.equal(server.ends.length, 0, "its own end is not acknowledged yet");
  assert.equal(await statusOf(hand.post(3, frames(frame("t", "more")))), 409, "nothing comes after the end");
  const ack = { "wireway-ack": "1" };
  assert.equal(await statusOf(hand.post(undefined, undefined, ack)), 204);
  await closing;
  assert.deepEqual([server.messages, server.ends], [["bye"], [undefined]]);
  assert.equal(await statusOf(hand.post(undefined, undefined, ack)), 204);
  assert.equal(await statusOf(hand.post(1, last)), 204);
  assert.equal(await statusOf(hand.resume(1)), 204, "an EventSource does not come back then");
  assert.equal(await hand.until(() => false), false);
  await server.end();
});

Deno.test("a close that the peer does not answer ends after the linger, a DELETE at once", async () => {
  const clock = new ManualClock();
  const server = await mountedForm.start(set(clock));
  const hand = await opened(server);
  const closing = server.channels[0].close();
  await hand.until(() => hand.events.length === 2);
  await statusOf(hand.post(undefined, undefined, { "wireway-ack": "1" }));
  await clock.advance(199);
  assert.equal(server.ends.length, 0);
  await clock.advance(1);
  await closing;
  assert.deepEqual([...server.ends], [undefined]);
  const other = await opened(server);
  const headers = { "wireway-channel": other.id };
  assert.equal(await statusOf(server.fetch({ method: "DELETE", headers })), 204);
  assert.equal(server.ends[1]?.code, "connection-lost");
  assert.equal(await statusOf(server.fetch({ method: "DELETE", headers })), 410);
  for (const one of [hand, other]) await one.leave();
  await server.end();
  assert.equal(clock.pending, 0);
});

Deno.test("an abort is told on the stream, and to who asks later", async () => {
  const server = await mountedForm.start();
  const hand = await opened(server);
  server.channels[0].abort(new TransportError("cancelled", "Enough of this"));
  await hand.until(() => hand.events.length === 2);
  assert.deepEqual(hand.events[1], { event: "abort", data: '{"message":"Enough of this"}', id: "" });
  const answer = await hand.post(1, frames(frame("t")));
  assert.deepEqual([answer.status, await answer.text()], [
    410,
    "Request refused: the channel is over: Enough of this\n",
  ]);
  await hand.leave();
  await server.end();
});
