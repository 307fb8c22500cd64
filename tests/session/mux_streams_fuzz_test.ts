/**
 * Damaged frames of streams against mux(): whatever comes, nothing but
 * TransportErrors comes of it, all streams end once, and nothing is left.
 *
 * `WIREWAY_FUZZ_INPUTS` sets how many conversations there are,
 * `WIREWAY_FUZZ_SEED` the first seed.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type CallContext, ManualClock, Streamed, TransportError } from "../../src/core/mod.ts";
import { mux, type StreamedBytes } from "../../src/session/mux.ts";
import { Random } from "../support/random.ts";
import { FakeChannel, fakeTransport } from "./_fake_peer.ts";
import {
  callFrame,
  callStreamFrame,
  cancelFrame,
  creditFrame,
  doneFrame,
  endFrame,
  errorFrame,
  helloFrame,
  itemFrame,
  replyFrame,
  replyStreamFrame,
  type Side,
  stopFrame,
  windowFrame,
} from "./_frames.ts";
import { mutated } from "./_mutated.ts";
import { settle } from "./_settle.ts";
import { Source, streamed, type StreamSession } from "./_streams.ts";

const inputs = Number(Deno.env.get("WIREWAY_FUZZ_INPUTS") ?? 10_000);
const firstSeed = Number(Deno.env.get("WIREWAY_FUZZ_SEED") ?? 1);
const batch = 250;

/** A frame as a peer sends it, in a place that may be right. */
function someFrame(random: Random): Uint8Array {
  const id = random.below(3);
  const side: Side = random.oneIn(2) ? "caller" : "answerer";
  switch (random.below(12)) {
    case 0:
    case 1:
      return callStreamFrame(id, [random.below(5)]);
    case 2:
      return callFrame(id, [random.below(5)]);
    case 3:
      return replyStreamFrame(id, [1]);
    case 4:
      return random.oneIn(2) ? replyFrame(id, [1]) : errorFrame(id, random.below(22), 1, "it failed");
    case 5:
    case 6:
      return itemFrame(side, id, [random.below(9), 7]);
    case 7:
      return random.oneIn(2) ? endFrame(side, id) : endFrame(side, id, random.below(22), "it broke");
    case 8:
      return random.oneIn(2) ? stopFrame(id) : doneFrame(id);
    case 9:
      return windowFrame(side, random.oneIn(4) ? 0xffff_ffff : id, random.pick([1, 64, 66, 1000, 0x7fff_ffff]));
    case 10:
      return cancelFrame(id);
    default:
      return random.oneIn(3) ? creditFrame(100) : callStreamFrame(id, [4]);
  }
}

/** Streams that were begun, and how often each has ended. */
const begun: { ends: number }[] = [];

function counted(stream: Streamed<Uint8Array>): Streamed<Uint8Array> {
  const entry = { ends: 0 };
  begun.push(entry);
  stream.whenEnded((error) => {
    entry.ends++;
    assert.ok(error === undefined || error instanceof TransportError, `a stream ended with ${error}`);
  });
  return stream;
}

async function drain(stream: Streamed<Uint8Array>, leaveAfter: number): Promise<void> {
  for await (const item of stream) if (item.length > 0 && leaveAfter-- === 0) break;
}

Deno.test(`${inputs} mutated conversations in streams end at most their own connection, and each stream once`, async () => {
  const clock = new ManualClock();
  const transport = fakeTransport(new FakeChannel());
  let latest: StreamSession | undefined;
  const sources: Source[] = [];
  const source = (): Streamed<Uint8Array> => {
    const made = new Source(20, 10);
    sources.push(made);
    return counted(streamed(made));
  };
  const handler = (request: StreamedBytes, context: CallContext): StreamedBytes | Promise<StreamedBytes> => {
    latest = context.peer as StreamSession;
    const head = request instanceof Streamed ? counted(request).head[0] : request[0];
    if (request instanceof Streamed && head < 3) drain(request, head === 0 ? 1 : 1000).catch(() => {});
    if (head === 1) return source();
    if (head === 2) throw new TransportError("overloaded", "full");
    return head === 3 ? settle(3).then(source) : new Uint8Array(1);
  };
  const listener = await mux({ clock, streams: true, streamWindowBytes: 200 })(transport).listen(handler);
  let protocol = 0;
  let orderly = 0;
  for (let seed = firstSeed; seed < firstSeed + inputs; seed++) {
    const random = new Random(seed);
    const channel = new FakeChannel(4096);
    if (random.oneIn(4)) Object.assign(channel, { receiveLimitBytes: random.between(200, 2000) });
    latest = undefined;
    transport.accept(channel);
    channel.deliver(helloFrame({ version: 3, streamWindowBytes: random.between(1, 500), allStreamsBytes: 1000 }));
    channel.deliver(callFrame(1000, [9]));
    const session = latest as StreamSession | undefined;
    for (let calls = random.below(3); session !== undefined && calls > 0; calls--) {
      const ended = (reply: unknown): void => {
        if (reply instanceof Streamed) drain(counted(reply), random.below(4)).catch(() => {});
        else assert.ok(reply instanceof Uint8Array || reply instanceof TransportError, `a call gave ${reply}`);
      };
      session.call(random.oneIn(2) ? source() : new Uint8Array(1)).then(ended, ended);
    }
    for (let frames = random.between(1, 12); frames > 0; frames--) {
      const good = someFrame(random);
      channel.deliver(random.oneIn(6) ? mutated(good, random) : good);
      if (random.oneIn(4)) await settle(30);
    }
    const allowed = ["protocol"];
    if (channel.closes > 0) allowed.push("closed");
    if (channel.aborted !== undefined) {
      assert.ok(allowed.includes(channel.aborted.code), `seed ${seed}: ${channel.aborted}`);
    }
    if (channel.aborted?.code === "protocol") protocol++;
    else orderly++;
    if (random.oneIn(4)) channel.end();
    channel.finish(random.oneIn(2) ? undefined : new TransportError("connection-lost", "reset"));
    if (seed % batch !== 0 && seed < firstSeed + inputs - 1) continue;
    await settle(300);
    assert.equal(listener.calls.inFlight, 0, `handlers have ended by seed ${seed}`);
    const open = begun.filter(({ ends }) => ends !== 1);
    // A source that nobody began, and a request that no handler reads, hold nothing.
    assert.ok(open.every(({ ends }) => ends === 0), `a stream ended twice by seed ${seed}`);
    assert.ok(sources.every((one) => one.asked === 0 || one.ended || one.left === 1), `sources end by seed ${seed}`);
    begun.length = sources.length = 0;
  }
  assert.ok(protocol > inputs / 5 && orderly > inputs / 20, `${protocol} violations and ${orderly} orderly ends`);
});
