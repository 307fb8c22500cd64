/**
 * What mux() sends for a call is as urgent as the call, on the way back too: a
 * bulky reply that may wait does not hold back one that may not, and frames of
 * one call keep their order where the channel sends urgent ones first.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, type Channel, ManualClock, Streamed, TransportError } from "../../src/core/mod.ts";
import { shape } from "../../src/channel/shape/shape.ts";
import { mux } from "../../src/session/mux.ts";
import { memory } from "../../src/transport/memory/memory.ts";
import { Random } from "../support/random.ts";
import { FakeChannel, fakeTransport } from "./_fake_peer.ts";
import { callFrame, callStreamFrame, cancelFrame, endFrame, frame, helloFrame, u32 } from "./_frames.ts";
import { bytes } from "./_joined.ts";
import { ordering } from "./_ordering.ts";
import { settle, standing } from "./_settle.ts";
import { firsts, Source, streamed, upTo } from "./_streams.ts";

/** A call with a priority. */
function urgent(id: number, priority: number, payload: number): Uint8Array {
  return frame(0x21, u32(id), priority, payload);
}

/** A server whose channel remembers the kind and the priority of each frame. */
async function noted(
  handler: (request: Uint8Array) => Uint8Array | Streamed<Uint8Array> | Promise<never>,
  hello: Parameters<typeof helloFrame>[0] = {},
) {
  const channel = new FakeChannel();
  const frames: [number, number | undefined][] = [];
  const send = channel.send.bind(channel);
  (channel as Channel).send = (message, priority) => {
    frames.push([(message as Uint8Array)[0], priority]);
    return send(message);
  };
  const transport = fakeTransport(channel);
  const listener = await mux({ streams: true, clock: new ManualClock() })(transport).listen((request) =>
    handler(request instanceof Streamed ? request.head : request)
  );
  transport.accept(channel);
  channel.deliver(helloFrame({ version: 3, streamWindowBytes: 10_000, ...hello }));
  frames.splice(0);
  return { channel, frames, listener };
}

Deno.test("a reply and an error have the priority of their call", async () => {
  const { channel, frames } = await noted((request) => {
    if (request[0] === 9) throw new TransportError("remote", "no");
    return request[0] === 8 ? new Promise<never>(() => {}) : request;
  });
  channel.deliver(urgent(0, 7, 1));
  channel.deliver(urgent(1, 0, 1));
  channel.deliver(callFrame(0, [1]));
  channel.deliver(urgent(1, 5, 9));
  channel.deliver(urgent(2, 6, 8));
  channel.deliver(cancelFrame(2));
  channel.deliver(frame(0x31, u32(3), u32(0), 2, 1));
  await settle();
  assert.deepEqual(frames, [[3, 7], [3, 0], [3, 3], [4, 5], [4, 6], [4, 2]]);
});

Deno.test("the frames of a reply stream all have the priority of their call, and so has DONE", async () => {
  const { channel, frames } = await noted(() => streamed(new Source(2), 1));
  channel.deliver(frame(0xa1, u32(0), 6, 1));
  await settle();
  channel.deliver(endFrame("caller", 0));
  await settle();
  assert.deepEqual(frames, [[0x83, 6], [0x1a, 6], [0x1a, 6], [0x1b, 6], [0x1e, 6]]);
  channel.deliver(callStreamFrame(0, [1]));
  await settle();
  assert.deepEqual(frames[5], [0x83, 3], "the next call of the same number has its own");
});

Deno.test("DONE has the priority of its call where there is no credit, of which it needs none", async () => {
  const { channel, frames } = await noted((request) => request, { windowBytes: 1, needsCredits: true });
  channel.deliver(frame(0xa1, u32(0), 6, 1));
  channel.deliver(endFrame("caller", 0));
  await settle();
  assert.deepEqual(frames, [[3, 6], [0x1e, 6]]);
});

