/**
 * Deadlines of calls over mux(): what is sent, who refuses, who watches.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { background, callContext, Cancellation, deadlinesOf } from "../../src/core/mod.ts";
import { acceptFake, dialFake } from "./_fake_peer.ts";
import { callFrame, frame, replyFrame, u32 } from "./_frames.ts";
import { bytes, HeldCalls, joined } from "./_joined.ts";
import { isPending, rejection, resolution, settle } from "./_settle.ts";

Deno.test("a deadline travels as the time that is left, rounded up", async () => {
  const { session, channel, clock } = await dialFake();
  await clock.advance(1000);
  for (const [deadline, sent] of [[1200, "000000c8"], [1000.2, "00000001"], [1199.5, "000000c8"]] as const) {
    void session.call(bytes(9), callContext({ deadline })).catch(() => {});
    assert.match(channel.taken()[0], new RegExp(`^11000000..${sent}09$`));
  }
  void session.call(bytes(9), callContext({ deadline: 1e12 })).catch(() => {});
  assert.match(channel.taken()[0], /^1100000003ffffffff09$/, "more than 32 bits is sent as what they hold");
});

Deno.test("the handler sees the deadline on its own clock", async () => {
  const held = new HeldCalls();
  const { channel, clock } = await acceptFake(held.handler);
  await clock.advance(5000);
  channel.deliver(frame(0x11, u32(0), u32(250)));
  assert.equal(held.calls[0].context.deadline, 5250);
  assert.equal(held.calls[0].context.timeLeftMs(clock), 250);
  assert.equal(held.calls[0].context.deadlineEnforced, false);
});

Deno.test("a call that has expired on arrival is refused before the handler runs", async () => {
  let runs = 0;
  const { channel, listener } = await acceptFake((request) => {
    runs++;
    return request;
  });
  channel.deliver(frame(0x11, u32(3), u32(0), 1, 2));
  const [end] = channel.sent;
  assert.deepEqual([...end.subarray(0, 7)], [4, 0, 0, 0, 3, 2, 0], "error, call 3, deadline-exceeded, not processed");
  channel.deliver(frame(0x12, u32(0), 1, 2));
  assert.equal(runs, 0);
  assert.deepEqual({ ...listener.calls }, { inFlight: 0, started: 0, failed: 0, refused: 2 });
});

Deno.test("a call whose deadline has passed is not sent", async () => {
  const { session, channel, clock } = await dialFake();
  await clock.advance(100);
  for (const deadline of [100, 99, -1]) {
    const error = await rejection(session.call(bytes(), callContext({ deadline })), "deadline-exceeded");
    assert.equal(error.processed, "no");
  }
  assert.throws(() => session.send(bytes(), callContext({ deadline: 100 })), { code: "deadline-exceeded" });
  assert.deepEqual(channel.taken(), []);
  assert.equal(session.load, 0);
});

Deno.test("the caller is rejected when the deadline passes, without a timeout middleware, and the handler hears", async () => {
  const held = new HeldCalls();
  const { session, clock } = await joined(held.handler);
  const call = session.call(bytes(1), callContext({ timeoutMs: 100, clock }));
  await clock.advance(99);
  await isPending(call);
  await clock.advance(1);
  const error = await rejection(call, "deadline-exceeded");
  assert.equal(error.processed, "maybe");
  assert.equal(error.remote, false);
  assert.ok(held.calls[0].context.cancellation!.reason !== undefined);
  assert.equal(session.load, 0);
});

Deno.test("a call that ends in time leaves nothing in the deadline queue", async () => {
  const { session, channel, clock } = await dialFake();
  const calls = [1, 2, 3].map(() => session.call(bytes(), callContext({ timeoutMs: 100, clock })));
  assert.equal(deadlinesOf(clock).size, 3);
  channel.deliver(replyFrame(0));
  channel.deliver(frame(4, u32(1), 0, 2, u32(0), 0, 0));
  assert.equal(deadlinesOf(clock).size, 1);
  channel.finish();
  assert.equal(deadlinesOf(clock).size, 0);
  const results = await Promise.allSettled(calls);
  assert.deepEqual(results.map((result) => result.status), ["fulfilled", "rejected", "rejected"]);
});

Deno.test("a deadline that an outer layer enforces is sent, and not watched a second time", async () => {
  const { session, channel, clock } = await dialFake();
  const cancellation = new Cancellation();
  const call = session.call(bytes(1), background.bounded(100, cancellation));
  assert.equal(deadlinesOf(clock).size, 0);
  assert.deepEqual(channel.taken(), ["11000000000000006401"]);
  await clock.advance(150);
  await isPending(call);
  channel.deliver(replyFrame(0, [5]));
  assert.deepEqual(await resolution(call), bytes(5));
});

Deno.test("a deadline that is shorter than the enforced one is watched", async () => {
  const { session, clock } = await dialFake();
  const context = background.bounded(100, new Cancellation()).with({ deadline: 50 });
  const call = session.call(bytes(1), context);
  assert.equal(deadlinesOf(clock).size, 1);
  await clock.advance(50);
  await rejection(call, "deadline-exceeded");
});

Deno.test("a call without a deadline is waited for as long as it takes", async () => {
  const { session, channel, clock } = await dialFake();
  const call = session.call(bytes(1));
  assert.equal(clock.pending <= 1, true, "but for the hello's timer");
  await clock.advance(1e9);
  await isPending(call);
  channel.deliver(replyFrame(0, [5]));
  await resolution(call);
});

Deno.test("a call without a deadline arrives without one", async () => {
  const held = new HeldCalls();
  const { channel } = await acceptFake(held.handler);
  channel.deliver(callFrame(0));
  await settle();
  assert.equal(held.calls[0].context.deadline, Infinity);
});
