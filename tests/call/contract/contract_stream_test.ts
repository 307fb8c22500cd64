import assert from "node:assert/strict";
import { z } from "zod";
import {
  background,
  type CallContext,
  clientOf,
  contract,
  implement,
  type MethodRequest,
  type Service,
  Streamed,
  TransportError,
} from "../../../mod.ts";

const files = contract({
  name: "files",
  methods: {
    lines: { request: z.object({ from: z.number() }), replies: z.object({ line: z.string() }) },
    upload: { request: z.string(), items: z.number(), reply: z.object({ sum: z.number() }) },
    shout: { items: z.string(), replies: z.string() },
  },
});

/** Hands requests to a handler of this process. */
function direct(handler: (request: MethodRequest, context: CallContext) => unknown): Service<MethodRequest, unknown> {
  return async (request, context = background) => await handler(request, context);
}

async function* listed<T>(items: T[], left?: () => void): AsyncGenerator<T> {
  try {
    yield* items;
  } finally {
    left?.();
  }
}

/** All items, or the error that they ended with. */
async function collected(items: AsyncIterable<unknown>): Promise<{ items: unknown[]; error?: TransportError }> {
  const seen: unknown[] = [];
  try {
    for await (const item of items) seen.push(item);
  } catch (error) {
    assert.ok(error instanceof TransportError, String(error));
    return { items: seen, error };
  }
  return { items: seen };
}

const told: string[] = [];
const handler = implement(files, {
  async *lines({ from }) {
    try {
      for (let n = from; n < from + 3; n++) yield { line: `line ${n}` };
    } finally {
      told.push("lines left");
    }
  },
  async upload(_, items) {
    let sum = 0;
    for await (const item of items) sum += item;
    return { sum };
  },
  async *shout(_, items) {
    for await (const item of items) yield item.toUpperCase();
  },
});

Deno.test("a method answers with a stream, takes one, or both", async () => {
  const client = clientOf(files, direct(handler));
  assert.deepEqual(await collected(client.lines({ from: 2 })), {
    items: [{ line: "line 2" }, { line: "line 3" }, { line: "line 4" }],
  });
  assert.deepEqual(await client.upload("log", listed([1, 2, 3])), { sum: 6 });
  assert.deepEqual(await collected(client.shout(undefined, listed(["a", "b"]))), { items: ["A", "B"] });
});

Deno.test("a stream is called for when its first item is, and anew each time it is read", async () => {
  let calls = 0;
  const client = clientOf(files, direct((request, context) => (calls++, handler(request, context))));
  const lines = client.lines({ from: 0 });
  assert.equal(calls, 0);
  await collected(lines);
  assert.equal((await collected(lines)).items.length, 3);
  assert.equal(calls, 2);
});

Deno.test("leaving the loop ends the method", async () => {
  told.length = 0;
  const client = clientOf(files, direct(handler));
  for await (const { line } of client.lines({ from: 0 })) {
    assert.equal(line, "line 0");
    break;
  }
  assert.deepEqual(told, ["lines left"]);
});

Deno.test("leaving a stream while it opens cancels the call", async () => {
  let reason: TransportError | undefined;
  const opening = Promise.withResolvers<unknown>();
  const client = clientOf(files, (_, context = background) => {
    context.cancellation?.subscribe({ cancelled: (why) => reason = why });
    return opening.promise;
  });
  const items = client.lines({ from: 0 })[Symbol.asyncIterator]();
  const first = items.next();
  await Promise.resolve();
  await items.return?.();
  assert.equal(reason?.code, "cancelled");
  let left = false;
  opening.resolve(
    new Streamed(null, {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: true, value: 0 }),
        return: () => (left = true, ended),
      }),
    }),
  );
  assert.deepEqual(await first, { done: true, value: undefined });
  assert.deepEqual(await items.next(), { done: true, value: undefined });
  assert.ok(left, "what came too late was let go");
});

Deno.test("an item that breaks the contract ends the stream, and says whose fault it is", async () => {
  const broken = implement(files, {
    lines: () =>
      listed([{ line: "good" }, { line: 7 as unknown as string }, { line: "never" }], () => told.push("left")),
    upload: () => ({ sum: 0 }),
    shout: () => listed([]),
  });
  told.length = 0;
  const { items, error } = await collected(clientOf(files, direct(broken)).lines({ from: 0 }));
  assert.deepEqual(items, [{ line: "good" }]);
  assert.equal(error?.code, "invalid-reply");
  assert.match(error?.message ?? "", /^files\.lines broke its contract: line: /);
  assert.deepEqual(told, ["left"]);

  const stranger = clientOf(files, direct(() => new Streamed(null, listed([{ line: 1 }]))));
  assert.match((await collected(stranger.lines({ from: 0 }))).error?.message ?? "", /^The server broke the contract/);
});

Deno.test("an item of a caller that breaks the contract never reaches the method", async () => {
  const client = clientOf(files, direct(handler));
  const wrong = listed([1, "two" as unknown as number, 3], () => told.push("source left"));
  told.length = 0;
  await assert.rejects(client.upload("log", wrong), {
    code: "invalid-request",
    message: /^Item for files\.upload refused/,
  });
  assert.deepEqual(told, ["source left"]);
  const raw = new Streamed({ method: "files.upload", params: "log" }, listed<unknown>([1, null]));
  await assert.rejects(direct(handler)(raw), { code: "invalid-request" });
});

Deno.test("a stream where none is expected is refused and let go, and so is the lack of one", async () => {
  const call = direct(handler);
  let left = false;
  const items = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(), return: () => (left = true, ended) }),
  };
  await assert.rejects(call(new Streamed({ method: "files.lines", params: { from: 0 } }, items)), {
    code: "invalid-request",
    message: /it takes no stream of items/,
  });
  assert.ok(left);
  await assert.rejects(call({ method: "files.upload", params: "log" }), { message: /a stream of items is missing/ });
  const single = clientOf(files, direct(() => ({ line: "alone" })));
  assert.match((await collected(single.lines({ from: 0 }))).error?.message ?? "", /expected a stream/);
  const many = clientOf(files, direct(() => new Streamed(null, listed([1], () => {}))));
  await assert.rejects(many.upload("log", listed([1])), { code: "invalid-reply", message: /not a stream/ });
  // @ts-expect-error a list is no stream
  await assert.rejects(clientOf(files, call).upload("log", [1, 2]), { code: "invalid-request" });
});

const ended = Promise.resolve({ done: true as const, value: undefined });
