/**
 * Conformance of sessions: requests and replies that are streams.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type ChannelTransport,
  type ErrorCode,
  type Middleware,
  mux,
  type MuxOptions,
  type SessionTransport,
  Streamed,
  type StreamedBytes,
  TransportError,
} from "../../mod.ts";
import { numbered, sameBytes, until, within } from "../support/channels.ts";
import type { SessionTest } from "./session_suite.ts";
import type { World } from "./_session_world.ts";

/** The same transport, whose calls may be streams. */
type Streams = SessionTransport<StreamedBytes, StreamedBytes>;

/** mux() with streams, as one without: what the other tests of the suite know. */
export function streamingMux(
  options: MuxOptions,
): Middleware<ChannelTransport, SessionTransport<Uint8Array, Uint8Array>> {
  return mux({ ...options, streams: true }) as Middleware<ChannelTransport, SessionTransport<never, never>>;
}

/** What a session of streams is. */
type Session = Awaited<ReturnType<Streams["dial"]>>;

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

/** So many items of one size, and how it went with them. */
class Items {
  asked = 0;
  left = false;

  /** Not a generator, which would not hear that it is left before it is asked. */
  of(count: number, size: number, failure?: unknown): AsyncIterable<Uint8Array> {
    const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      await Promise.resolve();
      if (this.asked < count) return { done: false, value: numbered(this.asked++, size) };
      this.left = true;
      if (failure !== undefined) throw failure;
      return { done: true, value: undefined };
    };
    const left = (): Promise<IteratorResult<Uint8Array, undefined>> => {
      this.left = true;
      return Promise.resolve({ done: true, value: undefined });
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: left }) };
  }
}

function streamOf(reply: StreamedBytes): Streamed<Uint8Array> {
  assert.ok(reply instanceof Streamed, "a stream");
  return reply;
}

async function readAll(stream: StreamedBytes, size: number): Promise<number> {
  let items = 0;
  for await (const item of streamOf(stream)) sameBytes(item, numbered(items++, size), `item ${items}`);
  return items;
}

async function ends(read: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(within(read, `the end of a stream, with ${code}`), (error) => {
    return error instanceof TransportError && error.code === code;
  });
}

/** Registers them. */
export function streamTests(test: SessionTest): void {
  const on = async (world: World, handler: Parameters<Streams["listen"]>[0]) => {
    const server = await world.serve(handler as Parameters<World["serve"]>[0]);
    const session = await world.dial() as unknown as Session;
    const idle = (): Promise<void> =>
      until(() => session.load === 0 && server.calls.inFlight === 0, "no call in flight at either end");
    return { server, session, idle };
  };

  test("carries streams of 300 items up, down and both ways at once", {}, async (world) => {
    const { session, idle } = await on(world, async (request) => {
      if (!(request instanceof Streamed)) return new Streamed(request, new Items().of(300, 3000));
      if (request.head.length === 0) return bytes(await readAll(request, 3000) & 255);
      return new Streamed(request.head, request);
    });
    assert.equal(await readAll(await session.call(bytes(1)), 3000), 300);
    const up = await session.call(new Streamed(bytes(), new Items().of(300, 3000)));
    assert.deepEqual([...up as Uint8Array], [300 & 255]);
    const echoed = streamOf(await session.call(new Streamed(bytes(1, 2), new Items().of(300, 3000))));
    assert.deepEqual([...echoed.head], [1, 2]);
    assert.equal(await readAll(echoed, 3000), 300);
    await idle();
  });

  test("holds a source back whose stream nobody reads on, and gives calls beside it their way", {}, async (world) => {
    const items = new Items();
    const { session, idle } = await on(world, (request) => {
      return (request as Uint8Array).length === 0 ? new Streamed(bytes(), items.of(2000, 10_000)) : request;
    });
    const slow = streamOf(await session.call(bytes()))[Symbol.asyncIterator]();
    sameBytes((await slow.next()).value!, numbered(0, 10_000), "the first item");
    await until(() => items.asked > 10, "the first items");
    for (let i = 0; i < 50; i++) assert.equal((await session.call(bytes(1)) as Uint8Array).length, 1);
    assert.ok(items.asked < 40, `${items.asked} items of 10 000 bytes were asked for`);
    let read = 1;
    for (let item = await slow.next(); !item.done; item = await slow.next()) {
      sameBytes(item.value, numbered(read++, 10_000), `item ${read}`);
    }
    assert.equal(read, 2000);
    await idle();
  });

  test("cancels a call whose reader leaves the loop", {}, async (world) => {
    const items = new Items();
    let aborted = false;
    const { session, idle } = await on(world, (_, context) => {
      context.signal.addEventListener("abort", () => aborted = true);
      return new Streamed(bytes(), items.of(1e9, 1000));
    });
    for await (const item of streamOf(await session.call(bytes()))) if (item.length > 0) break;
    await until(() => items.left && aborted, "the handler's end");
    await idle();
  });

  test("carries the error of a handler, and of a caller's source, into the middle of a stream", {}, async (world) => {
    const wrong = new TransportError("rate-limited", "Slow down", { details: { items: 3 } });
    const reading = Promise.withResolvers<Promise<unknown>[]>();
    const { session, idle } = await on(world, (request) => {
      if (!(request instanceof Streamed)) return new Streamed(bytes(), new Items().of(3, 10, wrong));
      const read = readAll(request, 10);
      reading.resolve([read]);
      return read.then(() => bytes());
    });
    const reply = streamOf(await session.call(bytes()));
    let items = 0;
    const loop = (async () => {
      for await (const _ of reply) items++;
    })();
    await ends(loop, "rate-limited");
    assert.equal(items, 3);
    await ends(session.call(new Streamed(bytes(), new Items().of(3, 10, wrong))), "rate-limited");
    await ends((await reading.promise)[0], "rate-limited");
    await idle();
  });

  test("stops the source of a request that is answered before its end", {}, async (world) => {
    const items = new Items();
    const { session, idle } = await on(world, () => bytes(7));
    const reply = await session.call(new Streamed(bytes(), items.of(1e9, 1000)));
    assert.deepEqual([...reply as Uint8Array], [7]);
    await until(() => items.left, "the end of the source");
    await idle();
  });

  test("ends both streams of a call once each when the connection is cut in their middle", {}, async (world) => {
    const [up, down] = [new Items(), new Items()];
    let read: Promise<unknown> = Promise.resolve();
    const { server, session } = await on(world, (request) => {
      read = readAll(request, 1000);
      read.catch(() => {});
      return new Streamed(bytes(), down.of(1e9, 1000));
    });
    const reply = streamOf(await session.call(new Streamed(bytes(), up.of(1e9, 1000))));
    const iterator = reply[Symbol.asyncIterator]();
    for (let i = 0; i < 10; i++) await iterator.next();
    session.abort(new TransportError("connection-lost", "The test cut it"));
    const rest = (async () => {
      while (!(await iterator.next()).done);
    })();
    await ends(rest, "connection-lost");
    await ends(read, "connection-lost");
    await until(() => up.left && down.left, "the end of both sources");
    await until(() => server.calls.inFlight === 0, "no call in flight");
    assert.equal(session.load, 0);
  });
}
