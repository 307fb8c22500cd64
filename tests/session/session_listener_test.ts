/**
 * The listening side of sessions: counters, who is told of them, and the end of
 * a server.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, ManualClock, type Session } from "../../src/core/mod.ts";
import { mux } from "../../src/session/mux.ts";
import { memory } from "../../src/transport/memory/memory.ts";
import { acceptFake, FakeChannel, fakeTransport } from "./_fake_peer.ts";
import { callFrame, goawayFrame, helloFrame } from "./_frames.ts";
import { bytes, HeldCalls, joined } from "./_joined.ts";
import { isPending, rejection, resolution, settle } from "./_settle.ts";

Deno.test("the counters say what runs, what ran, what failed and what was refused", async () => {
  const held = new HeldCalls();
  const { session, server, clock } = await joined(held.handler);
  const calls = [1, 2, 3].map((i) => session.call(bytes(i)));
  for (const call of calls) call.catch(() => {});
  await settle();
  assert.deepEqual({ ...server.calls }, { inFlight: 3, started: 3, failed: 0, refused: 0 });
  held.calls[0].reply(bytes());
  held.calls[1].fail(new Error("x"));
  await settle();
  assert.deepEqual({ ...server.calls }, { inFlight: 1, started: 3, failed: 1, refused: 0 });
  assert.equal(server.channels.connectionsOpen, 1);
  assert.equal(server.addr.transport, "memory");
  assert.equal(clock.now(), 0);
});

Deno.test("the counters add up the calls of all sessions", async () => {
  const { wire, server } = await joined((request) => request);
  const sessions = await Promise.all([wire.dial(), wire.dial(), wire.dial()]);
  for (const session of sessions) await session.call(bytes(1));
  assert.equal(server.calls.started, 3);
  assert.equal(server.channels.connectionsAccepted, 4);
});

Deno.test("a session is told of once, when it has said hello, and before its first call", async () => {
  const log: string[] = [];
  const { channel } = await acceptFake((request) => {
    log.push("call");
    return request;
  }, { hello: false, onSession: (session) => log.push(`session ${session.state}`) });
  await settle();
  assert.deepEqual(log, []);
  channel.deliver(helloFrame());
  channel.deliver(callFrame(0));
  await settle();
  assert.deepEqual(log, ["session open", "call"]);
});

Deno.test("a session that was told of can be called", async () => {
  const clock = new ManualClock();
  const wire = chain(memory({ clock }), mux({ clock }));
  let session: Session<Uint8Array, Uint8Array> | undefined;
  await wire.listen((request) => request, { onSession: (accepted) => session = accepted });
  await wire.dial({ handler: (request) => bytes(...request, 1) });
  await settle();
  assert.deepEqual(await resolution(session!.call(bytes(5))), bytes(5, 1));
});

Deno.test("a shutdown finishes the calls in flight, takes no new ones, and closes", async () => {
  const held = new HeldCalls();
  const { session, server, wire } = await joined(held.handler);
  const call = session.call(bytes(1));
  await settle();
  const ending = server.shutdown();
  await settle();
  assert.equal(session.state, "draining");
  await rejection(session.call(bytes(2)), "draining");
  await rejection(wire.dial(), "connect-failed");
  await isPending(ending);
  await isPending(server.finished);
  held.calls[0].reply(bytes(9));
  assert.deepEqual(await resolution(call), bytes(9));
  await resolution(ending);
  await resolution(server.finished);
  assert.equal(session.state, "closed");
  assert.equal(server.channels.connectionsOpen, 0);
  assert.equal(server.calls.inFlight, 0);
});

Deno.test("calls that outlast the grace are cut off, and their handlers hear", async () => {
  const held = new HeldCalls();
  const { session, server, clock } = await joined(held.handler);
  const call = session.call(bytes(1));
  await settle();
  const ending = server.shutdown({ graceMs: 2000 });
  await clock.advance(1999);
  await isPending(ending);
  await clock.advance(1);
  await resolution(ending);
  assert.match((await rejection(call, "connection-lost")).message, /its grace of 2000 ms is over/);
  assert.ok(held.calls[0].context.signal.aborted);
  assert.equal(clock.pending, 0, "no timer is left");
});

Deno.test("a grace of 0 cuts off at once", async () => {
  const held = new HeldCalls();
  const { session, server, clock } = await joined(held.handler);
  const call = session.call(bytes(1));
  await settle();
  const ending = server.shutdown({ graceMs: 0 });
  await clock.advance(0);
  await resolution(ending);
  await rejection(call, "connection-lost");
});

Deno.test("a second shutdown is the first one", async () => {
  const { server } = await joined((request) => request);
  const ending = server.shutdown({ graceMs: 5 });
  assert.equal(server.shutdown({ graceMs: 100 }), ending);
  await resolution(ending);
});

Deno.test("a connection that comes while the server ends is ended too", async () => {
  const clock = new ManualClock();
  const transport = fakeTransport(new FakeChannel());
  const listener = await mux({ clock })(transport).listen((request) => request);
  const ending = listener.shutdown();
  const late = new FakeChannel();
  transport.accept(late);
  late.deliver(helloFrame());
  assert.match(late.taken()[1], /^08/, "it is told so");
  late.deliver(goawayFrame());
  assert.ok(late.closes > 0);
  late.finish();
  await resolution(ending);
});

Deno.test("a server whose sessions have all ended shuts down at once", async () => {
  const { session, server, clock } = await joined((request) => request);
  await resolution(session.close());
  await resolution(server.shutdown());
  assert.equal(clock.pending, 0);
});
