/**
 * concurrencyLimit(): which calls an algorithm hears of, and what follows.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  attempt,
  background,
  callContext,
  type ConcurrencyLimit,
  concurrencyLimit,
  type ConcurrencyLimitOptions,
  type LimitSample,
  TransportError,
} from "../../../mod.ts";
import { settle } from "../../support/calls.ts";
import { type Limited, limited, streamed } from "./_limited.ts";

/** A limit of 16, of which all calls are timed while more than half is in use, and what its algorithm was told. */
function setUp<Res = string>(options: ConcurrencyLimitOptions = {}) {
  const samples: LimitSample[] = [];
  const algorithm = { next: (limit: number, sample: LimitSample) => (samples.push(sample), limit) };
  const made = limited<ConcurrencyLimit, Res>((common) =>
    concurrencyLimit({ ...common, algorithm, initial: 16, ...options })
  );
  return { ...made, samples };
}

/** Fills the limit, with calls that are not in the way of those that follow. */
function fill<Res>({ call, limit }: Limited<ConcurrencyLimit, Res>): void {
  while (2 * limit.stats().inFlight < limit.stats().limit) call("filler");
}

/** Makes calls that take so long each, one after the other. */
async function take(
  { call, calls, clock }: Limited<ConcurrencyLimit, string>,
  latenciesMs: number[],
  context = background,
) {
  for (const latencyMs of latenciesMs) {
    call("question", context);
    await clock.advance(latencyMs);
    calls.at(-1)!.resolve("answer");
    await settle();
  }
}

Deno.test("an algorithm is told of the mean latency of a window of at least 100 ms and 10 calls", async () => {
  const world = setUp();
  fill(world);
  await take(world, Array(9).fill(30));
  assert.deepEqual(world.samples, [], "270 ms, but 9 calls");
  await take(world, [10]);
  assert.deepEqual(world.samples, [{ latencyMs: 28, calls: 10, dropped: false, busy: true }]);
  await take(world, Array(10).fill(1));
  assert.equal(world.samples.length, 1, "10 calls, but 10 ms");
});

Deno.test("an algorithm is told where less than half of its limit was in use", async () => {
  const world = setUp();
  await take(world, Array(160).fill(10));
  assert.ok(world.samples.length > 0);
  assert.ok(world.samples.every(({ busy, latencyMs }) => !busy && latencyMs === 10));
});

Deno.test("latencies of further attempts are not taken (Karn's rule)", async () => {
  const world = setUp();
  fill(world);
  await take(world, Array(20).fill(1), callContext().set(attempt, 2));
  await take(world, Array(10).fill(20));
  assert.deepEqual(world.samples.map(({ latencyMs, calls }) => [latencyMs, calls]), [[20, 10]]);
});

Deno.test("failures, our own rejections and cancelled calls say nothing to an algorithm, however quick", async () => {
  const world = setUp();
  fill(world);
  const errors = [
    new Error("boom"),
    new TransportError("remote", "boom", { remote: true }),
    new TransportError("circuit-open", "ours"),
    new TransportError("cancelled", "the caller gave up"),
    new TransportError("superseded", "another one won"),
  ];
  for (const error of [...errors, ...errors, ...errors]) {
    world.call();
    await world.clock.advance(10);
    world.calls.at(-1)!.reject(error);
    await settle();
  }
  const { abort } = world.abortable();
  await abort();
  world.calls.at(-1)!.reject(new TransportError("overloaded", "because of the cancel", { remote: true }));
  await settle();
  assert.deepEqual(world.samples, []);
  await take(world, Array(10).fill(12));
  assert.deepEqual(world.samples.map(({ latencyMs, dropped }) => [latencyMs, dropped]), [[12, false]]);
});

Deno.test("a far side that is overloaded drops calls; those of one moment count once", async () => {
  const world = setUp();
  fill(world);
  await world.clock.advance(5);
  const overloaded = () => new TransportError("overloaded", "busy", { remote: true });
  for (const { reject } of world.calls) reject(overloaded());
  await settle();
  assert.deepEqual(world.samples, [{ latencyMs: 0, calls: 0, dropped: true, busy: false }]);
  await world.clock.advance(1);
  world.call();
  await world.clock.advance(5);
  world.calls.at(-1)!.reject(overloaded());
  await settle();
  assert.equal(world.samples.length, 2, "made after the first drop");
});

Deno.test("a drop is heard of also where few calls are timed, since less than half of the limit is in use", async () => {
  const world = setUp();
  await take(world, [10]);
  world.call();
  world.calls[1].reject(new TransportError("overloaded", "busy", { remote: true }));
  await settle();
  assert.deepEqual(world.samples.map(({ dropped }) => dropped), [true]);
});

