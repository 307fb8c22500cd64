/**
 * What is left in the middle may fail because of that: a body that its own
 * abort has torn, a generator whose `finally` throws. Nobody is told, since
 * nobody reads on, and no process ends of it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  balance,
  cache,
  callContext,
  chain,
  clientOf,
  coalesce,
  contract,
  implement,
  json,
  ManualClock,
  memory,
  type MethodRequest,
  mux,
  type Schema,
  Streamed,
} from "../../mod.ts";
import { turn } from "../support/channels.ts";
import { failure, settle } from "../support/calls.ts";

/** A stream that fails when it is left, and says how often it was. */
function sore(head: unknown): { stream: Streamed<unknown>; left: () => number } {
  let left = 0;
  const items = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false as const, value: "item" }),
      return: () => {
        left++;
        return Promise.reject(new Error("its finally throws"));
      },
    }),
  };
  return { stream: new Streamed<unknown>(head, items), left: () => left };
}

/** A response whose body has failed. */
const torn = (): Response =>
  new Response(new ReadableStream({ start: (controller) => controller.error(new Error("torn")) }));

Deno.test("coalesce() lets go of a torn response that comes when its callers have gone", async () => {
  const reply = Promise.withResolvers<Response>();
  const controller = new AbortController();
  const call = chain((_: Request) => reply.promise, coalesce<Request>());
  const gone = failure(
    call(new Request("http://localhost/"), callContext({ signal: controller.signal })),
    "cancelled",
  );
  controller.abort();
  await gone;
  reply.resolve(torn());
  await turn();
});

Deno.test("cache() refuses a torn response as any other", async () => {
  await failure(chain((_: string) => torn(), cache<string, Response>({ ttlMs: 1000 }))("x"), "unsupported");
  await turn();
});

Deno.test("cache() lets go of a stream that nobody but a refresh has asked for", async () => {
  const clock = new ManualClock();
  const { stream, left } = sore("fresh");
  const replies: unknown[] = ["stale", stream];
  const kept = cache<string, unknown>({ ttlMs: 10, staleWhileRevalidateMs: 1000, clock });
  const call = chain((_: string) => replies.shift(), kept);
  assert.equal(await call("x"), "stale");
  await clock.advance(10);
  assert.equal(await call("x"), "stale");
  await settle();
  assert.equal(left(), 1);
});

Deno.test("balance() is closed although its list of endpoints fails when it is left", async () => {
  const call = balance<string, string, string>({
    endpoints: {
      [Symbol.asyncIterator]: () => {
        let given = false;
        return {
          next: () => given ? new Promise<never>(() => {}) : Promise.resolve({ done: !(given = true), value: ["a"] }),
          return: () => Promise.reject(new Error("its finally throws")),
        };
      },
    },
    connect: () => Object.assign((request: string) => Promise.resolve(request)),
  });
  assert.equal(await call("x"), "x");
  await call.close();
  await turn();
});

Deno.test("a handler's stream whose head can't be written fails its call, and no more", async () => {
  const { stream, left } = sore(1n);
  const wire = chain(memory(), mux({ streams: true }), json<unknown, unknown>());
  const listener = await wire.listen(() => stream);
  const session = await wire.dial();
  await failure(session.call("question"), "invalid-reply");
  await turn();
  assert.equal(left(), 1);
  assert.equal(session.state, "open");
  await session.close();
  await listener.shutdown();
});

const schema = (validate: (value: unknown) => unknown): Schema<unknown, unknown> =>
  ({ "~standard": { version: 1, vendor: "test", validate } }) as Schema<unknown, unknown>;

Deno.test("a contract's ends let go of streams that they refuse", async () => {
  const made = contract({ name: "made", methods: { one: { reply: schema((value) => ({ value })) } } });
  const reply = sore(null);
  await failure(clientOf(made, () => Promise.resolve(reply.stream)).one(), "invalid-reply");
  const request = sore({ method: "made.one" });
  const handler = implement(made, { one: () => 1 });
  const served = (async () => await handler(request.stream as unknown as MethodRequest, callContext()))();
  await failure(served, "invalid-request");
  await turn();
  assert.deepEqual([reply.left(), request.left()], [1, 1]);
});

Deno.test("a stream whose schema throws is left, at once or later", async () => {
  const fault = new Error("the schema is broken");
  const breaks = [
    () => {
      throw fault;
    },
    () => Promise.reject(fault),
  ];
  for (const validate of breaks) {
    const { stream, left } = sore(null);
    const made = contract({ name: "made", methods: { many: { replies: schema(validate) } } });
    const replies = clientOf(made, () => Promise.resolve(stream)).many();
    await assert.rejects(Array.fromAsync(replies), fault);
    await turn();
    assert.equal(left(), 1);
  }
});
