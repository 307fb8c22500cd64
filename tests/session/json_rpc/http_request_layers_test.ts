/**
 * jsonRpcHttp(): streams behind requests, below retry() and contracts, and on
 * connections that are cut.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { z } from "zod";
import {
  chain,
  clientOf,
  contract,
  http,
  implement,
  jsonRpcHttp,
  type MethodCall,
  type MethodRequest,
  retry,
  serve,
  type Service,
  type Session,
  Streamed,
  TransportError,
} from "../../../mod.ts";
import { failure } from "../../support/calls.ts";
import { until } from "../../support/channels.ts";
import { faultProxy } from "../../support/fault_proxy.ts";

const sent = (session: Session<MethodRequest, unknown>): Service<MethodRequest, unknown> => (request, context) =>
  session.call(request, context);

async function* list<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

Deno.test("a request with a stream is not sent again once its stream was begun", async () => {
  let calls = 0;
  await using server = await serve(chain(http({ port: 0 }), jsonRpcHttp()), async (request) => {
    calls++;
    for await (const _ of request as Streamed<MethodCall>) break;
    throw new TransportError("overloaded", "Try again", { processed: "no" });
  });
  const wire = await chain(http({ port: server.addr.port! }), jsonRpcHttp()).dial();
  const call = chain(sent(wire), retry({ maxAttempts: 3 }));
  await failure(call(new Streamed({ method: "m" }, list(1, 2, 3))), "overloaded");
  assert.equal(calls, 1);
  const used = new Streamed({ method: "m" }, list(1));
  await Array.fromAsync(used);
  await failure(wire.call(used), "invalid-request");
  assert.equal(calls, 1);
  await wire.close();
});

Deno.test("a contract with items runs over HTTP", async () => {
  const files = contract({
    name: "files",
    methods: {
      upload: { request: z.string(), items: z.number(), reply: z.object({ sum: z.number() }) },
      shout: { items: z.string(), replies: z.string() },
    },
  });
  const handler = implement(files, {
    async upload(_, numbers) {
      let sum = 0;
      for await (const n of numbers) sum += n;
      return { sum };
    },
    async *shout(_, texts) {
      for await (const text of texts) yield text.toUpperCase();
    },
  });
  await using server = await serve(chain(http({ port: 0 }), jsonRpcHttp()), handler);
  const session = await chain(http({ port: server.addr.port! }), jsonRpcHttp()).dial();
  const client = clientOf(files, sent(session));
  assert.deepEqual(await client.upload("log", list(1, 2, 3)), { sum: 6 });
  assert.deepEqual(await Array.fromAsync(client.shout(undefined, list("a", "b"))), ["A", "B"]);
  await failure(client.upload("log", list<number>("one" as unknown as number)), "invalid-request");
  await session.close();
});

for (const client of ["sockets", "fetch"] as const) {
  Deno.test(`a cut connection ends the source, the handler's loop and the reply, over ${client}`, async () => {
    const ends: string[] = [];
    let seen = 0;
    const handle = async function* (request: Streamed<MethodCall>): AsyncGenerator<unknown> {
      try {
        for await (const item of request) {
          seen++;
          yield item;
        }
      } finally {
        ends.push("handler");
      }
    };
    await using server = await serve(chain(http({ port: 0 }), jsonRpcHttp()), async (request) => {
      const upload = request as Streamed<MethodCall>;
      return upload.head.method === "both" ? new Streamed(null, handle(upload)) : await Array.fromAsync(handle(upload));
    });
    await using proxy = await faultProxy({ upstreamPort: server.addr.port! });
    for (const method of ["unary", "both"]) {
      seen = ends.length = 0;
      const gate = Promise.withResolvers<void>();
      const source = async function* (): AsyncGenerator<unknown> {
        try {
          yield* [1, 2, 3];
          await gate.promise;
          for (;;) yield 4;
        } finally {
          ends.push("source");
        }
      };
      const session = await chain(http({ port: proxy.port, client }), jsonRpcHttp()).dial();
      const call = session.call(new Streamed({ method }, source())).then(async (reply) => {
        for await (const _ of reply as Streamed<null, unknown>);
      });
      await until(() => seen === 3, "the items");
      proxy.cutAll("reset");
      gate.resolve();
      assert.notEqual((await failure(call, "connection-lost")).processed, "no");
      await until(() => ends.length === 2, "the end of both");
      await session.close();
    }
  });
}
