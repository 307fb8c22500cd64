/**
 * The beginning of a mux() session: hellos that come, that are wrong, and that
 * never come.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { deadlinesOf, ManualClock, type Session, TransportError } from "../../src/core/mod.ts";
import { mux, type MuxOptions } from "../../src/session/mux.ts";
import { acceptFake, dialFake, FakeChannel, fakeTransport } from "./_fake_peer.ts";
import { ascii, callFrame, frame, helloFrame, u32 } from "./_frames.ts";
import { bytes } from "./_joined.ts";
import { isPending, rejection, resolution, settle } from "./_settle.ts";

/** A dial that waits for a hello. */
async function dialling(options: MuxOptions = {}): Promise<{
  channel: FakeChannel;
  clock: ManualClock;
  dial: Promise<Session<Uint8Array, Uint8Array>>;
}> {
  const clock = new ManualClock();
  const channel = new FakeChannel(1000);
  const dial = mux({ ...options, clock })(fakeTransport(channel)).dial();
  dial.catch(() => {});
  await settle();
  return { channel, clock, dial };
}

const oursHello = `00${"77697265"}0301${"000003e3"}${"00000400"}${"00100000"}00${"00000000"}${"00000000"}`;

Deno.test("each end says hello at once: magic, versions, its limits", async () => {
  const { channel } = await dialling();
  assert.deepEqual(channel.taken(), [oursHello]);
  const other = await dialling({ maxMessageBytes: 256, maxInFlight: 3 });
  assert.deepEqual(other.channel.taken(), ["0077697265030100000100" + "00000003" + "0010000000" + "0000000000000000"]);
  const accepted = await acceptFake((request) => request, { hello: false });
  assert.equal(accepted.channel.taken().length, 1, "without waiting for the other's");
});

Deno.test("a dial waits for the peer's hello", async () => {
  const { channel, clock, dial } = await dialling();
  await isPending(dial);
  channel.deliver(helloFrame());
  const session = await resolution(dial);
  assert.equal(session.state, "open");
  assert.equal(deadlinesOf(clock).size, 0, "nobody waits for the hello any more");
  await clock.advance(1e6);
  assert.equal(session.state, "open");
});

Deno.test("the first message of a peer that speaks something else is refused, and shown", async () => {
  const wrong: [Uint8Array, RegExp][] = [
    [new TextEncoder().encode("GET / HTTP/1.1"), /no hello but 14 bytes: 47 45 54 20 2f 20 48 54 54 50 2f 31 …$/],
    [frame(), /no hello but empty$/],
    [frame(0, ascii("wire")), /no hello but 5 bytes/],
    [frame(0, ascii("wirf"), 1, 1, u32(9), u32(9)), /no hello/],
    [callFrame(0, [1, 2, 3, 4, 5, 6]), /no hello/],
    [frame(1, ascii("wire"), 1, 1, u32(9), u32(9)), /no hello/],
  ];
  for (const [first, message] of wrong) {
    const { channel, clock, dial } = await dialling();
    channel.deliver(first);
    const error = await rejection(dial, "protocol");
    assert.match(error.message, message);
    assert.equal(error.processed, "no");
    assert.ok(channel.closes > 0 || channel.over, "the connection is ended");
    channel.finish();
    assert.equal(deadlinesOf(clock).size, 0);
  }
});

Deno.test("a hello that is cut short is refused", async () => {
  for (const version of [1, 2, 3, 4]) {
    const whole = helloFrame({ version });
    assert.equal(whole.length, [15, 20, 28, 28][version - 1]);
    for (let length = 7; length < whole.length; length++) {
      const { channel, dial } = await dialling();
      channel.deliver(whole.subarray(0, length));
      assert.match((await rejection(dial, "protocol")).message, /hello is cut short/);
    }
  }
});

Deno.test("a hello that a later version has made longer is read as far as it is understood", async () => {
  const { channel, dial } = await dialling();
  channel.deliver(frame([...helloFrame({ version: 9, oldest: 1, maxInFlight: 7 })], 1, 2, 3));
  assert.equal((await resolution(dial)).capacity, 7);
});

