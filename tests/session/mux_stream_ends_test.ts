/**
 * How streams over mux() end: by their readers, their sources, their callers,
 * and their connection.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type CallContext, callContext, TransportError } from "../../src/core/mod.ts";
import type { StreamedBytes } from "../../src/session/mux.ts";
import { bytes } from "./_joined.ts";
import { isPending, rejection, resolution, settle, standing } from "./_settle.ts";
import { asStream, firsts, idle, type JoinedStreams, joinedStreams, Source, streamed, upTo } from "./_streams.ts";

const refused = new TransportError("invalid-request", "Nothing of the kind", { details: { kind: 7 } });

/** Reads a stream to its end, in the background. */
function reading(stream: StreamedBytes): Promise<number[]> {
  const read = firsts(stream);
  read.catch(() => {});
  return read;
}

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
  assert.equal(error.processed, "yes", "what has been answered in part has been worked on");
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

Deno.test("items that come after their call was given up give their credit back to the other streams", async () => {
  const options = { streamWindowBytes: 10 * 164, allStreamsBytes: 25 * 164 };
  const world = await joinedStreams(() => streamed(new Source(1000, 100)), options);
  for (let i = 0; i < 20; i++) {
    const controller = new AbortController();
    const call = world.session.call(bytes(), callContext({ signal: controller.signal }));
    // Before, while and after the items come.
    await settle(2 * i);
    controller.abort();
    await call.then((reply) => rejection(reading(reply), "cancelled"), () => {});
  }
  await settle(500);
  const reply = await resolution(world.session.call(bytes()));
  assert.equal((await firsts(reply)).length, 1000);
  await idle(world);
});
