/**
 * rateLimit(): calls that wait for their turn.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callContext,
  deadlinesOf,
  ManualClock,
  rateLimit,
  type RateLimitOptions,
  type RateStore,
  type TransportError,
} from "../../../mod.ts";
import { scripted, settle, Watched } from "../../support/calls.ts";
import { Random } from "../../support/random.ts";
import { assertRefused, limited } from "./_limited.ts";

const setUp = (options: Partial<RateLimitOptions<string>> = {}) =>
  limited((common) =>
    rateLimit<string>({ ...common, windows: [{ calls: 1, perMs: 100 }], maxWaitMs: 250, ...options })
  );

Deno.test("rateLimit() lets calls wait for their turn, in the order of coming, where that comes in time", async () => {
  const { call, requests, clock, limit, queue } = setUp();
  const watched = ["a", "b", "c", "d"].map((request) => call(request));
  await settle();
  assert.deepEqual(requests(), ["a"]);
  assertRefused(watched[3], "rate-limited");
  assert.equal((watched[3].error as TransportError).retryAfterMs, 300, "it would be the fourth");
  assert.equal(limit.stats().waiting, 2);
  await clock.advance(99);
  assert.deepEqual(requests(), ["a"]);
  await clock.advance(1);
  assert.deepEqual(requests(), ["a", "b"]);
  const next = call("e");
  await clock.advance(100);
  assert.deepEqual(requests(), ["a", "b", "c"], "nobody overtakes those who wait");
  await clock.advance(100);
  assert.deepEqual(requests(), ["a", "b", "c", "e"]);
  assert.equal(next.settled, 0);
  assert.deepEqual([limit.stats().waiting, queue.size], [0, 0]);
});

Deno.test("rateLimit() gives the turn of a call that was cancelled to the next one at once", async () => {
  const { call, abortable, requests, clock, limit, queue } = setUp();
  call("a");
  const { watched, abort } = abortable("b");
  call("c");
  await clock.advance(50);
  await abort();
  assertRefused(watched, "cancelled");
  await clock.advance(50);
  assert.deepEqual(requests(), ["a", "c"]);
  assert.deepEqual([limit.stats().waiting, queue.size], [0, 0]);
});

Deno.test("rateLimit() leaves nothing behind where all that waited were cancelled", async () => {
  const { call, abortable, clock, queue, requests } = setUp();
  call("a");
  const one = abortable("b"), other = abortable("c");
  await one.abort();
  await other.abort();
  assert.equal(queue.size, 0);
  await clock.advance(100);
  call("d");
  assert.deepEqual(requests(), ["a", "d"]);
});

Deno.test("rateLimit() lets nobody wait whose deadline comes before its turn", async () => {
  const { call, clock } = setUp();
  call("a");
  const refused = call("b", callContext({ deadline: 99 }));
  await settle();
  assertRefused(refused, "rate-limited");
  const watched = call("c", callContext({ deadline: 150 }));
  await clock.advance(100);
  assert.equal(watched.settled, 0, "it has been let through");
});

Deno.test("rateLimit() bounds those who wait (trap: node-pool#108, its waiters were unbounded)", async () => {
  const { call, limit } = setUp({ maxWaiting: 2, maxWaitMs: Infinity });
  const watched = [call(), call(), call(), call()];
  await settle();
  assertRefused(watched[3], "rate-limited");
  assert.match((watched[3].error as Error).message, /2 calls wait already/);
  assert.equal(limit.stats().waiting, 2);
});

Deno.test("rateLimit() lets the calls of one key wait without those of another", async () => {
  const { call, requests, clock } = setUp({ key: (request) => request[0] });
  for (const request of ["a1", "a2", "b1", "b2"]) call(request);
  assert.deepEqual(requests(), ["a1", "b1"]);
  await clock.advance(100);
  assert.deepEqual(requests(), ["a1", "b1", "a2", "b2"]);
});

Deno.test("rateLimit() waits for what a call costs, and never for what no burst can pay", async () => {
  const { call, requests, clock } = setUp({
    windows: [{ calls: 4, perMs: 400 }],
    cost: (request) => Number(request),
    maxWaitMs: Infinity,
  });
  for (const request of ["4", "3", "1"]) call(request);
  const dear = call("5");
  await settle();
  assertRefused(dear, "rate-limited");
  await clock.advance(299);
  assert.deepEqual(requests(), ["4"]);
  await clock.advance(1);
  assert.deepEqual(requests(), ["4", "3"]);
  await clock.advance(100);
  assert.deepEqual(requests(), ["4", "3", "1"]);
});

Deno.test("rateLimit() with a store elsewhere lets nobody wait longer than maxWaitMs, and passes its faults on", async () => {
  let answer: number | Error = 100;
  const store: RateStore = {
    take: () => answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer),
  };
  const { call, requests, clock, limit, queue } = setUp({ store });
  const first = call("a");
  await settle();
  const second = call("b");
  await clock.advance(200);
  answer = 0;
  await clock.advance(100);
  assert.deepEqual([first.code, second.code], ["rate-limited", "rate-limited"], "refused for 250 ms");
  call("c");
  await settle();
  assert.deepEqual(requests(), ["c"]);
  answer = 100;
  call("d");
  await settle();
  answer = 0;
  await clock.advance(100);
  assert.deepEqual(requests(), ["c", "d"]);
  answer = 100;
  const failed = call("e");
  await settle();
  answer = new Error("the store is gone");
  await clock.advance(100);
  assert.equal(failed.error, answer);
  assert.deepEqual([limit.stats().waiting, queue.size], [0, 0]);
});

async function interleave(seed: number): Promise<void> {
  const random = new Random(seed);
  const clock = new ManualClock();
  const calls = random.between(1, 4), perMs = random.between(10, 60);
  const maxWaiting = random.between(1, 4);
  const { service, calls: passed } = scripted<number, string>();
  const limit = rateLimit<number>({
    windows: [{ calls, perMs }],
    maxWaitMs: random.between(0, 100),
    maxWaiting,
    key: (request) => request % 2 === 0 ? "even" : "odd",
    clock,
  });
  const call = limit(service);
  const tracked: { watched: Watched<string>; controller: AbortController }[] = [];
  const times = new Map<string, number[]>([["0", []], ["1", []]]);
  let seen = 0;
  const look = (): void => {
    for (; seen < passed.length; seen++) times.get(`${passed[seen].request % 2}`)!.push(clock.now());
    assert.ok(limit.stats().waiting <= maxWaiting, `seed ${seed}: ${limit.stats().waiting} wait`);
  };
  for (let step = 0; step < 20; step++) {
    const at = random.below(4);
    if (at <= 1) {
      const controller = new AbortController();
      const deadline = random.oneIn(3) ? clock.now() + random.between(0, 80) : Infinity;
      const context = callContext({ signal: controller.signal, deadline });
      tracked.push({ watched: new Watched(call(tracked.length, context)), controller });
    } else if (at === 2 && tracked.length > 0) {
      random.pick(tracked).controller.abort();
    } else {
      // In small steps, so that the time is known at which a call passed.
      for (let ms = random.between(1, 30); ms > 0; ms--) {
        await clock.advance(1);
        look();
      }
    }
    await settle(4);
    look();
  }
  for (let ms = 0; ms < 110; ms++) {
    await clock.advance(1);
    look();
  }
  for (const all of times.values()) {
    for (let from = 0; from < all.length; from++) {
      for (let to = from; to < all.length; to++) {
        const most = calls + (all[to] - all[from]) * calls / perMs;
        assert.ok(to - from + 1 <= most + 1e-6, `seed ${seed}: ${to - from + 1} from ${all[from]} to ${all[to]} ms`);
      }
    }
  }
  for (const one of passed) one.resolve("answer");
  await settle(20);
  for (const [id, { watched }] of tracked.entries()) {
    assert.equal(watched.settled, 1, `seed ${seed}, call ${id} settles exactly once`);
  }
  assert.deepEqual([limit.stats().waiting, deadlinesOf(clock).size], [0, 0], `seed ${seed}: nothing is left`);
}

Deno.test("rateLimit() keeps to its rate and settles every call exactly once, in 1000 random orders of events", async () => {
  for (let seed = 1; seed <= 1000; seed++) await interleave(seed);
});

Deno.test("rateLimit() refuses a call whose store answers with no time, at once and later, and lets the others go", async () => {
  for (const wrong of [NaN, -1, undefined as unknown as number]) {
    for (const answer of [(ms: number) => ms, (ms: number) => Promise.resolve(ms)]) {
      const answers = [wrong, 100, wrong, 0];
      const store: RateStore = { take: () => answer(answers.shift()!) };
      const { call, requests, clock, limit, queue } = setUp({ store });
      const [atOnce, later] = [call("at once"), call("later")];
      await settle();
      const goes = call("goes");
      await settle();
      await clock.advance(100);
      await settle();
      assert.deepEqual([atOnce.code, later.code, goes.code], ["invalid-reply", "invalid-reply", undefined]);
      assert.deepEqual([requests(), limit.stats().waiting, queue.size], [["goes"], 0, 0]);
    }
  }
});
