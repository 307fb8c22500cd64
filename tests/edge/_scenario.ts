/**
 * What every runtime must be able to do: the same program for all of them.
 *
 * @module
 */

import { z } from "zod";
import {
  adaptiveTimeout,
  batch,
  batchCalls,
  bulkhead,
  cache,
  chain,
  circuitBreaker,
  clientOf,
  coalesce,
  compress,
  concurrencyLimit,
  contentEncoding,
  contract,
  describe,
  eventStream,
  EventStreamParser,
  fallback,
  heartbeat,
  hedge,
  Histogram,
  implement,
  json,
  loadShed,
  memory,
  methods,
  mux,
  pool,
  rateLimit,
  retry,
  serve,
  shape,
  shapeBodies,
  telemetry,
  text,
  timeout,
  Topic,
  TransportError,
  validate,
} from "../../mod.ts";

/** Runs everything once and says what came out, as plain data. */
export async function scenario(): Promise<Record<string, unknown>> {
  return {
    calls: await calls(),
    policies: await policies(),
    contract: await byContract(),
    http: await overHttp(),
    events: await events(),
    errors: await errors(),
    batches: await batches(),
  };
}

/** What that must be, on every runtime. */
export const expected: Record<string, unknown> = {
  calls: ["HELLO", 200_000],
  policies: { twice: 42, stages: 16 },
  contract: [3, "invalid-request", "numbers[1]"],
  http: { encoding: "gzip", length: 40_000 },
  events: [["tick", "one"], ["message", "two"]],
  errors: ["deadline-exceeded", "rate-limited", "closed"],
  batches: [[2, 4], 1, 3],
};

/** Channels with all that goes around them, and calls over it. */
async function calls(): Promise<unknown> {
  const wire = chain(memory(), heartbeat(), shape(), compress(), batch(), mux(), text());
  const server = await serve(wire, (request) => request.toUpperCase());
  const session = await wire.dial();
  const replies = [await session.call("hello"), (await session.call("x".repeat(200_000))).length];
  await session.close();
  await server.shutdown();
  return replies;
}

/** Everything that may stand around a call. */
async function policies(): Promise<unknown> {
  const wire = chain(memory(), mux(), json<{ n: number }, { twice: number }>());
  const server = await serve(wire, ({ n }) => ({ twice: 2 * n }));
  const inner = chain(wire, pool({ max: 2 }), adaptiveTimeout(), circuitBreaker(), hedge(), retry());
  const limited = chain(
    inner,
    concurrencyLimit({ max: 10 }),
    bulkhead({ max: 5, key: () => "all" }),
    rateLimit({ windows: [{ calls: 100, perMs: 1000 }] }),
    loadShed(),
    coalesce({ key: (request) => JSON.stringify(request) }),
    cache({ ttlMs: 1000, key: ({ n }) => `${n}` }),
  );
  const call = chain(limited, fallback({ value: { twice: -1 } }), timeout({ ms: 5000 }), telemetry({ side: "client" }));
  const { twice } = await call({ n: 21 });
  const stages = describe(call).split("\n").length - 1;
  await call.close();
  await server.shutdown();
  return { twice, stages };
}

/** A typed service, checked by zod. */
async function byContract(): Promise<unknown> {
  const sums = contract({
    name: "sums",
    methods: { add: { request: z.object({ numbers: z.array(z.number()) }), reply: z.number() } },
  });
  const wire = chain(memory(), mux(), methods());
  const server = await serve(wire, implement(sums, { add: ({ numbers }) => numbers.reduce((sum, n) => sum + n, 0) }));
  const call = chain(wire, pool());
  const sum = await clientOf(sums, call).add({ numbers: [1, 2] });
  const wrong = call({ method: "sums.add", params: { numbers: [1, "two"] } });
  const error = await wrong.then(() => undefined, (error) => error);
  await call.close();
  await server.shutdown();
  const [{ path }] = error.details.issues;
  return [sum, error.code, path];
}

/** Requests and responses of the platform, without a network. */
async function overHttp(): Promise<unknown> {
  let encoding: string | null = null;
  const server = chain(
    async (request: Request): Promise<Response> => new Response(`${(await request.text()).length}`),
    contentEncoding(),
    shapeBodies(),
  );
  const wire = (request: Request): Promise<Response> => {
    encoding = request.headers.get("content-encoding");
    return server(request);
  };
  const client = chain(wire, contentEncoding({ side: "client" }));
  const headers = { "content-type": "text/plain" };
  const response = await client(
    new Request("http://edge.test/", { method: "POST", headers, body: "wire".repeat(10_000) }),
  );
  return { encoding, length: Number(await response.text()) };
}

/** Server-sent events, written and read. */
async function events(): Promise<unknown> {
  const response = eventStream(new Request("http://edge.test/"), async ({ send, close }) => {
    await send({ event: "tick", data: "one" });
    await send({ data: "two" });
    close();
  });
  const seen: unknown[] = [];
  const parser = new EventStreamParser({ event: ({ event, data }) => seen.push([event, data]) });
  for await (const chunk of response.body!) parser.push(chunk);
  const topic = new Topic<string, { text: string }>({ encodings: { text: { encode: (message) => message } } });
  topic.publish("nobody hears");
  return seen;
}

/** Errors keep their codes. */
async function errors(): Promise<unknown> {
  const never = (): Promise<number> => new Promise(() => {});
  const late = chain(never, timeout({ ms: 5 }));
  const seldom = chain((n: number) => n, rateLimit({ windows: [{ calls: 1, perMs: 60_000 }] }), validate({}));
  await seldom(1);
  const closed = chain(memory(), mux(), pool());
  await closed.close();
  const codeOf = (call: Promise<unknown>): Promise<string> =>
    call.then(() => "none", (error) => error instanceof TransportError ? error.code : String(error));
  return await Promise.all([late(1), seldom(1), closed(new Uint8Array(1))].map(codeOf));
}

/** Many calls as one, and what they took. */
async function batches(): Promise<unknown> {
  let lists = 0;
  const double = chain((numbers: readonly number[]) => (lists++, numbers.map((n) => 2 * n)), batchCalls());
  const histogram = new Histogram();
  for (const value of [1, 2, 3]) histogram.record(value);
  return [await Promise.all([double(1), double(2)]), lists, histogram.percentile(1)];
}
