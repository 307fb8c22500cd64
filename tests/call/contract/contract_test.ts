import assert from "node:assert/strict";
import { z } from "zod";
import {
  background,
  type CallContext,
  callContext,
  chain,
  clientOf,
  contract,
  type ContractClient,
  type ContractOptions,
  idempotent,
  implement,
  implementAll,
  memory,
  type MethodRequest,
  type Methods,
  methods,
  mux,
  reconnect,
  retry,
  serve,
  type Service,
  TransportError,
} from "../../../mod.ts";

const orders = contract({
  name: "orders",
  methods: {
    place: {
      request: z.object({ item: z.string(), count: z.number().int().positive().default(1) }),
      reply: z.object({ id: z.number(), note: z.string().optional() }),
    },
    cancel: { request: z.number(), idempotent: true },
    count: { reply: z.number() },
  },
});

/** The far side as it would be on the wire: what is sent is what JSON makes of it. */
function wired(handler: (request: MethodRequest, context: CallContext) => unknown): Service<MethodRequest, unknown> {
  return async (request, context = background) => {
    const asked = JSON.parse(JSON.stringify(request));
    return JSON.parse(JSON.stringify((await handler(asked, context)) ?? null));
  };
}

/** How a promise was rejected. */
async function failure(call: Promise<unknown>): Promise<TransportError> {
  const error = await call.then(() => undefined, (error) => error);
  assert.ok(error instanceof TransportError, String(error));
  return error;
}

const placing = implement(orders, {
  place: ({ item, count }) => ({ id: item.length * count }),
  cancel: () => {},
  count: () => 3,
});

Deno.test("a contract gives a typed client and a handler, with what the schemas make of requests", async () => {
  const client = clientOf(orders, wired(placing));
  const { id }: { id: number } = await client.place({ item: "tea" });
  assert.equal(id, 3, "the default of one");
  assert.equal((await client.place({ item: "tea", count: 4 })).id, 12);
  const nothing: void = await client.cancel(7);
  assert.equal(nothing, undefined);
  assert.equal(await client.count(), 3);
  assert.equal(await client.count(undefined, callContext({ timeoutMs: 1000 })), 3);
  const same: ContractClient<typeof orders> = client;
  // @ts-expect-error a number is no order
  await assert.rejects(same.place(7), { code: "invalid-request" });
  // @ts-expect-error the contract has no such method
  assert.equal(same.refund, undefined);
});

Deno.test("a client over calls without names does not compile, and the compiler says what is missing", () => {
  const bytes: Service<Uint8Array, Uint8Array> = (request) => Promise.resolve(request);
  // @ts-expect-error methods() is missing in the chain
  clientOf(orders, bytes);
  type Asked = Parameters<typeof clientOf<typeof orders.methods, Uint8Array>>[1];
  const why: (asked: Asked) => "methods() is missing in the chain" = (asked) => asked;
  assert.ok(why);
  // One that takes more than names is as good.
  const any: Service<MethodRequest | Uint8Array, unknown> = (request) => Promise.resolve(request);
  assert.equal(typeof clientOf(orders, any).count, "function");
});

Deno.test("a request that breaks the contract is refused before it is sent, with the path of what is wrong", async () => {
  let sent = 0;
  const client = clientOf(orders, () => Promise.resolve(sent++));
  const error = await failure(client.place({ item: "tea", count: -1 }));
  assert.equal(error.code, "invalid-request");
  assert.equal(error.processed, "no");
  assert.match(error.message, /^Call of orders\.place refused: count: /);
  assert.deepEqual((error.details?.issues as { path: string }[]).map(({ path }) => path), ["count"]);
  assert.equal(sent, 0);
});

Deno.test("a context where a request would stand is refused, and not dropped with its deadline", async () => {
  const clock = contract({ name: "clock", methods: { now: { reply: z.number() }, ticks: { replies: z.number() } } });
  const client = clientOf(clock, () => assert.fail("nothing is sent"));
  const context = callContext({ timeoutMs: 10 }) as unknown as undefined; // as where types are not checked
  const refused = { code: "invalid-request", processed: "no", message: /its context is the second argument/ };
  await assert.rejects(client.now(context), refused);
  await assert.rejects(Array.fromAsync(client.ticks(context)), refused);
});

