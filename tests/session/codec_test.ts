/**
 * codec(), text() and json(): values instead of bytes, and values that can't be.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callContext,
  chain,
  ManualClock,
  type Middleware,
  type SessionTransport,
  TransportError,
} from "../../src/core/mod.ts";
import { type Codec, codec, json, text } from "../../src/session/codec.ts";
import { mux } from "../../src/session/mux.ts";
import { memory } from "../../src/transport/memory/memory.ts";
import { rejection, resolution, settle } from "./_settle.ts";

type Bytes = SessionTransport<Uint8Array, Uint8Array>;

/** A transport on a clock that stands still. */
function wireOf<Req, Res>(convert: Middleware<Bytes, SessionTransport<Req, Res>>): {
  wire: SessionTransport<Req, Res>;
  bytes: Bytes;
} {
  const clock = new ManualClock();
  const bytes = chain(memory({ clock }), mux({ clock }));
  return { wire: chain(bytes, convert), bytes };
}

const byte: Codec<number> = {
  encode(value) {
    if (value > 255) throw new RangeError(`${value} is no byte`);
    return new Uint8Array([value]);
  },
  decode(bytes) {
    if (bytes.length !== 1) throw new RangeError(`${bytes.length} bytes are not one`);
    return bytes[0];
  },
};

Deno.test("text goes there and back, whatever is in it", async () => {
  const { wire } = wireOf(text());
  await wire.listen((request) => `<${request}>`);
  const session = await wire.dial();
  for (const value of ["", "hello", "żółw 🐢", "\uFEFFwith a mark", "a\0b"]) {
    assert.equal(await resolution(session.call(value)), `<${value}>`);
  }
});

Deno.test("text() refuses what is no text, which a program without types may give it, at both ends", async () => {
  const { wire } = wireOf(text());
  let heard = 0;
  await wire.listen((request) => {
    heard++;
    return (request === "nothing" ? undefined : 5) as unknown as string;
  });
  const session = await wire.dial();
  for (const [value, what] of [[5, "number"], [undefined, "undefined"], [null, "null"], [["a"], "object"]] as const) {
    const error = await rejection(session.call(value as unknown as string), "invalid-request");
    assert.equal(error.processed, "no");
    assert.equal(error.message, `Cannot convert request: ${what} is not text`);
  }
  assert.equal(heard, 0);
  for (const [request, what] of [["nothing", "undefined"], ["a number", "number"]]) {
    const error = await rejection(session.call(request), "invalid-reply");
    assert.match(error.message, new RegExp(`${what} is not text`));
  }
});

Deno.test("JSON goes there and back", async () => {
  const { wire } = wireOf(json<{ a: number; b: number }, { sum: number }>());
  await wire.listen(({ a, b }) => Promise.resolve({ sum: a + b }));
  const session = await wire.dial();
  assert.deepEqual(await resolution(session.call({ a: 1, b: 2 })), { sum: 3 });
});

Deno.test("a request that can't be converted is not sent", async () => {
  const { wire } = wireOf(codec("byte", byte, byte));
  const server = await wire.listen((request) => request);
  const session = await wire.dial();
  const error = await rejection(session.call(256), "invalid-request");
  assert.equal(error.processed, "no");
  assert.equal(error.remote, false);
  assert.match(error.message, /^Cannot convert request: 256 is no byte$/);
  assert.ok(error.cause instanceof RangeError);
  assert.throws(() => session.send(256), { code: "invalid-request" });
  assert.equal(session.load, 0);
  assert.equal(server.calls.started, 0);
});

Deno.test("a request that the server can't convert never reaches its handler", async () => {
  const { wire, bytes } = wireOf(text());
  let runs = 0;
  await wire.listen((request) => {
    runs++;
    return request;
  });
  const session = await bytes.dial();
  const error = await rejection(session.call(new Uint8Array([0xff, 0xfe])), "invalid-request");
  assert.equal(error.processed, "no");
  assert.equal(error.remote, true);
  assert.equal(runs, 0);
  session.send(new Uint8Array([0xff]));
  await settle();
  assert.equal(runs, 0);
});

