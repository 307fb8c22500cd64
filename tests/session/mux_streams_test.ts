/**
 * Streams over mux(): both directions, and what holds them back.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { Streamed, TransportError } from "../../src/core/mod.ts";
import { bytes } from "./_joined.ts";
import { rejection, resolution, settle } from "./_settle.ts";
import { asStream, firsts, idle, joinedStreams, Source, streamed, upTo } from "./_streams.ts";

Deno.test("a reply may be a stream", async () => {
  const source = new Source(5);
  const world = await joinedStreams((request) => streamed(source, (request as Uint8Array)[0] + 1));
  const reply = asStream(await resolution(world.session.call(bytes(7))));
  assert.deepEqual([...reply.head], [8]);
  assert.deepEqual(await firsts(reply), upTo(5));
  assert.equal(source.ended, true);
  await idle(world);
});

Deno.test("a request may be a stream", async () => {
  const world = await joinedStreams(async (request) => bytes(asStream(request).head[0], ...await firsts(request)));
  assert.deepEqual([...await resolution(world.session.call(streamed(new Source(4), 9))) as Uint8Array], [
    9,
    0,
    1,
    2,
    3,
  ]);
  await idle(world);
});

Deno.test("both may be streams at once, item by item", async () => {
  const world = await joinedStreams((request) => {
    async function* doubled(): AsyncGenerator<Uint8Array> {
      for await (const item of asStream(request)) yield bytes(2 * item[0]);
    }
    return streamed(doubled());
  });
  const reply = await resolution(world.session.call(streamed(new Source(50))));
  assert.deepEqual(await firsts(reply), upTo(50).map((n) => 2 * n));
  await idle(world);
});

Deno.test("streams without items end, and empty items are items", async () => {
  const world = await joinedStreams((request) => streamed(new Source(3, 0), asStream(request).head.length));
  const reply = asStream(await resolution(world.session.call(streamed(new Source(0)))));
  let items = 0;
  for await (const item of reply) items += item.length === 0 ? 1 : 100;
  assert.equal(items, 3);
  await idle(world);
});

Deno.test("the end that accepted may call with streams, too", async () => {
  const seen: number[][] = [];
  const { session, accepted } = await joinedStreams(async (request, context) => {
    const reply = await context.peer!.call(bytes(1)).catch((error) => error);
    assert.equal((reply as TransportError).code, "unsupported");
    seen.push(await firsts(request));
    return bytes();
  });
  await rejection(accepted.call(streamed(new Source(3))), "unsupported");
  await resolution(session.call(streamed(new Source(3))));
  assert.deepEqual(seen, [[0, 1, 2]]);
});

Deno.test("a reader that does not read stops the source after a window, and one that reads lets it go on", async () => {
  const source = new Source(1000, 100);
  const world = await joinedStreams(() => streamed(source), { streamWindowBytes: 10 * 164 });
  const reply = asStream(await resolution(world.session.call(bytes())));
  await settle(2000);
  assert.equal(source.asked, 10);
  const iterator = reply[Symbol.asyncIterator]();
  for (let i = 0; i < 4; i++) await iterator.next();
  await settle(2000);
  assert.equal(source.asked, 10, "credit is given by half windows");
  await iterator.next();
  await settle(2000);
  assert.equal(source.asked, 15);
  let rest = 0;
  while (!(await iterator.next()).done) rest++;
  assert.equal(rest, 995);
  await idle(world);
});

Deno.test("a handler that does not read a request stops its source after a window", async () => {
  const source = new Source(1000, 100);
  const asked = Promise.withResolvers<Streamed<Uint8Array>>();
  const world = await joinedStreams(async (request) => {
    asked.resolve(asStream(request));
    return bytes((await firsts(request)).length & 255);
  }, { streamWindowBytes: 10 * 164 });
  let begin = (): void => {};
  const held = await joinedStreams(async (request) => {
    await new Promise<void>((resolve) => begin = resolve);
    return bytes((await firsts(request)).length & 255);
  }, { streamWindowBytes: 10 * 164 });
  const call = held.session.call(streamed(source));
  await settle(2000);
  assert.equal(source.asked, 10);
  begin();
  await settle(10_000);
  assert.deepEqual([...await resolution(call) as Uint8Array], [1000 & 255]);
  await idle(held);
  await idle(world);
});

Deno.test("an item larger than the window goes through, alone", async () => {
  const source = new Source(3, 5000);
  const world = await joinedStreams(() => streamed(source), { streamWindowBytes: 100 });
  const reply = asStream(await resolution(world.session.call(bytes())));
  await settle();
  assert.equal(source.asked, 1);
  assert.deepEqual(await firsts(reply), upTo(3));
  await idle(world);
});

Deno.test("slow readers of many streams together hold no more than the window of all", async () => {
  const sources = upTo(8).map(() => new Source(100, 100));
  const options = { streamWindowBytes: 10 * 164, allStreamsBytes: 25 * 164 };
  const world = await joinedStreams((request) => streamed(sources[(request as Uint8Array)[0]]), options);
  const replies = await Promise.all(upTo(8).map((n) => world.session.call(bytes(n))));
  await settle(2000);
  const asked = (): number => sources.reduce((sum, source) => sum + source.asked, 0);
  // Each source may have been asked for one item that finds the others to have taken the rest.
  assert.ok(asked() >= 25 && asked() < 25 + 8, `${asked()} items`);
  assert.equal(world.session.state, "open");
  for (const reply of replies) await asStream(reply).cancel();
  await settle(2000);
  assert.deepEqual(sources.map(({ left }) => left), upTo(8).map(() => 1));
  sources[0] = new Source(100, 100);
  assert.deepEqual(await firsts(await world.session.call(bytes(0))), upTo(100), "the credit of the dropped is back");
  await idle(world);
});

Deno.test("readers that do not read leave others all the credit that they do not hold", async () => {
  const options = { streamWindowBytes: 10 * 164, allStreamsBytes: 25 * 164 };
  const world = await joinedStreams(() => streamed(new Source(300, 100)), options);
  const slow = await Promise.all(upTo(2).map(() => world.session.call(bytes())));
  await settle(2000);
  assert.deepEqual((await firsts(await world.session.call(bytes()))).length, 300);
  for (const reply of slow) assert.equal((await firsts(reply)).length, 300);
  await idle(world);
});

Deno.test("a stream that answers a one-way send is left: nobody reads it", async () => {
  const source = new Source(5);
  const world = await joinedStreams(() => streamed(source));
  await world.session.send(bytes(7));
  await settle();
  assert.deepEqual([source.left, source.asked], [1, 0]);
  await idle(world);
});