Deno.test("a server checks for itself, also against clients without a contract", async () => {
  let ran = 0;
  const handler = implement(orders, { place: () => ({ id: ran++ }), cancel: () => {}, count: () => 3 });
  const call = wired(handler);
  const error = await failure(call({ method: "orders.place", params: { item: 7 } }));
  assert.deepEqual([error.code, error.processed, ran], ["invalid-request", "no", 0]);
  assert.match(error.message, /^Call of orders\.place refused: item: /);
  assert.equal((await failure(call({ method: "orders.place" }))).code, "invalid-request");
  const unknown = await failure(call({ method: "orders.refund", params: 1 }));
  assert.deepEqual([unknown.code, unknown.processed], ["unsupported", "no"]);
  assert.match(unknown.message, /there is no method "orders\.refund"/);
  for (const method of ["__proto__", "constructor", "toString", "orders.__proto__"]) {
    assert.equal((await failure(call({ method }))).code, "unsupported", method);
  }
});

Deno.test("a reply that breaks the contract is an error of the server, said on both ends", async () => {
  const broken = implement(orders, {
    place: () => ({ id: "7" as unknown as number }),
    cancel: () => {},
    count: () => 3,
  });
  const told = await failure(clientOf(orders, wired(broken)).place({ item: "tea" }));
  assert.equal(told.code, "invalid-reply");
  assert.match(told.message, /^orders\.place broke its contract: id: /);

  const stranger = clientOf(orders, wired(() => ({ id: null })));
  const seen = await failure(stranger.place({ item: "tea" }));
  assert.deepEqual([seen.code, seen.processed], ["invalid-reply", "yes"]);
  assert.match(seen.message, /^The server broke the contract of orders\.place: id: /);
});

Deno.test("what a reply's schema does not know is not sent", async () => {
  const leaky = implement(orders, {
    place: () => ({ id: 1, password: "secret" }),
    cancel: () => {},
    count: () => 3,
  });
  assert.deepEqual(await wired(leaky)({ method: "orders.place", params: { item: "tea" } }), { id: 1 });
});

Deno.test("an added optional field breaks neither an old client nor an old server", async () => {
  const newer = contract({
    name: "orders",
    methods: {
      place: {
        request: z.object({ item: z.string(), count: z.number().default(1), gift: z.boolean().optional() }),
        reply: z.object({ id: z.number(), note: z.string().optional(), parcel: z.string().optional() }),
      },
    },
  });
  const newServer = implement(newer, { place: ({ gift }) => ({ id: 1, parcel: gift === true ? "red" : "plain" }) });
  assert.deepEqual(await clientOf(orders, wired(newServer)).place({ item: "tea" }), { id: 1 });
  assert.deepEqual(await clientOf(newer, wired(placing)).place({ item: "tea", gift: true }), { id: 3 });
  assert.deepEqual(await clientOf(newer, wired(newServer)).place({ item: "tea", gift: true }), {
    id: 1,
    parcel: "red",
  });
});

Deno.test("two versions of a service are served side by side", async () => {
  const second = contract({ name: "orders", version: 2, methods: { count: { reply: z.object({ all: z.number() }) } } });
  const both = implementAll(placing, implement(second, { count: () => ({ all: 5 }) }));
  assert.equal(await clientOf(orders, wired(both)).count(), 3);
  assert.deepEqual(await clientOf(second, wired(both)).count(), { all: 5 });
  assert.throws(() => implementAll(placing, placing), { code: "invalid-option" });
  assert.throws(() => implementAll(() => 1), { code: "invalid-option" });
});

