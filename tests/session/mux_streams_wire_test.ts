/**
 * The frames of streams, as another implementation would see them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, type Handler, ManualClock, type Session, Streamed } from "../../src/core/mod.ts";
import { mux, type StreamedBytes } from "../../src/session/mux.ts";
import { acceptFake, dialFake, FakeChannel, fakeTransport } from "./_fake_peer.ts";
import {
  callFrame,
  callStreamFrame,
  cancelFrame,
  creditFrame,
  doneFrame,
  endFrame,
  frame,
  helloFrame,
  itemFrame,
  replyFrame,
  replyStreamFrame,
  stopFrame,
  windowFrame,
} from "./_frames.ts";
import { bytes } from "./_joined.ts";
import { rejection, resolution, settle } from "./_settle.ts";
import { asStream, firsts, Source, streamed } from "./_streams.ts";

const hello = helloFrame({ version: 3, streamWindowBytes: 1000 });

/** A dialled session of streams, and the script at its other end. */
async function dialled(
  first = hello,
): Promise<{ channel: FakeChannel; session: Session<StreamedBytes, StreamedBytes> }> {
  const channel = new FakeChannel();
  const dial = mux({ streams: true, clock: new ManualClock() })(fakeTransport(channel)).dial();
  await settle();
  assert.match(channel.taken()[0], /0004000002000000$/, "windows of 256 KiB and 32 MiB");
  channel.deliver(first);
  return { channel, session: await dial };
}

/** A server of streams, and the script that has connected to it. */
async function accepted(
  handler: Handler<StreamedBytes, StreamedBytes>,
  channel = new FakeChannel(),
  first = hello,
): Promise<FakeChannel> {
  const transport = fakeTransport(channel);
  await mux({ streams: true, clock: new ManualClock() })(transport).listen(handler);
  transport.accept(channel);
  channel.deliver(first);
  await settle();
  channel.taken();
  return channel;
}

const hex = (...frames: Uint8Array[]): string[] => frames.map((one) => one.toHex());

Deno.test("a request stream on the wire: CALL, ITEM, END; REPLY, DONE; and the number is free after DONE alone", async () => {
  const { channel, session } = await dialled();
  const call = session.call(streamed(new Source(2), 5));
  await settle();
  assert.deepEqual(
    channel.taken(),
    hex(callStreamFrame(0, [5]), itemFrame("caller", 0, [0]), itemFrame("caller", 0, [1]), endFrame("caller", 0)),
  );
  channel.deliver(replyFrame(0, [9]));
  assert.deepEqual(await resolution(call), bytes(9));
  assert.equal(session.load, 1);
  void session.call(bytes()).catch(() => {});
  assert.deepEqual(channel.taken(), hex(callFrame(1)));
  channel.deliver(doneFrame(0));
  assert.equal(session.load, 1);
  void session.call(bytes()).catch(() => {});
  assert.deepEqual(channel.taken(), hex(callFrame(0)));
});

Deno.test("a reply stream on the wire: REPLY, ITEM, END, and WINDOW as it is read", async () => {
  const { channel, session } = await dialled();
  const call = session.call(bytes(1));
  channel.deliver(replyStreamFrame(0, [7]));
  const reply = asStream(await resolution(call));
  assert.deepEqual([...reply.head], [7]);
  channel.taken();
  for (let i = 0; i < 3; i++) channel.deliver(itemFrame("answerer", 0, new Array(60_000).fill(i)));
  channel.deliver(endFrame("answerer", 0));
  assert.equal(session.load, 0);
  assert.deepEqual(await firsts(reply), [0, 1, 2]);
  assert.deepEqual(channel.taken(), [], "no credit for a stream that has ended");
});

Deno.test("STOP ends a request stream, CANCEL a call with its streams", async () => {
  const { channel, session } = await dialled();
  const source = new Source(1e6, 100);
  const controller = new AbortController();
  const call = session.call(streamed(source), callContext({ signal: controller.signal }));
  await settle();
  assert.equal(channel.taken().length, 1 + Math.ceil(1000 / 164));
  channel.deliver(stopFrame(0));
  await settle();
  assert.deepEqual([channel.taken(), source.left], [hex(endFrame("caller", 0)), 1]);
  controller.abort();
  await rejection(call, "cancelled");
  assert.deepEqual(channel.taken(), hex(cancelFrame(0)));
  channel.deliver(replyStreamFrame(0));
  assert.deepEqual(channel.taken(), hex(cancelFrame(0)), "a stream that replies to it is cancelled");
  channel.deliver(itemFrame("answerer", 0, [1]));
  channel.deliver(endFrame("answerer", 0, 5));
  channel.deliver(doneFrame(0));
  assert.equal(session.load, 0);
  assert.equal(channel.aborted, undefined);
});