Deno.test("a reply that the server can't convert fails the call as such", async () => {
  const { wire } = wireOf(codec("byte", byte, byte));
  await wire.listen((request) => request === 1 ? 1000 : Promise.resolve(1000));
  const session = await wire.dial();
  for (const request of [1, 2]) {
    const error = await rejection(session.call(request), "invalid-reply");
    assert.equal(error.processed, "yes");
    assert.equal(error.remote, true);
  }
});

Deno.test("a reply that the caller can't convert fails the call as such", async () => {
  const { wire, bytes } = wireOf(json<string, string>());
  await bytes.listen(() => new TextEncoder().encode("{oops"));
  const error = await rejection((await wire.dial()).call("x"), "invalid-reply");
  assert.equal(error.processed, "yes");
  assert.equal(error.remote, false);
  assert.match(error.message, /^Cannot convert reply: /);
});

Deno.test("what is not JSON is refused", async () => {
  const { wire } = wireOf(json<unknown, unknown>());
  await wire.listen((request) => request);
  const session = await wire.dial();
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  for (const value of [undefined, () => {}, 5n, cycle]) await rejection(session.call(value), "invalid-request");
});

Deno.test("a codec may be an object with a state of its own", async () => {
  class Shift implements Codec<number> {
    readonly #by: number;
    constructor(by: number) {
      this.#by = by;
    }
    encode(value: number): Uint8Array {
      return new Uint8Array([value + this.#by]);
    }
    decode(bytes: Uint8Array): number {
      return bytes[0] - this.#by;
    }
  }
  const { wire } = wireOf(codec("shift", new Shift(3), new Shift(5)));
  await wire.listen((request) => request * 2);
  assert.equal(await resolution((await wire.dial()).call(4)), 8);
});

Deno.test("the server calls back in values, and the peer is always the same one", async () => {
  const { wire } = wireOf(text());
  const peers: unknown[] = [];
  const sessions: unknown[] = [];
  await wire.listen(async (request, context) => {
    peers.push(context.peer);
    return `${await context.peer!.call("who are you?")} said ${request}`;
  }, { onSession: (session) => sessions.push(session) });
  const session = await wire.dial({ handler: (request) => request === "who are you?" ? "ann" : "?" });
  assert.equal(await resolution(session.call("hello")), "ann said hello");
  await resolution(session.call("again"));
  assert.deepEqual([peers[0] === peers[1], peers[0] === sessions[0], sessions.length], [true, true, 1]);
});

Deno.test("a session of values shows what the one of bytes shows", async () => {
  const { wire } = wireOf(text());
  const gate = Promise.withResolvers<string>();
  await wire.listen(() => gate.promise);
  const session = await wire.dial();
  let changes = 0;
  session.onChange = () => changes++;
  assert.deepEqual([session.state, session.load, session.capacity], ["open", 0, 1024]);
  assert.deepEqual([session.local.transport, session.remote.transport], ["memory", "memory"]);
  const call = session.call("x", callContext({ priority: 1 }));
  session.send("y");
  assert.equal(session.load, 1);
  assert.equal(await resolution(session.ping()), 0);
  const closing = session.close();
  gate.resolve("done");
  assert.equal(await resolution(call), "done");
  await resolution(closing);
  assert.equal(await session.finished, undefined);
  assert.equal(session.state, "closed");
  assert.ok(changes >= 3 && session.onChange !== undefined);
});

Deno.test("aborting a session of values aborts the one of bytes", async () => {
  const { wire } = wireOf(text());
  await wire.listen(() => new Promise<string>(() => {}));
  const session = await wire.dial();
  const call = session.call("x");
  const reason = new TransportError("closed", "enough");
  session.abort(reason);
  await rejection(call, "connection-lost");
  assert.equal(await session.finished, reason);
});
