/**
 * What mux() costs on the wire, byte by byte.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, type Message, TransportError } from "../../src/core/mod.ts";
import { mux } from "../../src/session/mux.ts";
import { tcp } from "../../src/transport/tcp/tcp.ts";
import { acceptFake, dialFake, FakeChannel } from "./_fake_peer.ts";
import { callFrame, field, fullCallFrame, replyFrame, sendFrame, u16 } from "./_frames.ts";
import { bytes, HeldCalls } from "./_joined.ts";
import { resolution } from "./_settle.ts";

Deno.test("a call of 0 bytes and its reply take 5 bytes each on the channel", async () => {
  const { session, channel } = await dialFake();
  const call = session.call(bytes());
  assert.deepEqual(channel.taken(), ["0100000000"]);
  channel.deliver(replyFrame(0));
  assert.deepEqual(await resolution(call), bytes());
  const accepted = await acceptFake((request) => request);
  accepted.channel.deliver(callFrame(0));
  assert.deepEqual(accepted.channel.taken(), ["0300000000"]);
});

Deno.test("a call of 0 bytes and its reply take 9 bytes each on TCP", async () => {
  const wire = chain(tcp({ port: 0 }), mux());
  const server = await wire.listen((request) => request);
  const session = await chain(tcp({ port: server.addr.port! }), mux()).dial();
  await session.call(bytes());
  const { bytesIn = NaN, bytesOut = NaN } = server.channels;
  await session.call(bytes());
  assert.equal(server.channels.bytesIn, bytesIn + 9);
  assert.equal(server.channels.bytesOut, bytesOut + 9);
  await session.close();
  await server.shutdown();
});

Deno.test("what travels with a call is written once, in its order", async () => {
  const { session, channel } = await dialFake();
  const metadata = { tenant: "acme", "x-empty": "" };
  const context = callContext({ deadline: 200, priority: 6, metadata });
  void session.call(bytes(9, 9), context);
  const fields = [...field("tenant", "acme"), ...field("x-empty", "")];
  assert.deepEqual(channel.taken(), [fullCallFrame(0, 200, 6, fields).toHex()]);
  session.send(bytes(8), callContext({ metadata: { a: "1" } }));
  assert.deepEqual(channel.taken(), ["42" + new Uint8Array([...u16(5), ...field("a", "1"), 8]).toHex()]);
  void session.call(bytes(7), callContext({ priority: 3 }));
  assert.deepEqual(channel.taken(), ["010000000107"], "the usual priority is not sent");
});

Deno.test("what was written is read as it was", async () => {
  const held = new HeldCalls();
  const { channel, clock } = await acceptFake(held.handler);
  await clock.advance(50);
  channel.deliver(fullCallFrame(1, 200, 6, [...field("tenant", "acme"), ...field("x-empty", "")]));
  channel.deliver(sendFrame([4]));
  const [{ request, context }, send] = held.calls;
  assert.deepEqual(request, bytes(9, 9));
  assert.equal(context.deadline, 250);
  assert.equal(context.priority, 6);
  assert.deepEqual({ ...context.metadata }, { tenant: "acme", "x-empty": "" });
  assert.deepEqual(send.request, bytes(4));
});

Deno.test("an error is written as its code, verdict, retry-after, message and details", async () => {
  const { channel } = await acceptFake(() => {
    throw new TransportError("rate-limited", "é", { processed: "no", retryAfterMs: 299.2, details: { a: 1 } });
  });
  channel.deliver(callFrame(2));
  const details = new TextEncoder().encode(`{"a":1}`).toHex();
  assert.deepEqual(channel.taken(), [`04000000020e00${"0000012d"}${"0002"}c3a9${details}`]);
});

/** A channel that takes a head and a body apart, as sockets do. */
class PartsChannel extends FakeChannel {
  sendParts(head: Uint8Array, headLength: number, body: Uint8Array): void | Promise<void> {
    const message: Message = new Uint8Array([...head.subarray(0, headLength), ...body]);
    head.fill(0xff);
    return this.send(message);
  }
}

Deno.test("a channel that takes heads and bodies apart gets the same bytes, whatever it does to the head", async () => {
  const { session, channel } = await dialFake({ channel: new PartsChannel(), handler: (request) => request });
  const call = session.call(bytes(1, 2), callContext({ priority: 1 }));
  session.send(bytes(3));
  channel.deliver(callFrame(4, [5]));
  assert.deepEqual(channel.taken(), ["2100000000010102", "0203", "030000000405"]);
  channel.deliver(replyFrame(0, [6]));
  assert.deepEqual(await resolution(call), bytes(6));
});
