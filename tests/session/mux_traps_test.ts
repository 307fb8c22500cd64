/**
 * Traps that an earlier mux() fell into, one test each.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, ManualClock } from "../../src/core/mod.ts";
import { serve } from "../../src/serve.ts";
import { mux } from "../../src/session/mux.ts";
import { memory } from "../../src/transport/memory/memory.ts";
import { acceptFake, dialFake, FakeChannel, fakeTransport } from "./_fake_peer.ts";
import { callFrame, field, frame, goawayFrame, helloFrame, sendFrame, u16, u32 } from "./_frames.ts";
import { bytes, HeldCalls, joined } from "./_joined.ts";
import { isPending, rejection, resolution, settle, standing } from "./_settle.ts";

Deno.test("a caller with much to send still reads its replies: 1024 calls of 1 KiB do not stand still", async () => {
  const { session } = await joined((request) => request);
  const calls = Array.from({ length: 1024 }, () => session.call(new Uint8Array(1024)));
  await settle(20_000);
  assert.equal((await standing(Promise.all(calls))).state, "resolved");
});

Deno.test("many large replies at once wait for room, they do not cost the connection", async () => {
  const { session } = await joined(async () => {
    await settle(20);
    return new Uint8Array(65_536);
  });
  const calls = Array.from({ length: 1024 }, () => session.call(bytes()));
  await settle(20_000);
  const replies = await resolution(Promise.all(calls));
  assert.equal(replies.length, 1024);
});

Deno.test("a dial that is given up while the channel connects gives no session", async () => {
  const clock = new ManualClock();
  const transport = mux({ clock })(memory({ clock }));
  await transport.listen((request) => request);
  const controller = new AbortController();
  const dial = transport.dial({ signal: controller.signal });
  controller.abort();
  await rejection(dial, "cancelled");
});

Deno.test("a grace that is longer than closeTimeoutMs is kept", async () => {
  const held = new HeldCalls();
  const { session, server, clock } = await joined(held.handler, { closeTimeoutMs: 30_000 });
  const call = session.call(bytes(1));
  await settle();
  const ending = server.shutdown({ graceMs: 60_000 });
  await clock.advance(45_000);
  await isPending(call);
  held.calls[0].reply(bytes(9));
  assert.deepEqual(await resolution(call), bytes(9));
  await resolution(ending);
});

Deno.test("metadata does not make a frame larger than the peer can take", async () => {
  const { session, channel } = await dialFake({ hello: { maxMessageBytes: 95 } });
  // The peer's channel takes 100 bytes, the head of a plain call included: a larger frame would end the connection.
  const context = callContext({ metadata: { tenant: "acme" } });
  await rejection(session.call(new Uint8Array(95), context), "message-too-large");
  assert.deepEqual(channel.taken(), []);
});

Deno.test("after a first message that was refused nothing is read any more", async () => {
  let runs = 0;
  const { channel } = await acceptFake((request) => {
    runs++;
    return request;
  }, { hello: false });
  channel.deliver(new TextEncoder().encode("GET / HTTP/1.1"));
  channel.deliver(helloFrame());
  channel.deliver(callFrame(0));
  await settle();
  assert.equal(runs, 0);
});

Deno.test("a peer whose hello was refused and that ends its side is not reset: our hello may still be on its way", async () => {
  const clock = new ManualClock();
  const channel = new FakeChannel();
  const dial = mux({ clock })(fakeTransport(channel)).dial();
  await settle();
  channel.deliver(helloFrame({ version: 5, oldest: 4 }));
  channel.end();
  await rejection(dial, "version-mismatch");
  assert.equal(channel.aborted, undefined);
});

Deno.test("the handler of a one-way send hears that the connection is gone", async () => {
  const held = new HeldCalls();
  const { channel } = await acceptFake(held.handler);
  channel.deliver(sendFrame([1]));
  channel.finish();
  assert.ok(held.calls[0].context.signal.aborted);
});

Deno.test("metadata that no context may hold is refused", async () => {
  const evil = [field("tenant", "a\r\nx-admin: 1"), field("Tenant", "a"), field("tenant", "\xff"), field("a b", "")];
  for (const metadata of evil) {
    const held = new HeldCalls();
    const { channel } = await acceptFake(held.handler);
    channel.deliver(frame(0x41, u32(0), u16(metadata.length), metadata));
    assert.equal(held.calls.length, 0, `it had ${JSON.stringify(String.fromCharCode(...metadata))}`);
    assert.equal(channel.aborted?.code, "protocol");
  }
});

Deno.test("an onSession that throws does not cost the connection", async () => {
  const clock = new ManualClock();
  const wire = mux({ clock })(memory({ clock }));
  const onSession = (): void => {
    throw new Error("a listener's own fault");
  };
  await wire.listen((request) => request, { onSession });
  const session = await resolution(wire.dial());
  assert.deepEqual(await resolution(session.call(bytes(1))), bytes(1));
});

Deno.test("a server whose signal aborts while it begins to listen ends", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  const wire = mux({ clock })(memory({ clock }));
  const starting = serve(wire, (request) => request, { signal: controller.signal });
  controller.abort();
  const started = await standing(starting);
  // Either way is right: not to begin, or to begin and end at once.
  if (started.state === "resolved") await resolution(started.value.finished);
  await rejection(wire.dial(), "connect-failed");
});

Deno.test("whoever spreads calls over sessions sees no load on one that has ended", async () => {
  const { channel, session } = await dialFake();
  session.call(bytes(1)).catch(() => {});
  let last = "";
  session.onChange = () => last = `${session.state} ${session.load}`;
  channel.finish();
  assert.equal(last, "closed 0");
});

Deno.test("a call after the caller's GOAWAY breaks the rules", async () => {
  const held = new HeldCalls();
  const { channel } = await acceptFake(held.handler);
  channel.deliver(callFrame(0));
  channel.deliver(goawayFrame());
  channel.deliver(callFrame(1));
  assert.equal(held.calls.length, 1);
  assert.equal(channel.aborted?.code, "protocol");
});
