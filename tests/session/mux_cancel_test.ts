/**
 * Callers of mux() who give up: cancelling, on both ends of the wire.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, TransportError } from "../../src/core/mod.ts";
import { spyOn } from "../core/_spy.ts";
import { acceptFake, dialFake } from "./_fake_peer.ts";
import { callFrame, cancelFrame, errorFrame, replyFrame } from "./_frames.ts";
import { bytes, HeldCalls, joined } from "./_joined.ts";
import { isPending, rejection, resolution, settle } from "./_settle.ts";

Deno.test("cancelling rejects the caller at once and aborts the handler's signal", async () => {
  const held = new HeldCalls();
  const { session } = await joined(held.handler);
  const controller = new AbortController();
  const call = session.call(bytes(1), callContext({ signal: controller.signal }));
  await settle();
  const { signal } = held.calls[0].context;
  controller.abort(new Error("the user left"));
  const error = await rejection(call, "cancelled");
  assert.match(error.message, /the user left/);
  assert.ok(signal.aborted);
  assert.ok(signal.reason instanceof TransportError && signal.reason.code === "cancelled");
  assert.equal(session.load, 0);
});

Deno.test("the caller is rejected before the far side has heard of it", async () => {
  const { session, channel } = await dialFake();
  const controller = new AbortController();
  const call = session.call(bytes(1), callContext({ signal: controller.signal }));
  channel.taken();
  controller.abort();
  assert.deepEqual(channel.taken(), ["0500000000"]);
  await rejection(call, "cancelled");
});

Deno.test("a call that is cancelled before it is sent is not sent", async () => {
  const { session, channel } = await dialFake();
  const error = await rejection(session.call(bytes(1), callContext({ signal: AbortSignal.abort() })), "cancelled");
  assert.equal(error.processed, "no");
  assert.deepEqual(channel.taken(), []);
  assert.equal(session.load, 0);
});

Deno.test("the number of a cancelled call is not used again before the far side has ended it", async () => {
  const { session, channel } = await dialFake();
  const controller = new AbortController();
  const first = session.call(bytes(1), callContext({ signal: controller.signal }));
  controller.abort();
  await rejection(first, "cancelled");
  assert.equal(session.load, 1, "it still counts");
  const second = session.call(bytes(2));
  assert.deepEqual(channel.taken(), ["010000000001", "0500000000", "010000000102"]);
  channel.deliver(errorFrame(0, 1, 1, "cancelled"));
  assert.equal(session.load, 1);
  const third = session.call(bytes(3));
  assert.deepEqual(channel.taken(), ["010000000003"]);
  channel.deliver(replyFrame(1, [22]));
  channel.deliver(replyFrame(0, [33]));
  assert.deepEqual(await resolution(Promise.all([second, third])), [bytes(22), bytes(33)]);
});

Deno.test("a reply that crosses the cancel is dropped", async () => {
  const { session, channel } = await dialFake();
  const controller = new AbortController();
  const call = session.call(bytes(1), callContext({ signal: controller.signal }));
  controller.abort();
  channel.deliver(replyFrame(0, [9]));
  await rejection(call, "cancelled");
  assert.equal(session.load, 0);
  assert.equal(session.state, "open");
  const next = session.call(bytes(2));
  await isPending(next, "the next call, which has the same number");
  channel.deliver(replyFrame(0, [8]));
  assert.deepEqual(await resolution(next), bytes(8));
});

Deno.test("cancelling a call that has ended sends nothing", async () => {
  const { session, channel } = await dialFake();
  const controller = new AbortController();
  const call = session.call(bytes(1), callContext({ signal: controller.signal }));
  channel.deliver(replyFrame(0, [9]));
  await resolution(call);
  channel.taken();
  controller.abort();
  assert.deepEqual(channel.taken(), []);
});

Deno.test("nothing hangs on a long-lived signal once its calls have settled", async () => {
  const controller = new AbortController();
  const spy = spyOn(controller.signal);
  const { session, channel } = await dialFake();
  const context = callContext({ signal: controller.signal });
  const derived = context.with({ signal: new AbortController().signal, deadline: 1e6 });
  const calls = [context, context, derived, derived].map((given) => session.call(bytes(1), given));
  assert.ok(spy.hanging > 0);
  channel.deliver(replyFrame(0));
  channel.deliver(errorFrame(1, 0, 2, "failed"));
  channel.deliver(replyFrame(2));
  channel.deliver(replyFrame(3));
  await Promise.allSettled(calls);
  assert.equal(spy.hanging, 0);

  const lost = session.call(bytes(1), context);
  assert.equal(spy.hanging, 1);
  session.abort(new TransportError("closed", "enough"));
  await rejection(lost, "connection-lost");
  assert.equal(spy.hanging, 0);
});

Deno.test("one cancellation ends all calls made with it, even where the first one closes the connection", async () => {
  const { session } = await dialFake();
  const controller = new AbortController();
  const context = callContext().with({ signal: controller.signal });
  context.cancellation!.subscribe({ cancelled: () => session.abort(new TransportError("closed", "enough")) });
  const calls = [session.call(bytes(1), context), session.call(bytes(2), context)];
  controller.abort();
  for (const call of calls) await rejection(call, "connection-lost");
});

Deno.test("a cancel ends the call on the wire at once, and what the handler does later is not sent", async () => {
  const held = new HeldCalls();
  const { channel, listener } = await acceptFake(held.handler);
  channel.deliver(callFrame(5, [1]));
  channel.deliver(cancelFrame(5));
  const [end] = channel.sent.splice(0);
  assert.deepEqual([...end.subarray(0, 7)], [4, 0, 0, 0, 5, 1, 1], "error, call 5, cancelled, maybe");
  assert.ok(held.calls[0].context.signal.aborted);
  assert.equal(listener.calls.inFlight, 1, "the handler is still at work");
  held.calls[0].reply(bytes(9));
  await settle();
  assert.deepEqual(channel.taken(), []);
  assert.deepEqual({ ...listener.calls }, { inFlight: 0, started: 1, failed: 0, refused: 0 });
});

Deno.test("a late reply of a cancelled call is not taken for that of the next call of its number", async () => {
  const held = new HeldCalls();
  const { channel } = await acceptFake(held.handler);
  channel.deliver(callFrame(5, [1]));
  channel.deliver(cancelFrame(5));
  channel.taken();
  channel.deliver(callFrame(5, [2]));
  held.calls[0].reply(bytes(1));
  await settle();
  assert.deepEqual(channel.taken(), []);
  held.calls[1].reply(bytes(2));
  await settle();
  assert.deepEqual(channel.taken(), ["030000000502"]);
});

Deno.test("a cancel that crosses the reply is ignored", async () => {
  const { channel } = await acceptFake((request) => request);
  channel.deliver(callFrame(0, [1]));
  channel.taken();
  channel.deliver(cancelFrame(0));
  channel.deliver(cancelFrame(77));
  assert.deepEqual(channel.taken(), []);
  assert.equal(channel.over, false);
});

Deno.test("a handler that nobody asks for a signal costs none, and hears by its cancellation", async () => {
  const held = new HeldCalls();
  const { channel } = await acceptFake(held.handler);
  channel.deliver(callFrame(0));
  const reasons: string[] = [];
  held.calls[0].context.cancellation!.subscribe({ cancelled: (reason) => reasons.push(reason.code) });
  channel.deliver(cancelFrame(0));
  assert.deepEqual(reasons, ["cancelled"]);
});
