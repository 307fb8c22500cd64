/**
 * bulkhead(): a limit for each key, and turns where there is one for all.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  bulkhead,
  type BulkheadOptions,
  callContext,
  chain,
  deadlinesOf,
  ManualClock,
  outcomeOf,
  type TransportError,
} from "../../../mod.ts";
import { scripted, type ScriptedCall, settle, Watched } from "../../support/calls.ts";
import { Random } from "../../support/random.ts";
import { assertRefused, limited, streamed } from "./_limited.ts";

const setUp = (options: Partial<BulkheadOptions<string>> = {}) =>
  limited((common) => bulkhead<string>({ ...common, key: (request) => request[0], maxPerKey: 2, ...options }));

async function end({ calls }: { calls: ScriptedCall<string, string>[] }, request: string): Promise<void> {
  calls.find((call) => call.request === request)!.resolve("answer");
  await settle();
}

Deno.test("bulkhead() keeps one key from taking what others need", async () => {
  const world = setUp();
  for (const request of ["a1", "a2", "a3", "a4", "b1"]) world.call(request);
  assert.deepEqual(world.requests(), ["a1", "a2", "b1"]);
  assert.deepEqual(world.limit.stats("a"), { limit: 2, inFlight: 2, waiting: 2, rejected: 0, keys: 1 });
  assert.deepEqual(world.limit.stats(), { limit: Infinity, inFlight: 3, waiting: 2, rejected: 0, keys: 2 });
  await end(world, "b1");
  assert.deepEqual(world.requests(), ["a1", "a2", "b1"], "a place of b is no place of a");
  await end(world, "a2");
  assert.deepEqual(world.requests(), ["a1", "a2", "b1", "a3"]);
});

Deno.test("bulkhead() lets keys take turns where there is a limit for all, however many calls of one wait", async () => {
  const world = setUp({ maxPerKey: 3, max: 3 });
  for (const request of ["a1", "a2", "a3", "a4", "a5", "a6", "b1", "b2", "c1"]) world.call(request);
  for (const request of ["a1", "a2", "a3", "a4", "b1"]) await end(world, request);
  assert.deepEqual(world.requests(), ["a1", "a2", "a3", "b1", "c1", "a4", "b2", "a5"]);
  await end(world, "c1");
  assert.deepEqual(world.requests().slice(8), ["a6"]);
});

Deno.test("bulkhead() bounds those who wait, of one key and of all", async () => {
  const world = setUp({ maxPerKey: 1, maxWaitingPerKey: 2, maxWaiting: 3 });
  for (const request of ["a1", "a2", "a3", "b1", "b2"]) world.call(request);
  const ofKey = world.call("a4"), ofAll = world.call("b3");
  await settle();
  assertRefused(ofKey, "overloaded");
  assert.match((ofKey.error as Error).message, /2 calls of its key wait already/);
  assertRefused(ofAll, "overloaded");
  assert.match((ofAll.error as Error).message, /3 calls wait already/);
  assert.equal(outcomeOf(ofAll.error), "rejected");
  assert.deepEqual([world.limit.stats().rejected, world.limit.stats("a").rejected], [2, 1]);
  assert.equal(world.events.length, 2);
  const none = setUp({ maxPerKey: 1, maxWaitingPerKey: 0 });
  none.call("a1");
  const refused = none.call("a2");
  await settle();
  assertRefused(refused, "too-many-calls");
});

Deno.test("bulkhead() lets nobody wait longer than allowed, and hears of cancels and deadlines", async () => {
  const world = setUp({ maxPerKey: 1, acquireTimeoutMs: 100 });
  world.call("a1");
  const late = world.call("a2");
  const { watched, abort } = world.abortable("a3");
  const bounded = world.call("a4", callContext({ deadline: 50 }));
  await abort();
  assertRefused(watched, "cancelled");
  await world.clock.advance(50);
  assertRefused(bounded, "deadline-exceeded");
  await world.clock.advance(50);
  assertRefused(late, "acquire-timeout");
  const stats = world.limit.stats("a");
  assert.deepEqual([stats.inFlight, stats.waiting, world.queue.size], [1, 0, 0]);
});

Deno.test("bulkhead() knows a bounded number of keys, and forgets those without calls", async () => {
  const world = setUp({ maxKeys: 2 });
  world.call("a1");
  world.call("b1");
  const refused = world.call("c1");
  await settle();
  assertRefused(refused, "too-many-calls");
  assert.match((refused.error as TransportError).message, /2 keys have calls already/);
  await end(world, "a1");
  world.call("c2");
  assert.deepEqual(world.requests(), ["a1", "b1", "c2"]);
  assert.equal(world.limit.stats().keys, 2);
  await end(world, "b1");
  await end(world, "c2");
  assert.equal(world.limit.stats().keys, 0);
});

Deno.test("bulkhead() holds a place to the end of a response's body", async () => {
  const world = limited<ReturnType<typeof bulkhead>, Response>(() => bulkhead({ key: () => "a" }));
  const watched = world.call();
  const { response, end } = streamed();
  world.calls[0].resolve(response);
  await settle();
  assert.equal(world.limit.stats("a").inFlight, 1);
  end();
  await watched.reply!.text();
  assert.equal(world.limit.stats("a").inFlight, 0);
});

Deno.test("bulkhead() can be changed while it runs", async () => {
  const world = setUp({ maxPerKey: 1, max: 2 });
  for (const request of ["a1", "a2", "b1", "b2"]) world.call(request);
  world.limit.setMaxPerKey(2);
  assert.deepEqual(world.requests(), ["a1", "b1"]);
  world.limit.setMax(3);
  assert.deepEqual(world.requests(), ["a1", "b1", "a2"]);
  world.limit.setMax(Infinity);
  assert.deepEqual(world.requests(), ["a1", "b1", "a2", "b2"]);
  assert.deepEqual(world.events.map((event) => event.type === "limit-changed" && [event.from, event.to]), [
    [1, 2],
    [2, 3],
    [3, Infinity],
  ]);
  assert.throws(() => world.limit.setMax(0), { name: "TransportError", code: "invalid-option" });
  assert.throws(() => world.limit.setMaxPerKey(Infinity), { name: "TransportError", code: "invalid-option" });
  await settle();
});

Deno.test("bulkhead() forgets the keys that are too many where maxKeys has fallen", async () => {
  const world = setUp({ maxPerKey: 1, maxWaitingPerKey: 0 });
  const keys = [..."abcdefgh"];
  for (const key of keys) {
    world.call(`${key}1`);
    world.call(`${key}2`);
    await settle();
    await end(world, `${key}1`);
  }
  const remembered = (): string[] => keys.filter((key) => world.limit.stats(key).rejected > 0);
  assert.deepEqual(remembered(), keys);
  adjustablesOf(chain((_: string) => "", world.limit)).at(-1)!.adjust("maxKeys", 3);
  world.call("x1");
  await settle();
  assert.deepEqual(remembered(), ["g", "h"]);
});

Deno.test("bulkhead() rejects with what a key function throws, and refuses options that make no sense", async () => {
  const fault = new TypeError("no tenant");
  const broken = bulkhead({
    key: () => {
      throw fault;
    },
  });
  await assert.rejects(broken(() => Promise.resolve(""))("question"), fault);
  const wrong: unknown[] = [{}, { key: "tenant" }, { key: () => "", max: 0 }, { key: () => "", maxPerKey: Infinity }];
  for (const options of wrong) {
    assert.throws(() => bulkhead(options as BulkheadOptions), { name: "TransportError", code: "invalid-option" });
  }
});

async function interleave(seed: number): Promise<void> {
  const random = new Random(seed);
  const clock = new ManualClock();
  const { service, calls } = scripted<number, string>();
  const [perKey, most] = [random.between(1, 3), random.oneIn(3) ? Infinity : random.between(1, 4)];
  const limit = bulkhead<number>({
    key: (request) => `${request % 3}`,
    maxPerKey: perKey,
    max: most,
    maxWaitingPerKey: random.below(4),
    maxWaiting: random.between(1, 6),
    maxKeys: random.between(2, 3),
    acquireTimeoutMs: random.between(1, 60),
    clock,
  });
  const call = limit(service);
  const tracked: { watched: Watched<string>; controller: AbortController }[] = [];
  const held = new Set<ScriptedCall<number, string>>();
  let seen = 0;
  const look = (what: string): void => {
    for (; seen < calls.length; seen++) held.add(calls[seen]);
    const all = limit.stats();
    assert.equal(all.inFlight, held.size, `${what}: every place is held by a call that is not over`);
    assert.ok(held.size <= most, `${what}: ${held.size} in flight`);
    for (const key of ["0", "1", "2"]) {
      const { inFlight, waiting } = limit.stats(key);
      assert.equal(inFlight, [...held].filter(({ request }) => `${request % 3}` === key).length, what);
      assert.ok(inFlight <= perKey, `${what}: ${inFlight} of ${key} in flight`);
      assert.ok(waiting === 0 || inFlight === perKey || held.size === most, `${what}: ${waiting} wait for nothing`);
    }
  };
  const finish = async (): Promise<void> => {
    if (held.size === 0) return;
    const one = random.pick([...held]);
    held.delete(one);
    if (random.oneIn(2)) one.resolve("answer");
    else one.reject(new Error("broken"));
    await settle(12);
  };
  for (let step = 0; step < 20; step++) {
    const at = random.below(6);
    if (at <= 2) {
      const controller = new AbortController();
      const deadline = random.oneIn(3) ? clock.now() + random.between(0, 40) : Infinity;
      const id = tracked.length * 3 + random.below(3);
      const watched = new Watched(call(id, callContext({ signal: controller.signal, deadline })));
      tracked.push({ watched, controller });
    } else if (at === 3 && tracked.length > 0) {
      random.pick(tracked).controller.abort();
    } else if (at === 4) {
      await clock.advance(random.between(0, 25));
    } else {
      await finish();
    }
    await settle(12);
    look(`seed ${seed}, step ${step}`);
  }
  await clock.advance(100);
  look(`seed ${seed}, in the end`);
  while (held.size > 0) {
    await finish();
    look(`seed ${seed}, in the end`);
  }
  for (const { watched } of tracked) assert.equal(watched.settled, 1, `seed ${seed}: a call settles exactly once`);
  const { waiting, keys } = limit.stats();
  assert.deepEqual([waiting, keys, deadlinesOf(clock).size], [0, 0, 0], `seed ${seed}: nothing is left`);
}

Deno.test("bulkhead() exceeds no limit, loses no waiter and no place, in 4000 random orders of events", async () => {
  for (let seed = 1; seed <= 4000; seed++) await interleave(seed);
});
