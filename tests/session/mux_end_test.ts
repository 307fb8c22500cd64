/**
 * How a mux() session ends: in order, by either end, half, and all at once.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, deadlinesOf, TransportError, type TransportEvent } from "../../src/core/mod.ts";
import { acceptFake, dialFake } from "./_fake_peer.ts";
import { callFrame, errorFrame, goawayFrame, replyFrame } from "./_frames.ts";
import { bytes, HeldCalls, joined } from "./_joined.ts";
import { isPending, rejection, resolution, settle, standing } from "./_settle.ts";

Deno.test("a session that is closed takes no calls, finishes those in flight, then ends", async () => {
  const held = new HeldCalls();
  const { session, accepted } = await joined(held.handler);
  const call = session.call(bytes(1));
  await settle();
  const closing = session.close();
  assert.equal(session.state, "draining");
  const refused = await rejection(session.call(bytes(2)), "draining");
  assert.equal(refused.processed, "no");
  assert.throws(() => session.send(bytes(2)), { code: "draining" });
  assert.equal(accepted.state, "draining", "the other end has heard");
  await isPending(closing);
  held.calls[0].reply(bytes(9));
  assert.deepEqual(await resolution(call), bytes(9));
  await resolution(closing);
  assert.deepEqual([session.state, accepted.state], ["closed", "closed"]);
  assert.equal(await resolution(session.finished), undefined, "in order");
  assert.equal(await resolution(accepted.finished), undefined);
  const late = await rejection(session.call(bytes(3)), "closed");
  assert.equal(late.processed, "no");
  await rejection(session.ping(), "closed");
});

Deno.test("the end that answers drains the other one", async () => {
  const held = new HeldCalls();
  const { session, accepted, clock } = await joined(held.handler);
  const call = session.call(bytes(1));
  await settle();
  const closing = accepted.close();
  await settle();
  assert.equal(session.state, "draining");
  await rejection(session.call(bytes(2)), "draining");
  await isPending(closing);
  held.calls[0].reply(bytes(9));
  assert.deepEqual(await resolution(call), bytes(9));
  await resolution(closing);
  assert.equal(session.state, "closed");
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("both ends closing at once end in order", async () => {
  const { session, accepted } = await joined((request) => request);
  await resolution(Promise.all([session.close(), accepted.close()]));
  assert.equal(await session.finished, undefined);
  assert.equal(await accepted.finished, undefined);
});

Deno.test("a call that crosses the GOAWAY on the wire is answered", async () => {
  const { channel, listener } = await acceptFake((request) => request);
  void listener.shutdown();
  await settle();
  assert.match(channel.taken()[0], /^08/);
  channel.deliver(callFrame(0, [7]));
  assert.deepEqual(channel.taken(), ["030000000007"]);
  assert.equal(channel.closes, 0, "the peer has not said yet that it makes no new calls");
  channel.deliver(goawayFrame());
  assert.ok(channel.closes > 0);
});

Deno.test("a GOAWAY is answered with one, once, and its reason is told", async () => {
  const events: TransportEvent[] = [];
  const { channel, session } = await dialFake({ observer: (event) => events.push(event) });
  const call = session.call(bytes(1));
  channel.taken();
  channel.deliver(goawayFrame("a new version comes"));
  channel.deliver(goawayFrame("again"));
  assert.deepEqual(channel.taken(), [goawayFrame("a new version comes").toHex()]);
  assert.deepEqual(events.map((event) => event.type === "session-draining" && [event.by, event.reason]), [[
    "remote",
    "a new version comes",
  ]]);
  assert.equal(channel.closes, 0);
  channel.deliver(replyFrame(0, [2]));
  assert.deepEqual(await resolution(call), bytes(2));
  assert.ok(channel.closes > 0, "the last call has ended");
});

Deno.test("a session waits for the far side to end its cancelled calls before it closes", async () => {
  const { channel, session } = await dialFake();
  const controller = new AbortController();
  const call = session.call(bytes(1), callContext({ signal: controller.signal }));
  controller.abort();
  await rejection(call, "cancelled");
  void session.close();
  channel.deliver(goawayFrame());
  assert.equal(channel.closes, 0);
  channel.deliver(errorFrame(0, 1, 1, "cancelled"));
  assert.ok(channel.closes > 0);
});

Deno.test("calls that do not finish in the time allowed are cut off", async () => {
  const held = new HeldCalls();
  const { session, clock } = await joined(held.handler, { closeTimeoutMs: 500 });
  const call = session.call(bytes(1));
  await settle();
  const closing = session.close();
  await clock.advance(499);
  await isPending(closing);
  await clock.advance(1);
  await resolution(closing);
  const error = await rejection(call, "connection-lost");
  assert.match(error.message, /not finished within 500 ms/);
  assert.equal((await session.finished)?.code, "closed");
  assert.ok(held.calls[0].context.signal.aborted);
});

Deno.test("aborting ends all calls with the reason, and tells the handlers of the other end", async () => {
  const held = new HeldCalls();
  const { session, accepted } = await joined(held.handler);
  const calls = [session.call(bytes(1)), session.call(bytes(2))];
  await settle();
  const reason = new TransportError("closed", "enough");
  session.abort(reason);
  for (const call of calls) {
    const error = await rejection(call, "connection-lost");
    assert.equal(error.processed, "maybe");
    assert.equal(error.cause, reason);
  }
  assert.equal(await session.finished, reason);
  assert.equal((await accepted.finished)?.code, "connection-lost");
  for (const { context } of held.calls) {
    assert.ok(context.signal.aborted);
    assert.equal(context.cancellation!.reason?.code, "cancelled");
  }
  session.abort(new TransportError("closed", "again"));
  assert.equal(await session.finished, reason);
});

Deno.test("a peer that vanishes loses the calls of both directions, and late replies go nowhere", async () => {
  const held = new HeldCalls();
  const { channel, session } = await dialFake({ handler: held.handler });
  const call = session.call(bytes(1));
  const ping = session.ping();
  channel.deliver(callFrame(0));
  channel.taken();
  channel.finish(new TransportError("connection-lost", "Connection lost: reset"));
  await rejection(call, "connection-lost");
  await rejection(ping, "connection-lost");
  assert.equal(session.load, 0);
  assert.ok(held.calls[0].context.signal.aborted);
  held.calls[0].reply(bytes(2));
  await settle();
  assert.deepEqual(channel.taken(), []);
});

Deno.test("a peer that ends its side while its calls run still gets the replies", async () => {
  const held = new HeldCalls();
  const { channel, session } = await dialFake({ handler: held.handler });
  channel.deliver(callFrame(0, [1]));
  channel.deliver(callFrame(1, [2]));
  const own = session.call(bytes(3));
  channel.taken();
  channel.end();
  await rejection(own, "connection-lost");
  assert.equal(session.state, "draining");
  await rejection(session.call(bytes(4)), "draining");
  assert.equal(held.calls[0].context.signal.aborted, false);
  held.calls[0].reply(bytes(11));
  await settle();
  assert.deepEqual(channel.taken(), ["03000000000b"]);
  assert.equal(channel.closes, 0);
  held.calls[1].reply(bytes(22));
  await settle();
  assert.deepEqual(channel.taken(), ["030000000116"]);
  assert.ok(channel.closes > 0, "then this end is done too");
});

Deno.test("a peer that ends its side with nothing in flight is closed in order", async () => {
  const { channel, session } = await dialFake();
  channel.end();
  assert.ok(channel.closes > 0);
  assert.equal(channel.aborted, undefined);
  channel.finish();
  assert.equal(await resolution(session.finished), undefined);
});

Deno.test("whoever spreads calls over sessions is told of every end and change", async () => {
  const { channel, session } = await dialFake();
  const seen: string[] = [];
  session.onChange = () => seen.push(`${session.state} ${session.load}`);
  const calls = [session.call(bytes(1)), session.call(bytes(2))];
  for (const call of calls) call.catch(() => {});
  channel.deliver(replyFrame(0));
  channel.deliver(errorFrame(1, 0, 2, "x"));
  channel.deliver(goawayFrame());
  channel.finish();
  assert.deepEqual(seen, ["open 1", "open 0", "draining 0", "closed 0"]);
});

Deno.test("closing again waits for the same end", async () => {
  const { channel, session } = await dialFake();
  const closing = [session.close(), session.close()];
  channel.deliver(goawayFrame());
  channel.finish();
  await resolution(Promise.all(closing));
  await resolution(session.close());
  assert.equal((await standing(session.finished)).state, "resolved");
});