Deno.test("methods that are idempotent are called again by retry(), others are not", async () => {
  const failing = (count: number) => {
    let left = count;
    return (request: MethodRequest, context: CallContext): unknown => {
      if (left-- > 0) throw new TransportError("connection-lost", "Connection reset", { processed: "maybe" });
      return placing(request, context);
    };
  };
  const retried = (count: number) => chain(failing(count), retry({ initialBackoffMs: 0, maxAttempts: 3 }));
  await clientOf(orders, retried(2)).cancel(7);
  assert.equal((await failure(clientOf(orders, retried(1)).place({ item: "tea" }))).code, "connection-lost");
  assert.equal(orders.isIdempotent({ method: "orders.cancel" }), true);
  assert.equal(orders.isIdempotent({ method: "orders.place" }), false);
  const contexts: boolean[] = [];
  const spy = clientOf(orders, (_, context = background) => {
    contexts.push(context.get(idempotent) === true);
    return Promise.resolve({ id: 1 });
  });
  await spy.cancel(1, callContext({ priority: 1 }));
  await spy.place({ item: "tea" }, callContext({ priority: 1 }));
  assert.deepEqual(contexts, [true, false]);
});

Deno.test("schemas that answer by a promise are waited for", async () => {
  const slow = contract({
    name: "slow",
    methods: {
      add: {
        request: z.number().refine((n) => Promise.resolve(n < 10), "too large"),
        reply: z.number().refine((n) => Promise.resolve(n < 15), "too much"),
      },
    },
  });
  const call = wired(implement(slow, { add: (n) => n + 10 }));
  assert.equal(await clientOf(slow, call).add(1), 11);
  assert.equal((await failure(clientOf(slow, call).add(10))).code, "invalid-request");
  assert.equal((await failure(call({ method: "slow.add", params: 11 }))).code, "invalid-request");
  assert.equal((await failure(clientOf(slow, call).add(9))).code, "invalid-reply");
});

Deno.test("a contract is checked when it is made, and so is its implementation", () => {
  const number = z.number();
  const bad: ContractOptions<Methods>[] = [
    { name: "", methods: {} },
    { name: "two words", methods: {} },
    { name: "a", version: 0, methods: {} },
    { name: "a", version: 1.5, methods: {} },
    { name: "a", methods: { "b.c": { reply: number } } },
    { name: "a", methods: { b: { reply: number, replies: number } } },
    { name: "a", methods: { b: { reply: 7 as unknown as typeof number } } },
  ];
  for (const options of bad) assert.throws(() => contract(options), { code: "invalid-option" });
  const untyped = contract as (options: unknown) => unknown;
  assert.throws(() => untyped(undefined), { code: "invalid-option" });
  assert.throws(() => untyped({ methods: {} }), { message: /option name is undefined/ });
  assert.throws(() => untyped({ name: "a" }), { message: /option methods is undefined/ });
  assert.throws(() => untyped({ name: "a", methods: {}, versoin: 2 }), { message: /no option "versoin"/ });
  assert.throws(() => untyped({ name: "a", methods: { b: { idempotent: "yes" } } }), {
    message: /method b of contract/,
  });
  assert.throws(() => untyped({ name: "a", methods: { b: undefined } }), { message: /method b of contract/ });
  const partial = { count: () => 1 } as unknown as Parameters<typeof implement<typeof orders.methods>>[1];
  assert.throws(() => implement(orders, partial), { code: "invalid-option" });
});

Deno.test("a contract is kept over mux(), with errors that tell the caller where", async () => {
  const wire = chain(memory(), mux(), methods());
  const server = await serve(wire, placing);
  const call = chain(wire, reconnect());
  const client = clientOf(orders, call);
  assert.equal((await client.place({ item: "coffee", count: 2 })).id, 12);
  const error = await failure(call({ method: "orders.place", params: { item: "tea", count: "x" } }));
  assert.deepEqual([error.code, error.remote, error.processed], ["invalid-request", true, "no"]);
  assert.equal((error.details?.issues as { path: string }[])[0].path, "count");
  await call.close();
  await server.shutdown();
});

Deno.test("a part of a method that is misspelt is refused: the compiler lets it pass", () => {
  const number = z.number();
  const misspelt = { request: number, response: number };
  assert.throws(() => contract({ name: "a", methods: { double: misspelt } }), {
    code: "invalid-option",
    message: /method double of contract\(\): it has no option "response", only request, items, reply, replies/,
  });
});
