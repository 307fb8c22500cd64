/**
 * Streams under middleware that repeats, shares, replaces or joins calls: what
 * is read once is sent and given once.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  batchCalls,
  cache,
  callContext,
  chain,
  coalesce,
  fallback,
  hedge,
  idempotent,
  ManualClock,
  retry,
  RetryBudget,
  type Service,
  type Streamed,
  TransportError,
} from "../../mod.ts";
import { failure, settle } from "../support/calls.ts";
import { asking, read, Streams } from "./_streams.ts";

const safe = background.set(idempotent, true);
const unseen = new TransportError("connect-failed", "Cannot connect");
const lost = new TransportError("connection-lost", "Connection reset");

/** Fails so often, having begun to read the request where `begins`; then answers. */
function failing(
  times: number,
  begins: boolean,
  error: TransportError,
): { service: Service<unknown, unknown>; calls: number } {
  const script = {
    calls: 0,
    service: async (request: unknown) => {
      script.calls++;
      if (begins) await (request as Streamed<string>)[Symbol.asyncIterator]().next();
      if (script.calls <= times) throw error;
      return "answered";
    },
  };
  return script;
}

/** Retries at once. */
function retries(clock: ManualClock): ReturnType<typeof retry> {
  return retry({ clock, initialBackoffMs: 0, random: () => 0, budget: new RetryBudget({ clock, minPerSecond: 100 }) });
}

Deno.test("retry() sends a streamed request again that nobody has begun to read, and never one that was", async () => {
  const clock = new ManualClock();
  const fresh = failing(1, false, unseen);
  const answered = chain(fresh.service, retries(clock))(asking(), safe);
  await settle();
  await clock.advance(1);
  assert.equal(await answered, "answered");
  const begun = failing(1, true, lost);
  await failure(chain(begun.service, retries(clock))(asking(), safe), "connection-lost");
  assert.deepEqual([fresh.calls, begun.calls], [2, 1]);
});

Deno.test("retry() makes no call again whose streamed reply was there, however it ends", async () => {
  const streams = new Streams();
  const call = chain(streams.service, retry({ retryOn: () => true, idempotent: true }));
  const reply = await call("a");
  streams.calls[0].end(lost);
  assert.equal(await read(reply), lost);
  await settle();
  assert.equal(streams.calls.length, 1);
});

Deno.test("hedge() cancels the stream of the attempt that lost, and never sends a streamed request twice", async () => {
  const clock = new ManualClock();
  const streams = new Streams();
  const held: ((value: void) => void)[] = [];
  const slow: Service<unknown, unknown> = async (request, context) => {
    await new Promise<void>((resolve) => held.push(resolve));
    return streams.service(request, context);
  };
  const call = chain(slow, hedge({ clock, delayMs: 10, budget: new RetryBudget({ clock, minPerSecond: 100 }) }));
  const winner = call("a", safe);
  await clock.advance(10);
  assert.equal(held.length, 2);
  held[1]();
  const reply = await winner;
  held[0]();
  await settle();
  assert.deepEqual(streams.calls.map(({ left }) => left), [false, true]);
  streams.calls[0].end();
  assert.deepEqual(await read(reply), ["item"]);
  void call(asking(), safe);
  await clock.advance(100);
  assert.equal(held.length, 3);
});

Deno.test("cache() and coalesce() give a streamed reply to one caller, keep none, and let the others call", async () => {
  for (
    const policy of [
      cache<unknown, unknown>({ ttlMs: 1000, key: String, sizeOf: () => 1 }),
      coalesce<unknown>({ key: String }),
    ]
  ) {
    const streams = new Streams();
    const call = chain(streams.service, policy as <S extends Service<unknown, unknown>>(inner: S) => S);
    const replies = await Promise.all([call("a"), call("a")]);
    assert.equal(streams.calls.length, 2);
    for (const { end } of streams.calls) end();
    for (const reply of replies) assert.deepEqual(await read(reply), ["item"]);
    await call("a");
    assert.equal(streams.calls.length, 3);
    const asked = asking();
    await call(asked);
    assert.equal(streams.calls[3].request, asked);
  }
});

Deno.test("coalesce() cancels a streamed reply through the context of the one who reads it", async () => {
  const streams = new Streams();
  const call = chain(streams.service, coalesce<unknown>({ key: String }));
  const controller = new AbortController();
  await call("a", callContext({ signal: controller.signal }));
  let cancelled = 0;
  streams.calls[0].context!.cancellation!.subscribe({ cancelled: () => cancelled++ });
  controller.abort();
  assert.equal(cancelled, 1);
});

Deno.test("fallback() gives a streamed request to the other service only as long as nobody has begun to read it", async () => {
  const other: unknown[] = [];
  const policy = fallback<unknown, unknown>({ to: (request) => other.push(request) });
  await chain(failing(1, false, unseen).service, policy)(asking());
  await failure(chain(failing(1, true, lost).service, policy)(asking()), "connection-lost");
  assert.equal(other.length, 1);
  assert.throws(() => fallback({ value: asking() }), { code: "invalid-option" });
});

Deno.test("fallback() cancels a streamed reply that it replaces, and passes on how one that it did not ends", async () => {
  const streams = new Streams();
  const replaced = chain(streams.service, fallback<unknown, unknown>({ value: "other", when: () => true }));
  assert.equal(await replaced("a"), "other");
  assert.equal(streams.calls[0].left, true);
  const reply = await chain(streams.service, fallback<unknown, unknown>({ value: "other" }))("b");
  streams.calls[1].end(lost);
  assert.equal(await read(reply), lost);
});

Deno.test("batchCalls() refuses a streamed request, unread", async () => {
  const call = chain((requests: readonly unknown[]) => requests, batchCalls<unknown, unknown>());
  const request = asking();
  await failure(call(request), "unsupported", "no");
  assert.equal(request.begun, false);
  await call.close();
});