Deno.test("a frame does not overtake one of its call that the channel had no room for", async () => {
  const { channel, frames } = await noted((request) => request[0] === 1 ? request : streamed(new Source(2), 1));
  const room = Promise.withResolvers<void>();
  channel.full = room.promise;
  channel.deliver(urgent(0, 7, 1));
  channel.deliver(urgent(0, 3, 1));
  assert.deepEqual(frames.splice(0), [[3, 7], [3, 3]], "one that is more urgent overtakes");
  channel.refusal = new TransportError("overloaded", "Cannot send: too much waits");
  const send = channel.send;
  channel.send = (message) => {
    try {
      return (send as Channel["send"])(message, 2);
    } finally {
      channel.refusal = undefined;
      channel.send = send;
    }
  };
  channel.deliver(urgent(1, 2, 2));
  await settle();
  assert.deepEqual(frames.splice(0), [[0x83, 2]], "the items wait behind the reply that was refused");
  channel.deliver(urgent(2, 1, 1));
  assert.deepEqual(frames.splice(0), [[3, 1]]);
  channel.full = undefined;
  room.resolve();
  await settle();
  assert.deepEqual(frames, [[0x83, 2], [0x1a, 2], [0x1a, 2], [0x1b, 2]]);
});

/** A server behind shape(), which sends 100 kB a second: replies of as many kilobytes as asked for, that of 0 when told. */
async function shaped() {
  const clock = new ManualClock();
  const slow = shape({ downBytesPerSecond: 100_000, burstBytes: 1000, fragmentBytes: 1000, clock });
  const wire = chain(memory({ clock }), slow, mux({ clock }));
  const quick = Promise.withResolvers<Uint8Array>();
  const server = await wire.listen((request) => request[0] === 0 ? quick.promise : new Uint8Array(request[0] * 1000));
  const session = await wire.dial();
  await clock.advance(0);
  return { clock, server, session, quick };
}

for (const [count, kilobytes] of [[1, 200], [20, 200], [1, 20]]) {
  Deno.test(`an urgent reply comes before ${count} bulky ones of ${kilobytes} kB that wait in shape()`, async () => {
    const { clock, server, session, quick } = await shaped();
    const first = session.call(bytes(0), callContext({ priority: 0 }));
    const bulky = Array.from({ length: count }, () => session.call(bytes(kilobytes), callContext({ priority: 7 })));
    await clock.advance(100);
    quick.resolve(bytes(1));
    await clock.advance(30);
    assert.equal((await standing(first)).state, "resolved", "a fragment or two are what it may have to wait for");
    assert.equal((await standing(bulky[0])).state, "pending");
    await clock.advance(count * kilobytes * 15);
    for (const each of bulky) assert.equal((await each).length, kilobytes * 1000);
    await Promise.all([session.close(), server.shutdown(), clock.advance(5000)]);
  });
}

Deno.test("calls of all priorities, with and without streams, are all right on a channel that sends urgent frames first", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const clock = new ManualClock();
    const limits = { highWaterMessages: random.between(1, 40), maxMessages: random.between(41, 400) };
    const wire = chain(
      ordering(memory({ clock }), limits),
      mux({ streams: true, maxInFlight: 8, streamWindowBytes: 400, clock }),
    );
    const server = await wire.listen(async (request, context) => {
      const number = request instanceof Streamed ? request.head : request;
      const kind = number[1];
      if (request instanceof Streamed && kind < 5) assert.deepEqual(await firsts(request), upTo(number[2]));
      await settle(kind * 20);
      context.signal.throwIfAborted();
      return kind % 2 === 0 ? number : streamed(new Source(number[2]), ...number);
    });
    const session = await wire.dial();
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let i = 0; i < 12; i++) {
        const head = bytes(next++ & 255, random.below(7), random.below(20));
        const request = random.oneIn(2) ? head : streamed(new Source(head[2]), ...head);
        const stop = random.oneIn(4) ? new AbortController() : undefined;
        const priority = random.below(8);
        const call = session.call(request, callContext({ priority, signal: stop?.signal }));
        if (stop !== undefined) void settle(random.below(100)).then(() => stop.abort());
        try {
          const reply = await call;
          if (reply instanceof Streamed) {
            assert.deepEqual(reply.head, head);
            assert.deepEqual(await firsts(reply), upTo(head[2]));
          } else {
            assert.deepEqual(reply, head);
          }
        } catch (error) {
          // A call that was given up keeps its number until the server has ended it.
          const codes = stop === undefined ? ["too-many-calls"] : ["too-many-calls", "cancelled"];
          assert.ok(codes.includes((error as TransportError).code), `seed ${seed}: ${error}`);
          await settle(50);
        }
      }
    };
    await Promise.all(Array.from({ length: 6 }, worker));
    assert.equal(session.state, "open", `seed ${seed}`);
    await session.close();
    assert.equal(await session.finished, undefined, `seed ${seed}: ended in order`);
    await server.shutdown();
  }
});
