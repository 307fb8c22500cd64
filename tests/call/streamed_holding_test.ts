/**
 * Streamed replies under middleware that holds or measures something: a call is
 * over when its stream is.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  balance,
  bulkhead,
  type CallContext,
  callContext,
  chain,
  circuitBreaker,
  type ConcurrencyLimit,
  concurrencyLimit,
  deadline,
  deadlinesOf,
  loadShed,
  ManualClock,
  outcomeOf,
  type Streamed,
  timeout,
  TransportError,
} from "../../mod.ts";
import { failure, settle } from "../support/calls.ts";
import { read, Streams } from "./_streams.ts";

const lost = new TransportError("connection-lost", "Connection reset");

/** The ways a stream can end, by its reader or its source. */
const endings: Record<string, (streams: Streams, reply: Streamed<string>) => Promise<unknown>> = {
  "read to its end": async ({ calls }, reply) => {
    calls[0].end();
    assert.deepEqual(await read(reply), ["item"]);
  },
  "left by its reader": async (_, reply) => {
    for await (const _ of reply) break;
  },
  "cancelled unread": (_, reply) => reply.cancel(),
  "failed": async ({ calls }, reply) => {
    calls[0].end(lost);
    assert.equal(await read(reply), lost);
  },
};

for (const [how, end] of Object.entries(endings)) {
  Deno.test(`concurrencyLimit() and bulkhead() hold their slot until a stream is ${how}`, async () => {
    const limits = [
      concurrencyLimit({ max: 1, maxWaiting: 0 }),
      concurrencyLimit({ algorithm: "aimd", initial: 1, min: 1, max: 1, maxWaiting: 0 }),
    ];
    for (const limit of limits as ConcurrencyLimit[]) {
      const streams = new Streams();
      const call = chain(streams.service, limit);
      const reply = await call("a") as Streamed<string>;
      assert.equal(limit.stats().inFlight, 1);
      await failure(call("b"), "too-many-calls", "no");
      await end(streams, reply);
      assert.equal(limit.stats().inFlight, 0);
      await call("c");
    }
    const streams = new Streams();
    const call = chain(streams.service, bulkhead({ key: () => "all", maxPerKey: 1, maxWaitingPerKey: 0 }));
    const reply = await call("a") as Streamed<string>;
    await failure(call("b"), "too-many-calls", "no");
    await end(streams, reply);
    await call("c");
  });
}

Deno.test("loadShed() counts a streaming call until its stream has ended", async () => {
  const streams = new Streams();
  const shed = loadShed({ maxInFlight: 1, reserve: 0, delay: { delayMs: () => 0 } });
  const call = chain(streams.service, shed);
  const reply = await call("a");
  await failure(call("b"), "overloaded", "no");
  streams.calls[0].end();
  await read(reply);
  await call("c");
});

Deno.test("circuitBreaker() judges a stream at its end: an error in the middle counts, being left does not", async () => {
  const clock = new ManualClock();
  const streams = new Streams();
  const breaker = circuitBreaker({ clock, failures: 2, openMs: 1000 });
  const call = chain(streams.service, breaker);
  const replies = await Promise.all(["a", "b", "c"].map((request) => call(request)));
  assert.equal(breaker.state, "closed");
  for (const { end } of streams.calls) end(lost);
  assert.equal(await read(replies[0]), lost);
  for await (const _ of replies[1] as Streamed<string>) break;
  assert.equal(breaker.state, "closed", "one that was left is a success between two failures");
  await read(replies[2]);
  const last = await call("d");
  streams.calls[3].end(lost);
  await read(last);
  assert.equal(breaker.state, "open");
});

Deno.test("circuitBreaker() closes after a probe whose stream has ended well, not before", async () => {
  const clock = new ManualClock();
  const streams = new Streams();
  const breaker = circuitBreaker({ clock, failures: 1, openMs: 1000, successes: 1, random: () => 0.5 });
  const call = chain(streams.service, breaker);
  const first = await call("a");
  streams.calls[0].end(lost);
  await read(first);
  await clock.advance(1000);
  const probe = await call("b");
  await settle();
  assert.equal(breaker.state, "half-open");
  streams.calls[1].end();
  await read(probe);
  assert.equal(breaker.state, "closed");
});

Deno.test("balance() has a streaming call in flight until its end, and counts an error in its middle", async () => {
  const clock = new ManualClock();
  const streams = new Streams();
  const call = balance<string, unknown, unknown>({
    endpoints: ["one"],
    nameOf: (name: string) => name,
    connect: () => streams.service,
    strategy: "least-latency",
    clock,
  });
  const first = await call("a");
  assert.equal(call.stats()[0].load, 1);
  await clock.advance(10_000);
  streams.calls[0].end();
  await read(first);
  assert.equal(call.stats()[0].load, 0);
  assert.equal(call.stats()[0].latencyMs, 0, "the latency is that of the first word");
  assert.equal(call.stats()[0].failureShare, 0);
  const second = await call("b");
  streams.calls[1].end(lost);
  await read(second);
  assert.ok(call.stats()[0].failureShare > 0);
  assert.equal(outcomeOf(lost), "failure");
  await call.close();
});

Deno.test("timeout() and deadline() bound the time to a streamed reply, not its stream, which can still be cancelled", async () => {
  const clock = new ManualClock();
  for (const policy of [timeout({ ms: 100, clock }), deadline({ defaultMs: 100, clock })]) {
    const streams = new Streams();
    let cancelled = 0;
    const call = chain((request: unknown, context: CallContext) => {
      context.cancellation!.subscribe({ cancelled: () => cancelled++ });
      return streams.service(request, context);
    }, policy);
    const controller = new AbortController();
    const reply = await call("a", callContext({ signal: controller.signal }));
    assert.equal(deadlinesOf(clock).size, 0);
    await clock.advance(1000);
    assert.equal(cancelled, 0);
    controller.abort();
    assert.equal(cancelled, 1);
    streams.calls[0].end();
    assert.deepEqual(await read(reply), ["item"]);
  }
});

Deno.test("a stream that replies after the time was over is let go", async () => {
  const clock = new ManualClock();
  const streams = new Streams();
  const { promise, resolve } = Promise.withResolvers<void>();
  const call = chain(async (request: unknown) => {
    await promise;
    return streams.service(request);
  }, timeout({ ms: 100, clock }));
  const late = failure(call("a"), "deadline-exceeded");
  await clock.advance(100);
  await late;
  resolve();
  await settle();
  assert.equal(streams.calls[0].left, true);
});
