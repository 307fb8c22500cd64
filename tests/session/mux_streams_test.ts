/**
 * Streams over mux(): both directions, their ends, and what holds them back.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type CallContext, callContext, deadlinesOf, type Streamed, TransportError } from "../../src/core/mod.ts";
import type { StreamedBytes } from "../../src/session/mux.ts";
import { bytes } from "./_joined.ts";
import { isPending, rejection, resolution, settle, standing } from "./_settle.ts";
import { asStream, firsts, type JoinedStreams, joinedStreams, Source, streamed, upTo } from "./_streams.ts";

const refused = new TransportError("invalid-request", "Nothing of the kind", { details: { kind: 7 } });

/** Reads a stream to its end, in the background. */
function reading(stream: StreamedBytes): Promise<number[]> {
  const read = firsts(stream);
  read.catch(() => {});
  return read;
}

/** Checks that nothing of a call is left on either end. */
async function idle({ session, server, clock }: JoinedStreams): Promise<void> {
  await settle();
  assert.equal(session.load, 0, "no call in flight at the caller");
  assert.equal(server.calls.inFlight, 0, "nor at the server");
  assert.equal(deadlinesOf(clock).size, 0);
  const closing = session.close();
  await settle();
  assert.equal((await standing(closing)).state, "resolved", "a session with nothing in flight ends at once");
}

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

Deno.test("leaving the loop cancels the call: the signal aborts, the generator's finally runs", async () => {
  const told: string[] = [];
  async function* endless(context: CallContext): AsyncGenerator<Uint8Array> {
    context.signal.addEventListener("abort", () => told.push("aborted"), { once: true });
    try {
      for (let n = 0;; n++) yield bytes(n & 255);
    } finally {
      told.push("finally");
    }
  }
  const world = await joinedStreams((_, context) => streamed(endless(context)), { streamWindowBytes: 1000 });
  const reply = asStream(await resolution(world.session.call(bytes())));
  for await (const item of reply) if (item[0] === 20) break;
  await settle();
  assert.deepEqual(told, ["aborted", "finally"]);
  await idle(world);
});

Deno.test("a reply that is cancelled before it is read lets its handler go", async () => {
  const source = new Source(1000);
  const world = await joinedStreams(() => streamed(source), { streamWindowBytes: 1000 });
  await asStream(await resolution(world.session.call(bytes()))).cancel();
  await settle();
  assert.equal(source.left, 1);
  await idle(world);
});

Deno.test("a handler that fails in mid-stream fails the caller's loop with its error, after the items before", async () => {
  const world = await joinedStreams(() => streamed(new Source(3, 1, refused)));
  const seen: number[] = [];
  const read = (async () => {
    for await (const item of asStream(await world.session.call(bytes()))) seen.push(item[0]);
  })();
  const error = await rejection(read, "invalid-request");
  assert.deepEqual([error.message, error.details, error.remote], [refused.message, refused.details, true]);
  assert.deepEqual(seen, [0, 1, 2]);
  assert.equal(world.server.calls.failed, 1);
  await idle(world);
});

Deno.test("a caller's source that fails fails its call, and the handler's loop with its error", async () => {
  let failure: unknown;
  let aborted = false;
  const world = await joinedStreams(async (request, context) => {
    context.signal.addEventListener("abort", () => aborted = true);
    await firsts(request).catch((error) => failure = error);
    return bytes();
  });
  const call = world.session.call(streamed(new Source(2, 1, new Error("the disk is gone"))));
  const error = await rejection(call, "invalid-request");
  assert.match(error.message, /the disk is gone/);
  assert.equal(error.processed, "maybe");
  await settle();
  assert.match((failure as TransportError).message, /the disk is gone/);
  assert.equal((failure as TransportError).remote, true);
  assert.equal(aborted, true);
  await idle(world);
});

Deno.test("a reply before the end of the request stops the source", async () => {
  for (const reply of [() => bytes(1), () => streamed(new Source(0), 1)]) {
    const source = new Source(1000, 100);
    const world = await joinedStreams(reply, { streamWindowBytes: 2000 });
    const got = await resolution(world.session.call(streamed(source)));
    if (!(got instanceof Uint8Array)) await firsts(got);
    await settle();
    assert.equal(source.left, 1);
    await idle(world);
  }
});

