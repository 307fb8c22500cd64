/**
 * Peers that break the rules of mux(): each violation ends its connection with
 * a `protocol` error that names it, and nothing else.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock } from "../../src/core/mod.ts";
import { mux } from "../../src/session/mux.ts";
import { acceptFake, dialFake, FakeChannel, fakeTransport } from "./_fake_peer.ts";
import { callFrame, errorFrame, field, frame, fullCallFrame, helloFrame, replyFrame, u16, u32 } from "./_frames.ts";
import { bytes, HeldCalls } from "./_joined.ts";
import { rejection, resolution, settle } from "./_settle.ts";

/** What a peer must not send; each with what the error says. */
const violations: Record<string, [Uint8Array | string, RegExp]> = {
  "an empty message": [frame(), /its kind is missing/],
  "an unknown kind": [frame(0x0f, u32(0)), /its kind is 0x0f/],
  "the next unused kind": [frame(9, u32(0)), /its kind is 0x09/],
  "an unknown flag": [frame(0x81, u32(0)), /its kind is 0x81/],
  "an unknown flag on a send": [frame(0x82), /its kind is 0x82/],
  "a known flag on a reply": [frame(0x13, u32(0)), /its kind is 0x13/],
  "text": ["hello", /this is text/],
  "a reply to a call that was never made": [replyFrame(7), /it ends call 7, which is not in flight/],
  "an error for a call that was never made": [errorFrame(7, 0, 2, "x"), /it ends call 7/],
  "a reply cut short": [frame(3, 0, 0), /it ends call -1/],
  "an error cut short": [errorFrame(0, 0, 2, "").subarray(0, 12), /it is cut short/],
  "an error whose message is cut short": [errorFrame(0, 0, 2, "long message").subarray(0, 20), /it is cut short/],
  "an error whose details are not JSON": [errorFrame(0, 0, 2, "x", "{oops"), /the details of an error are not JSON/],
  "a call cut short": [frame(1, 0, 0, 0), /a call cut short/],
  "a call beyond the limit": [callFrame(1024), /call number 1024, the limit is 1024/],
  "a call of the largest number": [callFrame(0xffff_ffff), /call number 4294967295/],
  "a cancel cut short": [frame(5, 0, 0), /a cancel cut short/],
  "a ping cut short": [frame(6, 0, 0, 0), /a ping of 4 bytes/],
  "a ping that is too long": [frame(6, u32(1), 0), /a ping of 6 bytes/],
  "a pong cut short": [frame(7), /a pong of 1 bytes/],
  "a deadline cut short": [frame(0x11, u32(0), 0, 0, 0), /it is cut short/],
  "a priority cut short": [frame(0x21, u32(0)), /it is cut short/],
  "a priority out of range": [frame(0x21, u32(0), 8), /its priority is 8/],
  "metadata without its length": [frame(0x41, u32(0), 0), /it is cut short/],
  "metadata cut short": [frame(0x41, u32(0), u16(10), field("k", "v")), /it is cut short/],
  "metadata whose key goes past its end": [frame(0x41, u32(0), u16(3), 9, 1, 1, 1, 1, 1), /it is cut short/],
  "metadata whose value goes past its end": [frame(0x41, u32(0), u16(5), 1, 107, u16(9), 1, 1, 1), /it is cut short/],
  "metadata over its limit": [frame(0x41, u32(0), u16(0x4001), Array(0x4001).fill(0)), /16384 are allowed/],
  "a deadline cut short on a send": [frame(0x12, 0), /it is cut short/],
};

for (const [name, [message, text]] of Object.entries(violations)) {
  Deno.test(`${name} ends the connection with a protocol error`, async () => {
    const held = new HeldCalls();
    const { channel, session } = await dialFake({ handler: held.handler });
    const call = session.call(bytes(1));
    channel.deliver(callFrame(5));
    channel.deliver(message);
    assert.equal(channel.aborted?.code, "protocol");
    assert.match(channel.aborted!.message, /^Frame refused: /);
    assert.match(channel.aborted!.message, text);
    assert.equal(await session.finished, channel.aborted);
    const error = await rejection(call, "connection-lost");
    assert.equal(error.cause, channel.aborted);
    assert.equal(session.state, "closed");
    assert.ok(held.calls[0].context.signal.aborted, "who answered a call of it hears so");
    assert.equal(held.calls.length, 1, "and the bad frame reached no handler");
  });
}

Deno.test("a call of a number that is in flight ends the connection", async () => {
  const held = new HeldCalls();
  const { channel } = await acceptFake(held.handler);
  channel.deliver(callFrame(3));
  channel.deliver(callFrame(3));
  assert.equal(channel.aborted?.code, "protocol");
  assert.match(channel.aborted!.message, /call 3 is in flight already/);
  assert.equal(held.calls.length, 1);
});

Deno.test("a second reply to a call ends the connection", async () => {
  const { channel, session } = await dialFake();
  const call = session.call(bytes(1));
  channel.deliver(replyFrame(0, [2]));
  channel.deliver(replyFrame(0, [3]));
  assert.deepEqual(await resolution(call), bytes(2));
  assert.equal(channel.aborted?.code, "protocol");
});

Deno.test("a violation ends one connection of a server, not the others", async () => {
  const transport = fakeTransport(new FakeChannel());
  const listener = await mux({ clock: new ManualClock() })(transport).listen((request) => request);
  const [bad, good] = [new FakeChannel(), new FakeChannel()];
  for (const channel of [bad, good]) {
    transport.accept(channel);
    channel.deliver(helloFrame());
  }
  await settle();
  good.taken();
  bad.deliver(frame(0x7f));
  assert.equal(bad.aborted?.code, "protocol");
  good.deliver(callFrame(0, [1]));
  assert.deepEqual(good.taken(), ["030000000001"]);
  assert.equal(listener.calls.started, 1);
});

Deno.test("what is unusual but allowed is taken", async () => {
  const held = new HeldCalls();
  const { channel, session } = await dialFake({ handler: held.handler });
  const call = session.call(bytes(1));
  channel.deliver(frame(7, u32(99)));
  channel.deliver(frame(5, u32(4000)));
  channel.deliver(fullCallFrame(1023, 5, 7, [...field("a", "1"), ...field("b", "")]));
  channel.deliver(frame(0x41, u32(0), u16(0)));
  channel.deliver(errorFrame(0, 200, 9, "later", "[1]"));
  assert.equal(channel.aborted, undefined);
  assert.equal(held.calls.length, 2);
  const error = await rejection(call, "remote");
  assert.equal(error.processed, "maybe", "a code and a verdict of a later version are the far side's");
});