Deno.test("calls that were made before a drop say nothing on the limit after it", async () => {
  const world = setUp();
  fill(world);
  const before = Array.from({ length: 8 }, () => (world.call(), world.calls.at(-1)!));
  await world.clock.advance(500);
  world.calls[0].reject(new TransportError("overloaded", "busy", { remote: true }));
  await settle();
  for (const { resolve } of before) resolve("answer");
  await settle();
  fill(world);
  await take(world, Array(30).fill(10));
  assert.ok(world.samples.length >= 2);
  for (const { latencyMs } of world.samples.slice(1)) assert.equal(latencyMs, 10);
});

Deno.test("a call that ran out of time is a drop where it had as much time as calls take", async () => {
  const world = setUp();
  fill(world);
  await take(world, Array(10).fill(20));
  const late = async (ms: number) => {
    world.call("question", callContext({ deadline: world.clock.now() + ms }));
    await world.clock.advance(ms);
    world.calls.at(-1)!.reject(new TransportError("deadline-exceeded", "too late"));
    await settle();
  };
  await late(5);
  assert.equal(world.samples.length, 1);
  await late(50);
  assert.deepEqual(world.samples.map(({ dropped }) => dropped), [false, true]);
});

Deno.test("responses: 503 is a drop, 500 says nothing, and latency is that of the whole body, but of an event stream", async () => {
  const world = setUp<Response>();
  fill(world);
  const answer = async (response: Response) => {
    const watched = world.call();
    world.calls.at(-1)!.resolve(response);
    await settle();
    return watched.reply!;
  };
  for (let i = 0; i < 20; i++) await answer(new Response(null, { status: 500 }));
  assert.deepEqual(world.samples, []);
  const events = streamed({ headers: { "content-type": "text/event-stream; charset=utf-8" } });
  const forever = await answer(events.response);
  for (let i = 0; i < 10; i++) {
    if (i === 9) {
      events.end();
      await forever.text();
    }
    const body = streamed();
    const text = (await answer(body.response)).text();
    await world.clock.advance(25);
    body.end();
    await text;
    assert.equal(world.limit.stats().inFlight, i === 9 ? 8 : 9, "the fillers and the event stream");
  }
  assert.deepEqual(world.samples.map(({ latencyMs, dropped }) => [latencyMs, dropped]), [[25, false]]);
  await answer(new Response(null, { status: 503 }));
  assert.deepEqual(world.samples.map(({ dropped }) => dropped), [false, true]);
});

Deno.test("the limit follows its algorithm, within its bounds, and tells of it", async () => {
  let wanted = 100;
  const world = limited<ConcurrencyLimit, string>((common) =>
    concurrencyLimit({ ...common, algorithm: { next: () => wanted }, initial: 16, min: 2, max: 24 })
  );
  fill(world);
  await take(world, Array(10).fill(20));
  assert.equal(world.limit.stats().limit, 24);
  wanted = 0.3;
  fill(world);
  await take(world, Array(20).fill(20));
  assert.equal(world.limit.stats().limit, 2);
  wanted = NaN;
  assert.deepEqual(world.events, [
    { type: "limit-changed", policy: "concurrencyLimit", from: 16, to: 24 },
    { type: "limit-changed", policy: "concurrencyLimit", from: 24, to: 2 },
  ]);
  world.limit.setMax(1);
  assert.equal(world.limit.stats().limit, 1);
});

Deno.test("vegas lowers the limit when calls begin to queue at the far side, and serves nobody beyond it", async () => {
  const world = limited<ConcurrencyLimit, string>((common) =>
    concurrencyLimit({ ...common, algorithm: "vegas", initial: 16, random: () => 1 })
  );
  fill(world);
  await take(world, Array(20).fill(10));
  const before = world.limit.stats().limit;
  assert.ok(before > 16, `${before}`);
  fill(world);
  for (let i = 0; i < 40; i++) await take(world, [300]);
  assert.ok(world.limit.stats().limit < before, `${world.limit.stats().limit}`);
});

Deno.test("concurrencyLimit() refuses options that make no sense, naming them", () => {
  const wrong: [string, unknown][] = [
    ["max", { max: 0 }],
    ["max", { max: 1.5 }],
    ["maxWaiting", { maxWaiting: -1 }],
    ["acquireTimeoutMs", { acquireTimeoutMs: NaN }],
    ["queue", { queue: "lifo" }],
    ["algorithm", { algorithm: "bbr" }],
    ["algorithm", { algorithm: {} }],
    ["min", { algorithm: "vegas", min: 11, max: 10 }],
    ["initial", { algorithm: "vegas", initial: 11, max: 10 }],
    ["limit", { limit: 3 }],
  ];
  for (const [option, options] of wrong) {
    assert.throws(() => concurrencyLimit(options as ConcurrencyLimitOptions), (error) => {
      assert.ok(error instanceof TransportError && error.code === "invalid-option");
      assert.equal(error.details?.option, option);
      return true;
    });
  }
});