Deno.test("a handler that leaves the loop over the request stops the source, and may still reply", async () => {
  const source = new Source(1000, 100);
  let reply = (): void => {};
  const world = await joinedStreams(async (request) => {
    for await (const item of asStream(request)) if (item[0] === 3) break;
    await new Promise<void>((resolve) => reply = resolve);
    return bytes(3);
  }, { streamWindowBytes: 2000 });
  const call = world.session.call(streamed(source));
  await settle();
  assert.equal(source.left, 1);
  await isPending(call);
  reply();
  assert.deepEqual([...await resolution(call) as Uint8Array], [3]);
  await idle(world);
});

Deno.test("a handler that refuses a streamed request stops its source", async () => {
  const source = new Source(1000, 100);
  const world = await joinedStreams(() => {
    throw refused;
  }, { streamWindowBytes: 2000 });
  await rejection(world.session.call(streamed(source)), "invalid-request");
  await settle();
  assert.equal(source.left, 1);
  await idle(world);
});

Deno.test("a caller that gives up in mid-stream ends both streams, whichever way it does", async () => {
  const controller = new AbortController();
  const ways: [ReturnType<typeof callContext>, "cancelled" | "deadline-exceeded", (world: JoinedStreams) => unknown][] =
    [
      [callContext({ signal: controller.signal }), "cancelled", () => controller.abort()],
      [callContext({ deadline: 500 }), "deadline-exceeded", ({ clock }) => clock.advance(500)],
    ];
  for (const [context, code, giveUp] of ways) {
    const [up, down] = [new Source(1000, 100), new Source(1000, 100)];
    let request: Promise<number[]> | undefined;
    const world = await joinedStreams((asked) => {
      request = reading(asked);
      return streamed(down);
    }, { streamWindowBytes: 1000 });
    const reply = asStream(await resolution(world.session.call(streamed(up), context)));
    const iterator = reply[Symbol.asyncIterator]();
    await iterator.next();
    await giveUp(world);
    await rejection(iterator.next(), code);
    await settle(2000);
    assert.deepEqual([up.left + Number(up.ended), down.left], [1, 1]);
    assert.notEqual((await standing(request!)).state, "pending");
    await idle(world);
  }
});

Deno.test("a stream that replies to a call given up meanwhile is let go unread", async () => {
  let reply = (_: StreamedBytes): void => {};
  const world = await joinedStreams(() => new Promise<StreamedBytes>((resolve) => reply = resolve));
  const controller = new AbortController();
  const call = world.session.call(bytes(), callContext({ signal: controller.signal }));
  await settle();
  controller.abort();
  await rejection(call, "cancelled");
  await settle();
  const source = new Source(10);
  reply(streamed(source));
  await settle();
  assert.deepEqual([source.asked, source.left], [0, 1]);
  await idle(world);
});

Deno.test("a connection that is lost gives the reader what has come, then connection-lost", async () => {
  const [up, down] = [new Source(1e9, 100), new Source(1000, 100)];
  let request: Promise<number[]> | undefined;
  const world = await joinedStreams((asked) => {
    request = reading(asked);
    return streamed(down);
  }, { streamWindowBytes: 5 * 164 });
  const reply = asStream(await resolution(world.session.call(streamed(up))));
  await settle(2000);
  world.accepted.abort(new TransportError("connection-lost", "The test cut it"));
  await settle();
  const seen: number[] = [];
  const read = (async () => {
    for await (const item of reply) seen.push(item[0]);
  })();
  const error = await rejection(read, "connection-lost");
  assert.equal(error.processed, "maybe");
  assert.deepEqual(seen, upTo(5));
  await rejection(request!, "connection-lost");
  assert.equal(down.left, 1);
  assert.equal(world.session.load, 0);
  assert.equal(world.server.calls.inFlight, 0);
});

Deno.test("a streaming call is in flight, at both ends, until its stream has ended", async () => {
  const world = await joinedStreams(() => streamed(new Source(100, 100)), { streamWindowBytes: 1000 });
  const reply = await resolution(world.session.call(bytes()));
  await settle();
  assert.deepEqual([world.session.load, world.server.calls.inFlight], [1, 1]);
  await firsts(reply);
  await settle();
  assert.deepEqual([world.session.load, world.server.calls.inFlight], [0, 0]);
});

Deno.test("a server that ends waits for its streams, and ends those that outlast its grace", async () => {
  const world = await joinedStreams(() => streamed(new Source(100, 100)), { streamWindowBytes: 1000 });
  const [first, second] = [await world.session.call(bytes()), await world.session.call(bytes())];
  const ending = world.server.shutdown({ graceMs: 1000 });
  await settle();
  assert.equal(world.session.state, "draining");
  assert.deepEqual((await firsts(first)).length, 100);
  await isPending(ending);
  await world.clock.advance(1000);
  await resolution(ending);
  await rejection(reading(second), "connection-lost");
});
