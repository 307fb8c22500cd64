/**
 * Credits of mux(): what an end sends to a peer that takes nothing up, and what
 * it takes up from one that sends too much.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, deadlinesOf } from "../../src/core/mod.ts";
import { acceptFake, dialFake, FakeChannel } from "./_fake_peer.ts";
import { callFrame, cancelFrame, creditFrame, goawayFrame, pingFrame, replyFrame, sendFrame } from "./_frames.ts";
import { bytes, HeldCalls } from "./_joined.ts";
import { isPending, rejection, resolution, settle } from "./_settle.ts";

/** What a plain call or reply of so many bytes takes of a window. */
const cost = (payloadBytes: number): number => 5 + payloadBytes + 64;

/** What a one-way send of one byte takes. */
const sendCost = 1 + 1 + 64;

/** A peer that needs credits, and gives a window of so many bytes. */
const needy = (windowBytes: number) => ({ version: 2, windowBytes, needsCredits: true });

/** A channel that can't stop its peer. */
function unstoppable(receiveLimitBytes: number): FakeChannel {
  return Object.assign(new FakeChannel(), { receiveLimitBytes });
}

Deno.test("an end whose channel can't stop the peer says so, with half of what that holds as its window", async () => {
  const channel = unstoppable(1000);
  const { channel: accepted } = await acceptFake((request) => request, { hello: false, channel });
  assert.match(accepted.taken()[0], /000001f4(01)0{16}$/);
  const wide = await acceptFake((request) => request, { hello: false, channel: unstoppable(1 << 30) });
  assert.match(wide.channel.taken()[0], /00100000010{16}$/);
  const small = await acceptFake((request) => request, { hello: false, channel: unstoppable(1000), windowBytes: 7 });
  assert.match(small.channel.taken()[0], /00000007010{16}$/);
});

