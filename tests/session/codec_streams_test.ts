/**
 * Streams of values: codec(), text(), json() and methods() over mux() with
 * streams.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  chain,
  clientOf,
  type Codec,
  codec,
  contract,
  implement,
  json,
  memory,
  methods,
  mux,
  Streamed,
  text,
  TransportError,
} from "../../mod.ts";
import { z } from "zod";

async function* words(...all: string[]): AsyncGenerator<string> {
  yield* all;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(items);
}

Deno.test("text() streams text, both ways", async () => {
  const wire = chain(memory(), mux({ streams: true }), text());
  const server = await wire.listen(async (request) => {
    if (!(request instanceof Streamed)) return request;
    const said = await all(request);
    return new Streamed(`${request.head}: ${said.length}`, words(...said.map((word) => word.toUpperCase())));
  });
  const session = await wire.dial();
  assert.equal(await session.call("plain"), "plain");
  const reply = await session.call(new Streamed("words", words("α", "b", "")));
  assert.ok(reply instanceof Streamed);
  assert.equal(reply.head, "words: 3");
  assert.deepEqual(await all(reply), ["Α", "B", ""]);
  await session.close();
  await server.shutdown();
});

Deno.test("json() and codec() may have items of another kind than what stands before them", async () => {
  const wire = chain(memory(), mux({ streams: true }), json<{ from: number }, { count: number }, never, number>());
  const server = await wire.listen((request) => {
    const { from } = request as { from: number };
    async function* numbers(): AsyncGenerator<number> {
      for (let n = from; n < 3; n++) yield n;
    }
    return new Streamed({ count: 3 - from }, numbers());
  });
  const session = await wire.dial();
  const reply = await session.call({ from: 1 });
  assert.ok(reply instanceof Streamed);
  assert.deepEqual([reply.head, await all(reply)], [{ count: 2 }, [1, 2]]);
  await session.close();
  await server.shutdown();
});

const picky: Codec<string> = {
  encode(value) {
    if (value === "no") throw new RangeError("not this one");
    return new TextEncoder().encode(value);
  },
  decode: (bytes) => new TextDecoder().decode(bytes),
};

Deno.test("an item that can't be converted fails the stream where it stands", async () => {
  const wire = chain(memory(), mux({ streams: true }), codec("picky", picky, picky));
  let left = false;
  async function* some(): AsyncGenerator<string> {
    try {
      yield* ["yes", "no", "never"];
    } finally {
      left = true;
    }
  }
  const server = await wire.listen((request) =>
    request instanceof Streamed ? all(request).then(String) : new Streamed("", some())
  );
  const session = await wire.dial();
  const seen: string[] = [];
  const reply = await session.call("go") as Streamed<string>;
  await assert.rejects(async () => {
    for await (const item of reply) seen.push(item);
  }, { code: "invalid-reply", message: /Cannot convert reply: not this one/ });
  assert.deepEqual([seen, left], [["yes"], true]);
  left = false;
  await assert.rejects(session.call(new Streamed("", some())), { code: "invalid-request" });
  assert.equal(left, true);
  await session.close();
  await server.shutdown();
});

Deno.test("items that the reader can't decode fail its loop and cancel the call", async () => {
  const bytes = chain(memory(), mux({ streams: true }));
  const left = Promise.withResolvers<void>();
  async function* broken(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array([0xff]);
    } finally {
      left.resolve();
    }
  }
  const server = await bytes.listen(() => new Streamed(new Uint8Array(), broken()));
  const session = await chain(bytes, text()).dial();
  const reply = await session.call("go") as Streamed<string>;
  await assert.rejects(all(reply), (error) => error instanceof TransportError && error.code === "invalid-reply");
  await left.promise;
  await session.close();
  await server.shutdown();
});

Deno.test("a contract streams over mux() as it does over anything else", async () => {
  const sums = contract({
    name: "sums",
    methods: {
      running: { request: z.number(), items: z.number(), replies: z.number() },
      total: { items: z.number(), reply: z.number() },
    },
  });
  const handler = implement(sums, {
    async *running(from, items) {
      let sum = from;
      for await (const item of items) yield sum += item;
    },
    async total(_, items) {
      return (await all(items)).reduce((sum, item) => sum + item, 0);
    },
  });
  async function* numbers(): AsyncGenerator<number> {
    yield* [1, 2, 3];
  }
  const wire = chain(memory(), mux({ streams: true }), methods());
  const server = await wire.listen(handler);
  const session = await wire.dial();
  const client = clientOf(sums, (request, context) => session.call(request, context));
  assert.deepEqual(await all(client.running(10, numbers())), [11, 13, 16]);
  assert.equal(await client.total(undefined, numbers()), 6);
  await session.close();
  await server.shutdown();
  const plain = chain(memory(), mux(), methods());
  const other = await plain.listen(handler);
  const poor = await plain.dial();
  const refused = clientOf(sums, (request, context) => poor.call(request, context));
  await assert.rejects(refused.total(undefined, numbers()), { code: "unsupported", processed: "no" });
  await poor.close();
  await other.shutdown();
});
