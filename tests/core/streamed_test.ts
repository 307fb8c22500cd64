import assert from "node:assert/strict";
import { Streamed, TransportError, whenComplete } from "../../mod.ts";

async function* numbers(count: number, left?: () => void): AsyncGenerator<number> {
  try {
    for (let n = 0; n < count; n++) yield n;
  } finally {
    left?.();
  }
}

Deno.test("a streamed reply is whole when its stream has ended", async () => {
  const ends: string[] = [];
  const reply = whenComplete(new Streamed("head", numbers(3)), (error) => ends.push(String(error)));
  const items: number[] = [];
  for await (const item of reply) {
    assert.deepEqual(ends, []);
    items.push(item);
  }
  assert.deepEqual(items, [0, 1, 2]);
  assert.deepEqual(ends, ["undefined"]);
  whenComplete(reply, (error) => ends.push(String(error)));
  assert.equal(ends.length, 2, "one who asks later hears of it at once");
});

Deno.test("leaving the loop ends the stream and its source", async () => {
  const told: string[] = [];
  const reply = new Streamed("head", numbers(3, () => told.push("source")));
  whenComplete(reply, () => told.push("whole"));
  for await (const _ of reply) break;
  assert.deepEqual(told, ["whole", "source"]);
});

Deno.test("a stream that fails is whole with the error", async () => {
  const fault = new TransportError("connection-lost", "Connection reset");
  const ends: unknown[] = [];
  const failing = (async function* (): AsyncGenerator<number> {
    yield 1;
    throw fault;
  })();
  const reply = whenComplete(new Streamed("head", failing), (error) => ends.push(error));
  const read = (async () => {
    for await (const item of reply) assert.equal(item, 1);
  })();
  await assert.rejects(read, fault);
  assert.deepEqual(ends, [fault]);
});

Deno.test("a stream that nobody reads can be cancelled, and is read once only", async () => {
  const ends: unknown[] = [];
  let asked = 0;
  const reply = whenComplete(
    new Streamed("head", {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: false, value: asked++ }) }),
    }),
    (error) => ends.push(error),
  );
  await reply.cancel();
  await reply.cancel();
  assert.deepEqual([ends, asked], [[undefined], 0]);
  assert.throws(() => reply[Symbol.asyncIterator](), { code: "invalid-request" });
});

Deno.test("items that are no async iterable are refused where they are given, as untyped programs may", () => {
  const refused = { code: "invalid-request", processed: "no", message: /its items are no async iterable/ };
  for (const items of [["a list"], "text", 5, undefined, null, {}]) {
    assert.throws(() => new Streamed("head", items as unknown as AsyncIterable<string>), refused);
  }
});