Deno.test("a peer that takes nothing up gets a window's worth and one frame, and the rest when it gives credit", async () => {
  const { session, channel } = await dialFake({ hello: needy(3 * cost(10) + 1) });
  const calls = Array.from({ length: 10 }, () => session.call(new Uint8Array(10)));
  assert.equal(channel.taken().length, 4);
  channel.deliver(creditFrame(cost(10)));
  await settle();
  assert.equal(channel.taken().length, 1, "there was less than nothing left");
  channel.deliver(creditFrame(4 * cost(10)));
  await settle();
  assert.equal(channel.taken().length, 4);
  channel.deliver(creditFrame(2 * cost(10)));
  await settle();
  assert.equal(channel.taken().length, 1);
  for (let id = 0; id < 10; id++) channel.deliver(replyFrame(id, [id]));
  assert.deepEqual((await resolution(Promise.all(calls))).map(([id]) => id), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(channel.aborted, undefined);
});

Deno.test("a sender is asked to wait for credit, and refused where too much waits", async () => {
  const { session, channel } = await dialFake({ hello: needy(100), maxQueuedBytes: 1000 });
  assert.equal(session.send(bytes(1)), undefined);
  const room = session.send(bytes(2));
  assert.ok(room instanceof Promise);
  await isPending(room);
  assert.throws(() => {
    for (let i = 0; i < 100; i++) void session.send(new Uint8Array(100));
  }, { code: "overloaded", processed: "no" });
  channel.deliver(creditFrame(100));
  await resolution(room);
});

Deno.test("a frame that is larger than the window goes out alone", async () => {
  const { session, channel } = await dialFake({ hello: needy(1) });
  void session.call(new Uint8Array(5000));
  void session.call(new Uint8Array(1));
  assert.equal(channel.taken().length, 1);
  channel.deliver(creditFrame(cost(5000)));
  await settle();
  assert.equal(channel.taken().length, 1);
});

Deno.test("signs of life, cancels and more credit go out where there is no credit", async () => {
  const { session, channel } = await dialFake({ hello: needy(1), windowBytes: 200 });
  const controller = new AbortController();
  const first = session.call(bytes(1), callContext({ signal: controller.signal }));
  void session.call(bytes(2));
  channel.taken();
  const ping = session.ping();
  assert.match(channel.taken().join(), /^06/);
  channel.deliver(pingFrame(7));
  assert.deepEqual(channel.taken(), ["0700000007"]);
  controller.abort();
  assert.deepEqual(channel.taken(), ["0500000000"]);
  await rejection(first, "cancelled");
  channel.deliver(replyFrame(0, Array(150).fill(1)));
  assert.deepEqual(channel.taken(), ["09000000db"], "150 bytes, 5 before them and 64");
  channel.deliver(Uint8Array.fromHex("0700000001"));
  await resolution(ping);
});

Deno.test("a call that is given up while it waits for credit is never sent, and its number is free", async () => {
  const { session, channel, clock } = await dialFake({ hello: needy(1), maxInFlight: 2 });
  void session.call(bytes(1));
  channel.taken();
  const controller = new AbortController();
  const waiting = session.call(bytes(2), callContext({ signal: controller.signal }));
  controller.abort();
  assert.equal((await rejection(waiting, "cancelled")).processed, "no");
  assert.equal(session.load, 1);
  const late = session.call(bytes(3), callContext({ timeoutMs: 50, clock }));
  await clock.advance(50);
  assert.equal((await rejection(late, "deadline-exceeded")).processed, "no");
  channel.deliver(creditFrame(cost(1)));
  await settle();
  assert.deepEqual(channel.taken(), []);
  void session.call(bytes(4));
  assert.deepEqual(channel.taken(), ["010000000104"]);
});

Deno.test("a session that is closed ends though calls that were given up had waited for credit", async () => {
  const { session, channel, clock } = await dialFake({ hello: needy(1) });
  void session.send(bytes(1));
  const controller = new AbortController();
  session.call(bytes(2), callContext({ signal: controller.signal })).catch(() => {});
  const closed = session.close();
  channel.deliver(goawayFrame());
  assert.equal(channel.closes, 0);
  controller.abort();
  assert.match(channel.taken().at(-1)!, /^08/, "a goodbye needs no credit");
  assert.equal(channel.closes, 1);
  assert.equal(channel.aborted, undefined);
  channel.finish();
  await resolution(closed);
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("replies that lack credit hold requests back, but no replies and no signs of life", async () => {
  const held = new HeldCalls();
  const { session, channel } = await dialFake({ handler: held.handler, hello: needy(1) });
  const own = session.call(bytes(1));
  channel.deliver(callFrame(0, [1]));
  held.calls[0].reply(bytes(9));
  await settle();
  channel.taken();
  // The window was used up by our call: the reply waits.
  for (const id of [1, 2, 3]) assert.equal(channel.deliver(callFrame(id, [id])), undefined);
  channel.deliver(sendFrame([4]));
  assert.equal(held.calls.length, 1, "no more work is taken up");
  channel.deliver(pingFrame(5));
  assert.deepEqual(channel.taken(), ["0700000005"]);
  channel.deliver(replyFrame(0, [7]));
  assert.deepEqual(await resolution(own), bytes(7));
  channel.deliver(cancelFrame(2));
  channel.deliver(creditFrame(cost(1)));
  await settle();
  assert.deepEqual(channel.taken()[0], "030000000009");
  channel.deliver(creditFrame(cost(1)));
  await settle();
  assert.deepEqual(held.calls.map(({ request }) => request[0]), [1, 1, 3, 4], "the cancelled one is not served");
  assert.match(channel.taken()[0], /^0400000002010/, "and is ended");
});

Deno.test("a goodbye does not wait for credit", async () => {
  const { session, channel } = await dialFake({ hello: needy(1) });
  void session.send(bytes(1));
  channel.taken();
  void session.close();
  assert.match(channel.taken().join(), /^08/);
  channel.deliver(goawayFrame());
  assert.equal(channel.closes, 1);
});

Deno.test("a GOAWAY waits behind the calls before it", async () => {
  const held = new HeldCalls();
  const { session, channel } = await dialFake({ handler: held.handler, hello: needy(1) });
  void session.send(bytes(1));
  channel.deliver(callFrame(0, [1]));
  held.calls[0].reply(bytes());
  await settle();
  channel.deliver(callFrame(1, [2]));
  channel.deliver(goawayFrame());
  assert.equal(session.state, "open");
  channel.deliver(creditFrame(sendCost));
  await settle();
  assert.equal(held.calls.length, 2);
  assert.equal(session.state, "draining");
  assert.equal(channel.aborted, undefined);
});

Deno.test("what was taken up is given back by halves of a window", async () => {
  const { channel } = await acceptFake(() => new Promise(() => {}), {
    channel: unstoppable(1000),
    hello: { version: 2 },
  });
  channel.deliver(callFrame(0, Array(100).fill(1)));
  assert.deepEqual(channel.taken(), []);
  channel.deliver(callFrame(1, Array(100).fill(1)));
  assert.deepEqual(channel.taken(), ["09" + (2 * cost(100)).toString(16).padStart(8, "0")]);
});

Deno.test("a peer that sends without credit is cut off", async () => {
  const held = new HeldCalls();
  const { session, channel } = await dialFake({ handler: held.handler, hello: needy(1), windowBytes: 500 });
  void session.send(bytes(1));
  channel.deliver(callFrame(0));
  held.calls[0].reply(bytes());
  await settle();
  let sent = 0;
  for (; channel.aborted === undefined && sent < 100; sent++) channel.deliver(callFrame(1 + sent, Array(31).fill(1)));
  assert.equal(sent, 6, "500 bytes by 100 each, and the one too many");
  assert.match(channel.aborted!.message, /without credit/);
  assert.equal(channel.aborted!.code, "protocol");
});

Deno.test("credit that was not owed is a violation, and so is any where there are no credits", async () => {
  const wrong: [Parameters<typeof dialFake>[0], Uint8Array][] = [
    [{ hello: needy(1000) }, creditFrame(1)],
    [{ hello: needy(1000) }, creditFrame(0)],
    [{ hello: needy(1000) }, creditFrame(0xffff_ffff)],
    [{ hello: needy(1000) }, creditFrame(1).subarray(0, 4)],
    [{ hello: needy(1000) }, new Uint8Array([...creditFrame(1), 0])],
    [{ hello: { version: 2 } }, creditFrame(1)],
    [{ hello: { version: 1 } }, creditFrame(1)],
  ];
  for (const [options, frame] of wrong) {
    const { channel } = await dialFake(options);
    channel.deliver(frame);
    assert.equal(channel.aborted?.code, "protocol");
  }
  await assert.rejects(dialFake({ hello: needy(0) }), { code: "protocol", processed: "no" });
});

Deno.test("a peer of version 1 is neither given credits nor held to any", async () => {
  const { channel } = await acceptFake((request) => request, { channel: unstoppable(1000), hello: { version: 1 } });
  for (let id = 0; id < 50; id++) channel.deliver(callFrame(id, Array(100).fill(1)));
  assert.equal(channel.sent.length, 50);
  assert.ok(channel.sent.every(([kind]) => kind === 3));
});

Deno.test("a peer that sends no more gets its replies without credit", async () => {
  const { channel } = await acceptFake(() => bytes(1), { hello: needy(1) });
  for (let id = 0; id < 3; id++) channel.deliver(callFrame(id));
  assert.equal(channel.sent.length, 1);
  channel.end();
  await settle();
  assert.deepEqual(channel.taken(), ["030000000001", "030000000101", "030000000201"]);
  assert.equal(channel.closes, 1);
});

Deno.test("a ping is answered while the channel is full, and before all else when it is not any more", async () => {
  const { session, channel } = await dialFake({ hello: { version: 2 } });
  const { promise: room, resolve } = Promise.withResolvers<void>();
  channel.full = room;
  void session.call(bytes(1));
  void session.call(bytes(2));
  channel.deliver(pingFrame(9));
  assert.equal(channel.taken().length, 1);
  channel.full = undefined;
  resolve();
  await settle();
  assert.deepEqual(channel.taken(), ["0700000009", "010000000102"]);
});

Deno.test("credit does not make room on a channel that is full", async () => {
  const { session, channel } = await dialFake({ hello: needy(1) });
  void session.send(bytes(1));
  void session.send(bytes(2));
  channel.taken();
  const { promise: room, resolve } = Promise.withResolvers<void>();
  channel.full = room;
  channel.deliver(pingFrame(1));
  assert.equal(channel.taken().length, 1, "the pong has filled it");
  channel.deliver(creditFrame(sendCost));
  await settle();
  assert.deepEqual(channel.taken(), []);
  channel.full = undefined;
  resolve();
  await settle();
  assert.deepEqual(channel.taken(), ["0202"]);
});

Deno.test("a call that was cancelled before it was taken up is given back", async () => {
  const held = new HeldCalls();
  const { session, channel } = await dialFake({ handler: held.handler, hello: needy(1), windowBytes: 400 });
  void session.send(bytes(1));
  channel.deliver(callFrame(0));
  held.calls[0].reply(bytes());
  await settle();
  channel.taken();
  channel.deliver(callFrame(1, Array(200).fill(1)));
  assert.deepEqual(channel.taken(), []);
  channel.deliver(cancelFrame(1));
  assert.deepEqual(channel.taken(), ["09" + (cost(0) + cost(200)).toString(16).padStart(8, "0")]);
});
