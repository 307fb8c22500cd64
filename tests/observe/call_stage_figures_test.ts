/**
 * The live figures of the stages around calls that decide nothing by
 * themselves: each is traced to calls that were really made.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { z } from "zod";
import {
  batchCalls,
  callContext,
  chain,
  coalesce,
  contentEncoding,
  contract,
  fallback,
  type Figure,
  health,
  implement,
  ManualClock,
  objectives,
  route,
  shapeBodies,
  stagesOf,
  tap,
  telemetry,
  TransportError,
  validate,
} from "../../mod.ts";
import { honoMiddleware } from "../../adapters/hono.ts";

/** The figures of the stage that stands nearest to the caller. */
function shown(part: object): Record<string, Figure["value"]> {
  const { figures } = stagesOf(part).at(-1)!;
  assert.ok(figures !== undefined, "the stage keeps no figures");
  return Object.fromEntries(figures().map(({ name, value }) => [name, value]));
}

const broken = (): never => {
  throw new TransportError("connection-lost", "Connection lost: gone", { processed: "no" });
};

Deno.test("fallback() shows how many calls were answered in another way, and how many of those failed", async () => {
  let failing = true;
  const call = chain(
    (request: string) => request === "well" ? request : broken(),
    fallback<string, string>({ to: (request) => failing ? broken() : `no ${request}` }),
  );
  await call("well");
  await assert.rejects(call("a"));
  failing = false;
  assert.equal(await call("b"), "no b");
  assert.deepEqual(shown(call), { calls: 3, used: 2, failed: 1 });
});

Deno.test("validate() shows the requests and the replies that it refused", async () => {
  const call = chain((count: number) => "x".repeat(count), validate({ request: z.int(), reply: z.string().max(3) }));
  for (const count of [1, 2, 3]) await call(count);
  for (const count of [1.5, 2.5]) await assert.rejects(call(count), { code: "invalid-request" });
  await assert.rejects(call(4), { code: "invalid-reply" });
  assert.deepEqual(shown(call), { calls: 6, "requests refused": 2, "replies refused": 1 });
});

Deno.test("coalesce() shows the calls that joined another, and those that can be joined now", async () => {
  const reply = Promise.withResolvers<string>();
  const call = chain((_: string) => reply.promise, coalesce<string>());
  const calls = ["a", "a", "a", "b"].map((request) => call(request));
  assert.deepEqual(shown(call), { calls: 4, joined: 2, "in flight": 2 });
  reply.resolve("done");
  await Promise.all(calls);
  assert.deepEqual(shown(call), { calls: 4, joined: 2, "in flight": 0 });
});

Deno.test("batchCalls() shows its batches, how large they are, and what waits", async () => {
  const clock = new ManualClock();
  const reply = Promise.withResolvers<void>();
  const find = async (ids: readonly string[]): Promise<string[]> => {
    await reply.promise;
    return ids.map((id) => `user ${id}`);
  };
  await using call = chain(find, batchCalls<string, string>({ maxBatch: 4, lingerMs: 10, clock }));
  assert.equal(shown(call)["requests a batch"], undefined);
  const calls = "abcdef".split("").map((id) => call(id));
  assert.deepEqual(shown(call), {
    calls: 6,
    batches: 1,
    "requests a batch": 4,
    waiting: 2,
    "batches in flight": 1,
  });
  await clock.advance(10);
  reply.resolve();
  await Promise.all(calls);
  assert.deepEqual(shown(call), { calls: 6, batches: 2, "requests a batch": 3, waiting: 0, "batches in flight": 0 });
});

Deno.test("telemetry() shows whether anybody takes it, and how many calls were observed", async () => {
  const off = chain((request: string) => request, telemetry());
  await off("a");
  assert.deepEqual(shown(off), { state: "off", calls: 1, observed: 0 });
  const spans: string[] = [];
  const span = { setAttributes: () => span, setStatus: () => span, end: () => {}, spanContext: () => ({}) };
  const tracer = { startSpan: (name: string) => (spans.push(name), span) };
  const on = chain(
    (request: string) => request,
    telemetry({ tracerProvider: { getTracer: () => tracer } as never, method: () => "Greeter/hello" }),
  );
  await on("a");
  await on("b");
  assert.deepEqual(shown(on), { state: "on", calls: 2, observed: 2 });
  assert.equal(spans.length, 2);
});

Deno.test("the watches of health() and objectives() show the calls and what they make of them", async () => {
  const clock = new ManualClock();
  const watched = health({ clock });
  const promised = objectives({ targets: { errorRate: 0.1, p95Ms: 1000 }, clock });
  const waiting = Promise.withResolvers<string>();
  const handler = (request: string) => request === "bad" ? broken() : request === "long" ? waiting.promise : request;
  const inner = chain(handler, watched.watch("far"));
  const call = chain(inner, promised.watch);
  await call("a");
  await assert.rejects(call("bad"));
  const long = call("long");
  const { p95, ...counts } = shown(inner);
  assert.deepEqual(counts, { calls: 3, failed: 1, "in flight": 1, "unanswered in a row": 1, state: "in use" });
  assert.equal(p95, 0);
  assert.deepEqual(shown(call), { calls: 3, ended: 2, errors: 1, met: 1, missed: 1, alerts: 0 });
  waiting.resolve("long");
  await long;
  assert.equal(shown(inner)["in flight"], 0);
  watched.close();
  promised.close();
});

Deno.test("tap() and route() show the calls that passed, and which way", async () => {
  const spied = chain((request: string) => request, tap<string, string>({ onRequest: () => {} }));
  const heard = chain((request: string) => request, tap<string, string>({ onReply: () => {} }));
  const way = route<string, string>(
    [{ when: (request) => request === "a", to: spied }, { when: (request) => request === "b", to: heard }],
    (request) => Promise.resolve(request),
  );
  for (const request of "aabxyz") await way(request);
  assert.deepEqual(shown(way), { "route 1": 2, "route 2": 1, otherwise: 3 });
  assert.deepEqual([shown(spied), shown(heard)], [{ calls: 2 }, { calls: 1 }]);
});

Deno.test("implement() shows its calls, and those of methods that there are none of", async () => {
  const clock = contract({ name: "clock", methods: { now: { reply: z.number() } } });
  const handler = implement(clock, { now: () => 17 });
  const context = callContext();
  await handler({ method: "clock.now" }, context);
  assert.throws(() => handler({ method: "clock.then" }, context), { code: "unsupported" });
  assert.deepEqual(shown(handler), { calls: 2, "of no method": 1 });
});

Deno.test("stages around HTTP show their bodies and calls", async () => {
  const handler = (): Response =>
    new Response("hello ".repeat(1000), { headers: { "content-type": "text/plain", "content-length": "6000" } });
  const encoding = chain(handler, contentEncoding());
  const shaping = chain(encoding, shapeBodies());
  const call = chain(shaping, honoMiddleware((_, next) => next()));
  const plain = await call(new Request("http://localhost/"));
  assert.equal((await plain.text()).length, 6000);
  const packed = await call(new Request("http://localhost/", { headers: { "accept-encoding": "gzip" } }));
  const { length } = await packed.bytes();
  const { ratio, "bytes before": before, "bytes after": after, ...bodies } = shown(encoding);
  assert.deepEqual(bodies, { encoded: 1, plain: 1, decoded: 0 });
  assert.deepEqual([before, ratio], [6000, 6000 / Number(after)]);
  assert.deepEqual(shown(shaping), { waiting: 0, "bytes up": 0, "bytes down": 6000 + length });
  assert.deepEqual(shown(call), { calls: 2 });
});