Deno.test("frames that have no place in a call's streams are violations", async () => {
  const callers: Record<string, Uint8Array[]> = {
    "an item of no call": [itemFrame("answerer", 0)],
    "an item before the reply": [itemFrame("answerer", 1)],
    "an item after the end": [replyStreamFrame(1), endFrame("answerer", 1), itemFrame("answerer", 1)],
    "a second reply": [replyStreamFrame(1), replyFrame(1)],
    "a second end": [replyStreamFrame(0), endFrame("answerer", 0), endFrame("answerer", 0)],
    "DONE before the reply": [doneFrame(0)],
    "DONE for a call without a request stream": [doneFrame(1)],
    "STOP for a call without a request stream": [stopFrame(1)],
    "credit of no bytes": [windowFrame("answerer", 0, 0)],
    "credit beyond all bounds": new Array(2).fill(windowFrame("answerer", 0, 0x7fff_ffff)),
    "credit for all streams that was not owed": [windowFrame("caller", 0xffff_ffff, 0x7fff_ffff)],
    "an item without credit": [
      replyStreamFrame(1),
      ...new Array(3).fill(itemFrame("answerer", 1, new Array(200_000).fill(1))),
    ],
    "an unknown flag": [frame(0x2a, 0, 0, 0, 1)],
    "a one-way send with a stream": [frame(0x82, 1)],
    "an item cut short": [frame(0x1a, 0, 0)],
  };
  for (const [what, frames] of Object.entries(callers)) {
    const { channel, session } = await dialled();
    void session.call(streamed(new Source(1e9, 400))).catch(() => {});
    void session.call(bytes()).catch(() => {});
    await settle();
    for (const one of frames) channel.deliver(one);
    assert.equal(channel.aborted?.code, "protocol", what);
  }
  const handlers: Record<string, Uint8Array[]> = {
    "an item of no call": [itemFrame("caller", 3)],
    "an item of a call without a stream": [callFrame(0, [1]), itemFrame("caller", 0)],
    "an item after the end": [callStreamFrame(0, [1]), endFrame("caller", 0), itemFrame("caller", 0)],
    "a number whose request has not ended": [callStreamFrame(0, [0]), callFrame(0)],
  };
  for (const [what, frames] of Object.entries(handlers)) {
    const channel = await accepted((request) => {
      const head = request instanceof Streamed ? request.head : request;
      return head[0] === 0 ? bytes(1) : new Promise(() => {});
    });
    for (const one of frames) channel.deliver(one);
    assert.equal(channel.aborted?.code, "protocol", what);
  }
});

Deno.test("a peer of version 2, and one that wants no streams, is sent none and refused its own", async () => {
  for (const first of [helloFrame({ version: 2 }), helloFrame({ version: 3 })]) {
    const { channel, session } = await dialled(first);
    const request = streamed(new Source(1));
    assert.equal((await rejection(session.call(request), "unsupported")).processed, "no");
    assert.deepEqual([channel.taken(), request.begun, session.load], [[], false, 0]);
    assert.throws(() => session.send(request), { code: "unsupported" });
    const source = new Source(1);
    const server = await accepted(() => streamed(source), new FakeChannel(), first);
    server.deliver(callFrame(0));
    await settle();
    assert.match(server.taken()[0], /^0400000000/, "an error in place of the reply");
    assert.equal(source.left, 1);
    server.deliver(callStreamFrame(1));
    assert.equal(server.aborted?.code, "protocol");
  }
});

Deno.test("mux() without streams refuses their frames, and a handler's stream", async () => {
  const plain = await dialFake({ hello: { version: 3, streamWindowBytes: 1000 } });
  plain.channel.deliver(callStreamFrame(0));
  assert.equal(plain.channel.aborted?.code, "protocol");
  const source = new Source(1);
  const { channel } = await acceptFake(() => streamed(source) as unknown as Uint8Array);
  channel.deliver(callFrame(0));
  await settle();
  assert.match(channel.taken()[0], /^0400000000/);
  assert.equal(source.left, 1);
});

Deno.test("where replies lack connection credit, the items of a call that waits for them wait behind it", async () => {
  const seen: number[] = [];
  const channel = await accepted(
    async (request) => {
      if (!(request instanceof Streamed)) return new Uint8Array(20_000);
      seen.push(...await firsts(request));
      return bytes(1);
    },
    new FakeChannel(),
    helloFrame({ version: 3, streamWindowBytes: 1000, windowBytes: 10_000, needsCredits: true }),
  );
  channel.deliver(callFrame(0));
  channel.deliver(callFrame(1));
  await settle();
  assert.equal(channel.taken().length, 1, "the second reply waits for credit");
  channel.deliver(callStreamFrame(2));
  channel.deliver(itemFrame("caller", 2, [1]));
  channel.deliver(callStreamFrame(3));
  channel.deliver(itemFrame("caller", 3, [2]));
  channel.deliver(cancelFrame(3));
  channel.deliver(itemFrame("caller", 2, [3]));
  channel.deliver(endFrame("caller", 2));
  channel.deliver(endFrame("caller", 3));
  await settle();
  assert.deepEqual(seen, []);
  for (let i = 0; i < 2; i++) {
    channel.deliver(creditFrame(20_005 + 64));
    await settle();
  }
  assert.deepEqual(seen, [1, 3]);
  const sent = channel.taken();
  assert.ok(sent.includes(hex(doneFrame(2))[0]) && sent.includes(hex(doneFrame(3))[0]), sent.join(" "));
  assert.equal(channel.aborted, undefined);
});

Deno.test("items that come after their stream was cancelled give their credit back to all streams", async () => {
  const channel = new FakeChannel();
  const wire = mux({ streams: true, allStreamsBytes: 1000, clock: new ManualClock() });
  const dial = wire(fakeTransport(channel)).dial();
  await settle();
  channel.deliver(hello);
  const session = await dial;
  const call = session.call(bytes());
  channel.deliver(replyStreamFrame(0));
  await asStream(await resolution(call)).cancel();
  channel.taken();
  channel.deliver(itemFrame("answerer", 0, new Array(500).fill(1)));
  assert.deepEqual(channel.taken(), hex(windowFrame("caller", 0xffff_ffff, 564)));
});
