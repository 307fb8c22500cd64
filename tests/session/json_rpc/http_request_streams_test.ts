/**
 * jsonRpcHttp(): streams behind requests, over own sockets and over fetch.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callContext,
  chain,
  type Handler,
  http,
  jsonRpcHttp,
  type MethodCall,
  type MethodRequest,
  serve,
  type Server,
  type Session,
  Streamed,
  TransportError,
} from "../../../mod.ts";
import { failure } from "../../support/calls.ts";
import { until, untilStill, within } from "../../support/channels.ts";

type Upload = Streamed<MethodCall, number>;

interface Source {
  asked: number;
  left: boolean;
}

/** Numbers, and how many of them were asked for. */
async function* counted(source: Source, limit: number, error?: unknown): AsyncGenerator<unknown> {
  try {
    for (let n = 0; n < limit; n++) {
      source.asked++;
      yield n;
    }
    if (error !== undefined) throw error;
  } finally {
    source.left = true;
  }
}

function items(limit: number, error?: unknown): [Source, AsyncGenerator<unknown>] {
  const source = { asked: 0, left: false };
  return [source, counted(source, limit, error)];
}

async function* doubled(request: Upload): AsyncGenerator<number> {
  for await (const n of request) yield 2 * n;
}

async function sum(request: Upload): Promise<number> {
  let sum = 0;
  for await (const n of request) sum += n;
  return sum;
}

const listen = (handler: Handler<MethodRequest, unknown>): Promise<Server> =>
  serve(chain(http({ port: 0 }), jsonRpcHttp()), handler);

const clients = ["sockets", "fetch"] as const;

function each(
  name: string,
  run: (dial: (server: Server) => Promise<Session<MethodRequest, unknown>>) => Promise<void>,
) {
  for (const client of clients) {
    Deno.test(`${name}, over ${client}`, () =>
      run((server) => chain(http({ port: server.addr.port!, client }), jsonRpcHttp()).dial()));
  }
}

each("a request with a stream has a reply, and the session serves on", async (dial) => {
  await using server = await listen((request) => sum(request as Upload));
  const session = await dial(server);
  for (const length of [0, 1, 3, 1000]) {
    const [source, stream] = items(length);
    const sumTo = (n: number): number => n === 0 ? 0 : n * (n - 1) / 2;
    assert.equal(await session.call(new Streamed({ method: "sum" }, stream)), sumTo(length));
    assert.ok(source.left);
  }
  await session.close();
});

each("a stream answers a stream while that still comes", async (dial) => {
  await using server = await listen((request) =>
    new Streamed((request as Upload).head.params, doubled(request as Upload))
  );
  const session = await dial(server);
  let give = Promise.withResolvers<number>();
  async function* source(): AsyncGenerator<number> {
    for (;;) {
      const n = await give.promise;
      give = Promise.withResolvers();
      if (n < 0) return;
      yield n;
    }
  }
  const reply = await within(
    session.call(new Streamed({ method: "double", params: ["x"] }, source())) as Promise<Streamed<unknown, number>>,
    "the head, before any item",
  );
  assert.deepEqual(reply.head, ["x"]);
  const read = reply[Symbol.asyncIterator]();
  for (const n of [1, 2, 3]) {
    give.resolve(n);
    assert.deepEqual(await within(read.next(), "the answer to an item"), { done: false, value: 2 * n });
  }
  give.resolve(-1);
  assert.equal((await within(read.next(), "the end")).done, true);
  await session.close();
});

each("a slow handler stops the source", async (dial) => {
  const go = Promise.withResolvers<void>();
  await using server = await listen(async (request) => {
    const read = (request as Upload)[Symbol.asyncIterator]();
    await read.next();
    await go.promise;
    let count = 1;
    while (!(await read.next()).done) count++;
    return count;
  });
  const session = await dial(server);
  const source = { asked: 0 };
  const total = 2000;
  async function* large(): AsyncGenerator<string> {
    for (; source.asked < total; source.asked++) yield "x".repeat(64 * 1024);
  }
  const call = session.call(new Streamed({ method: "count" }, large()));
  await until(() => source.asked > 0, "the first item");
  const asked = await untilStill(() => source.asked);
  assert.ok(asked < total / 2, `${asked} of ${total} items were asked for`);
  go.resolve();
  assert.equal(await call, total);
  await session.close();
});