Deno.test("both ends that share no version learn so", async () => {
  for (const hello of [{ version: 5, oldest: 4 }, { version: 0, oldest: 0 }]) {
    const { channel, dial } = await dialling();
    channel.deliver(helloFrame(hello));
    const error = await rejection(dial, "version-mismatch");
    assert.equal(error.processed, "no");
    assert.deepEqual(error.details, { theirs: hello.version, theirOldest: hello.oldest, ours: 3, oursOldest: 1 });
    assert.equal(channel.aborted, undefined, "what was sent goes out before the end:");
    assert.deepEqual(channel.taken(), [oursHello], "the other end needs our hello to see it too");
    assert.equal(channel.closes, 1);
  }
});

Deno.test("a server that shares no version with a client ends that connection only", async () => {
  const sessions: unknown[] = [];
  let runs = 0;
  const { channel, listener } = await acceptFake((request) => {
    runs++;
    return request;
  }, { hello: false, onSession: (session) => sessions.push(session) });
  channel.deliver(helloFrame({ version: 5, oldest: 4 }));
  await settle();
  assert.equal(channel.closes, 1);
  assert.deepEqual(sessions, []);
  assert.equal(runs, 0);
  let finished = false;
  void listener.finished.then(() => finished = true);
  await settle();
  assert.equal(finished, false);
});

Deno.test("a peer that says nothing is given up after the time allowed", async () => {
  const { channel, clock, dial } = await dialling({ helloTimeoutMs: 700 });
  await clock.advance(699);
  await isPending(dial);
  await clock.advance(1);
  assert.match((await rejection(dial, "connect-timeout")).message, /no hello came within 700 ms/);
  assert.equal(channel.aborted?.code, "connect-timeout");
});

Deno.test("a server gives up clients that say nothing", async () => {
  const { channel, clock } = await acceptFake((request) => request, { hello: false, helloTimeoutMs: 700 });
  await clock.advance(700);
  assert.equal(channel.aborted?.code, "connect-timeout");
});

Deno.test("a server that ends before a hello has come answers the calls behind it", async () => {
  const { channel, listener } = await acceptFake((request) => request, { hello: false });
  channel.taken();
  const end = listener.shutdown();
  await settle();
  assert.deepEqual([channel.taken(), channel.closes], [[], 0], "nothing before the other's hello");
  channel.deliver(helloFrame());
  channel.deliver(callFrame(0, [1, 2, 3]));
  await settle();
  assert.deepEqual(channel.taken().map((frame) => frame.slice(0, 2)), ["08", "03"], "GOAWAY, and the reply");
  assert.equal(channel.closes, 0);
  channel.deliver(frame(8));
  assert.equal(channel.closes, 1);
  channel.finish();
  await end;
});

Deno.test("a connection that ends before the hello fails the dial", async () => {
  const ended = await dialling();
  ended.channel.end();
  assert.equal((await rejection(ended.dial, "connection-lost")).processed, "no");
  const cut = await dialling();
  cut.channel.finish(new TransportError("connection-lost", "reset"));
  assert.match((await rejection(cut.dial, "connection-lost")).message, /reset/);
  const silent = await dialling();
  silent.channel.finish();
  await rejection(silent.dial, "connection-lost");
});

Deno.test("a dial that is given up while it waits for the hello ends its connection", async () => {
  const clock = new ManualClock();
  const channel = new FakeChannel();
  const controller = new AbortController();
  const dial = mux({ clock })(fakeTransport(channel)).dial({ signal: controller.signal });
  await settle();
  controller.abort();
  const error = await rejection(dial, "cancelled");
  assert.equal(error.processed, "no");
  assert.equal(channel.over, true);
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("a signal that aborts after the dial does nothing to the session", async () => {
  const controller = new AbortController();
  const channel = new FakeChannel();
  const dial = mux({ clock: new ManualClock() })(fakeTransport(channel)).dial({ signal: controller.signal });
  await settle();
  channel.deliver(helloFrame());
  const session = await dial;
  controller.abort();
  assert.equal(session.state, "open");
});

Deno.test("a second hello is a violation", async () => {
  const { channel, session } = await dialFake();
  channel.deliver(helloFrame());
  assert.equal(channel.aborted?.code, "protocol");
  await rejection(session.call(bytes()), "closed");
});