each("an error of the source reaches the handler's loop, and through it the caller", async (dial) => {
  const seen: unknown[] = [];
  await using server = await listen(async (request) => {
    try {
      return await sum(request as Upload);
    } catch (error) {
      seen.push(error);
      if ((request as Upload).head.params !== undefined) return "caught";
      throw error;
    }
  });
  const session = await dial(server);
  const broken = (): AsyncGenerator<unknown> =>
    items(3, new TransportError("overloaded", "No more", { retryAfterMs: 7, processed: "no" }))[1];
  const error = await failure(session.call(new Streamed({ method: "sum" }, broken())), "overloaded");
  assert.deepEqual([error.message, error.retryAfterMs], ["No more", 7]);
  assert.equal((seen[0] as TransportError).code, "overloaded");
  assert.equal(await session.call(new Streamed({ method: "sum", params: [] }, broken())), "caught");
  const source = { left: false };
  async function* unfit(): AsyncGenerator<unknown> {
    try {
      yield 1n;
    } finally {
      source.left = true;
    }
  }
  await failure(session.call(new Streamed({ method: "sum" }, unfit())), "invalid-request");
  assert.ok(source.left);
  await session.close();
});

each("a handler that fails, answers early or leaves its loop stops the source", async (dial) => {
  await using server = await listen(async (request) => {
    const { head } = request as Upload;
    if (head.method === "early") return "early";
    for await (const n of request as Upload) {
      if (n === 10 && head.method === "fails") throw new TransportError("overloaded", "Enough");
      if (n === 10) break;
    }
    return "left";
  });
  for (let round = 0; round < 5; round++) {
    for (const method of ["early", "leaves", "fails"]) {
      const session = await dial(server);
      const [source, stream] = items(Infinity);
      const call = session.call(new Streamed({ method }, stream));
      if (method === "fails") assert.equal((await failure(call, "overloaded")).message, "Enough");
      else assert.equal(await within(call, method), method === "early" ? "early" : "left");
      await until(() => source.left, "the end of the source");
      await session.close();
    }
  }
});

each("a reply that is left, or fails, stops the source of its request and the handler", async (dial) => {
  const state = { left: 0 };
  async function* answer(request: Upload): AsyncGenerator<number> {
    try {
      for await (const n of request) {
        if (n === 50) throw new TransportError("overloaded", "Enough");
        yield n;
      }
    } finally {
      state.left++;
    }
  }
  await using server = await listen((request) => new Streamed(null, answer(request as Upload)));
  for (const leaves of [true, false]) {
    const session = await dial(server);
    const [source, stream] = items(Infinity);
    const reply = await session.call(new Streamed({ method: "m" }, stream)) as Streamed<null, number>;
    const read = async (): Promise<void> => {
      for await (const n of reply) if (n === 20 && leaves) break;
    };
    if (leaves) await read();
    else assert.equal((await failure(read(), "overloaded")).message, "Enough");
    await until(() => source.left, "the end of the source");
    await session.close();
  }
  await until(() => state.left === 2, "the end of both handlers");
});

each("a caller who gives up stops the source and the handler", async (dial) => {
  const ends: (string | undefined)[] = [];
  let got = 0;
  await using server = await listen(async (request) => {
    try {
      for await (const _ of request as Upload) got++;
      return got;
    } catch (error) {
      ends.push((error as TransportError).code);
      throw error;
    }
  });
  const session = await dial(server);
  const controller = new AbortController();
  const source = { asked: 0, left: false };
  // One that ended by itself would have the handler end in order, where its last word is faster than the giving up.
  const endless = {
    [Symbol.asyncIterator]: () => endless,
    next: (): Promise<IteratorResult<number, undefined>> =>
      source.asked < 5 ? Promise.resolve({ done: false, value: source.asked++ }) : new Promise(() => {}),
    return: (): Promise<IteratorResult<number, undefined>> => {
      source.left = true;
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  const call = session.call(new Streamed({ method: "sum" }, endless), callContext({ signal: controller.signal }));
  // What was asked for may not have gone out: a call that is given up before never reaches the handler.
  await until(() => got === 5, "the items");
  controller.abort();
  await failure(call, "cancelled");
  await until(() => source.left && ends.length === 1, "both ends");
  assert.ok(["cancelled", "connection-lost"].includes(ends[0]!), ends[0]);
  await session.close();
});
