/**
 * rateLimit(): what passes, what is refused, what is said about it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  callContext,
  chain,
  describe,
  ManualClock,
  outcomeOf,
  rateLimit,
  type RateLimitOptions,
  type RateStore,
  type TransportError,
} from "../../../mod.ts";
import { settle } from "../../support/calls.ts";
import { Random } from "../../support/random.ts";
import { assertRefused, limited } from "./_limited.ts";

const setUp = (options: RateLimitOptions<string>) => limited((common) => rateLimit<string>({ ...common, ...options }));

const tenPerSecond = { calls: 10, perMs: 1000 };

/** Makes so many calls; says how many passed. */
async function burst({ call, calls }: ReturnType<typeof setUp>, times: number, request = "question"): Promise<number> {
  const before = calls.length;
  for (let i = 0; i < times; i++) call(request);
  await settle();
  return calls.length - before;
}

Deno.test("rateLimit() lets a burst through, and then as many as are earned", async () => {
  const world = setUp({ windows: [tenPerSecond] });
  assert.equal(await burst(world, 15), 10);
  await world.clock.advance(99);
  assert.equal(await burst(world, 1), 0);
  await world.clock.advance(1);
  assert.equal(await burst(world, 2), 1);
  await world.clock.advance(350);
  assert.equal(await burst(world, 5), 3);
  await world.clock.advance(60_000);
  assert.equal(await burst(world, 15), 10, "no more than a burst is saved up");
});

Deno.test("rateLimit() says when to come again, and that nothing was sent", async () => {
  const { call, events, limit, clock } = setUp({ windows: [{ calls: 1, perMs: 1000 }], name: "quota" });
  call();
  await clock.advance(250);
  const refused = call();
  await settle();
  assertRefused(refused, "rate-limited");
  const error = refused.error as TransportError;
  assert.equal(error.retryAfterMs, 750);
  assert.equal(error.message, "Call not run by quota: it can be made in 750 ms");
  assert.equal(outcomeOf(error), "rejected");
  assert.deepEqual(events, [{ type: "call-rejected", policy: "quota", error }]);
  assert.deepEqual(limit.stats(), { keys: 1, waiting: 0, rejected: 1 });
});

Deno.test("rateLimit() keeps to several windows at once, and what one refuses has spent nothing of the others", async () => {
  const world = setUp({ windows: [{ calls: 10, perMs: 1000 }, { calls: 30, perMs: 60_000 }] });
  assert.equal(await burst(world, 20), 10);
  await world.clock.advance(1000);
  assert.equal(await burst(world, 20), 10);
  await world.clock.advance(1000);
  assert.equal(await burst(world, 20), 10);
  await world.clock.advance(1000);
  assert.equal(await burst(world, 20), 1, "the window of a minute has earned one and a half");
  await world.clock.advance(57_000);
  assert.equal(await burst(world, 20), 10, "the refused ones were not counted");
});

Deno.test("rateLimit() saves up a larger burst where it is given one", async () => {
  const world = setUp({ windows: [{ ...tenPerSecond, burst: 40 }] });
  assert.equal(await burst(world, 100), 40);
  await world.clock.advance(1000);
  assert.equal(await burst(world, 100), 10);
});

Deno.test("rateLimit() counts for each key by itself", async () => {
  const world = setUp({ windows: [tenPerSecond], key: (request) => request });
  assert.equal(await burst(world, 12, "a"), 10);
  assert.equal(await burst(world, 12, "b"), 10);
  assert.equal(await burst(world, 12, "a"), 0);
  await world.clock.advance(100);
  assert.equal(await burst(world, 12, "a"), 1);
});

Deno.test("rateLimit() knows a bounded number of keys, and forgets who was not seen for longest", async () => {
  const world = setUp({ windows: [{ calls: 1, perMs: 1000 }], key: (request) => request, maxKeys: 3 });
  for (const key of ["a", "b", "c"]) assert.equal(await burst(world, 1, key), 1);
  assert.equal(await burst(world, 1, "a"), 0);
  assert.equal(await burst(world, 1, "d"), 1);
  assert.equal(world.limit.stats().keys, 3);
  assert.equal(await burst(world, 1, "a"), 0, "was seen of late");
  assert.equal(await burst(world, 1, "b"), 1, "was forgotten");
});

Deno.test("rateLimit() forgets keys that have long earned all again", async () => {
  const world = setUp({ windows: [{ calls: 100, perMs: 1000 }], key: (request) => request });
  for (let i = 0; i < 100; i++) await burst(world, 1, `early ${i}`);
  await world.clock.advance(10_000);
  for (let i = 0; i < 40; i++) await burst(world, 1, `middle ${i}`);
  assert.ok(world.limit.stats().keys >= 140);
  await world.clock.advance(120_000);
  for (let i = 0; i < 200; i++) await burst(world, 1, `late ${i}`);
  assert.ok(world.limit.stats().keys <= 250, `${world.limit.stats().keys} keys`);
});

Deno.test("rateLimit() lets a call cost what it is said to cost", async () => {
  const world = setUp({ windows: [tenPerSecond], cost: (request) => Number(request) });
  assert.equal(await burst(world, 3, "4"), 2);
  assert.equal(await burst(world, 1, "2"), 1);
  assert.equal(await burst(world, 5, "0"), 5, "what costs nothing passes always");
  await world.clock.advance(50);
  assert.equal(await burst(world, 1, "0.5"), 1);
  const dear = world.call("11");
  await settle();
  assertRefused(dear, "rate-limited");
  assert.equal((dear.error as TransportError).retryAfterMs, undefined);
  assert.match((dear.error as Error).message, /costs more than a burst, 10$/);
  for (const wrong of ["-1", "NaN", "Infinity"]) {
    const watched = world.call(wrong);
    await settle();
    assertRefused(watched, "invalid-request");
  }
});

Deno.test("rateLimit() refuses a cost that is a text, as untyped programs have them", async () => {
  const world = setUp({ windows: [tenPerSecond], cost: (request) => request as unknown as number });
  const watched = world.call("1");
  await settle();
  assertRefused(watched, "invalid-request");
  assert.match((watched.error as Error).message, /its cost is 1 \(string\), not a number/);
});

Deno.test("rateLimit() reads the clock once for each sixteenth of a burst, and lets no call more through for that", async () => {
  const clock = new ManualClock();
  let readings = 0;
  const counting = { now: () => (readings++, clock.now()), schedule: clock.schedule.bind(clock) };
  const world = limited((common) =>
    rateLimit<string>({ ...common, windows: [{ calls: 160, perMs: 1000 }], clock: counting })
  );
  const atStart = readings;
  assert.equal(await burst(world, 160), 160);
  assert.ok(readings - atStart <= 16, `${readings - atStart} readings for 160 calls`);
  assert.equal(await burst(world, 100), 0);
});

Deno.test("rateLimit() lets no more than a burst through after calls that were made without reading the clock", async () => {
  const world = setUp({ windows: [{ calls: 160, perMs: 1000 }] });
  for (let i = 0; i < 20; i++) {
    assert.equal(await burst(world, 1), 1);
    await world.clock.advance(5000);
  }
  const passed = await burst(world, 300);
  assert.ok(passed <= 160 && passed >= 150, `${passed} of a burst of 160`);
});

Deno.test("rateLimit() never lets more through than its windows allow, at 3000 random rates", () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const random = new Random(seed);
    const calls = random.between(1, 200), burst = random.between(1, 200), perMs = random.between(1, 2000);
    let now = 0;
    const clock = { now: () => now, schedule: () => assert.fail("nothing waits") };
    const limit = rateLimit<number>({ windows: [{ calls, perMs, burst }], clock, cost: (cost) => cost });
    let passed = 0;
    const call = limit((cost: number) => (passed += cost, Promise.resolve("")));
    // The same by hand: what is saved up, read with every call.
    let saved = burst;
    for (let step = 0; step < 60; step++) {
      if (random.oneIn(3)) {
        const ms = random.oneIn(4) ? random.between(1, 3000) : random.between(1, 20);
        now += ms;
        saved = Math.min(burst, saved + ms * calls / perMs);
      }
      const cost = random.oneIn(5) ? random.between(1, 5) : 1;
      const before = passed;
      call(cost, background).catch(() => {});
      const allowed = saved + 1e-6 >= cost;
      if (passed > before) assert.ok(allowed, `seed ${seed}: passed, with ${saved} saved up of ${burst}`);
      else {assert.ok(
          saved < cost + Math.floor(burst / 16),
          `seed ${seed}: refused, with ${saved} saved up of ${burst}`,
        );}
      saved -= passed - before;
    }
  }
});

Deno.test("rateLimit() can be kept elsewhere: its store is asked for each call, by key, cost and windows", async () => {
  const asked: unknown[] = [];
  let answer: number | Error = 0;
  const store: RateStore = {
    take: (key, cost, windows) => {
      asked.push([key, cost, windows]);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
  const world = setUp({ windows: [tenPerSecond], store, key: (request) => request });
  assert.equal(await burst(world, 1, "a"), 1);
  assert.deepEqual(asked, [["a", 1, [{ calls: 10, perMs: 1000, burst: 10 }]]]);
  answer = 70;
  const refused = world.call("a");
  await settle();
  assertRefused(refused, "rate-limited");
  assert.equal((refused.error as TransportError).retryAfterMs, 70);
  answer = new Error("the store is gone");
  const failed = world.call("a");
  await settle();
  assert.equal(failed.error, answer);
  answer = 0;
  const { watched, abort } = world.abortable("a");
  await abort();
  assertRefused(watched, "cancelled");
  assert.equal(world.calls.length, 1, "who gave up while the store was asked is not sent");
});

Deno.test("rateLimit() spends nothing for a call that was cancelled before", async () => {
  const world = setUp({ windows: [{ calls: 1, perMs: 1000 }] });
  const controller = new AbortController();
  controller.abort();
  const watched = world.call("a", callContext({ signal: controller.signal }));
  await settle();
  assertRefused(watched, "cancelled");
  assert.equal(await burst(world, 2), 1);
});

Deno.test("rateLimit() passes context and reply on, and what a key function throws", async () => {
  const context = callContext({ priority: 1 });
  const limit = rateLimit({ windows: [tenPerSecond], clock: new ManualClock() });
  const inner = Promise.resolve("answer");
  let given: unknown;
  const call = limit((_: string, context) => (given = context, inner));
  assert.equal(call("question", context), inner);
  assert.equal(given, context);
  const fault = new TypeError("no tenant");
  const keyed = rateLimit<string>({
    windows: [tenPerSecond],
    key: () => {
      throw fault;
    },
  });
  await assert.rejects(chain((request: string) => request, keyed)("question"), fault);
  assert.match(describe(chain((request: string) => request, limit)), /rateLimit\(\{ windows: \[\{ calls: 10/);
});

Deno.test("rateLimit() refuses options that make no sense, naming them", () => {
  const wrong: [RegExp, unknown][] = [
    [/option windows/, {}],
    [/option windows/, { windows: [] }],
    [/windows\[0\].*option calls/, { windows: [{ calls: 0, perMs: 1000 }] }],
    [/windows\[0\]\.perMs/, { windows: [{ calls: 1 }] }],
    [/windows\[1\].*option burst/, { windows: [tenPerSecond, { calls: 1, perMs: 1, burst: 0.5 }] }],
    [/windows\[0\].*no option "per"/, { windows: [{ calls: 1, per: 1 }] }],
    [/option maxWaitMs/, { windows: [tenPerSecond], maxWaitMs: -1 }],
    [/option key/, { windows: [tenPerSecond], key: "tenant" }],
  ];
  for (const [message, options] of wrong) {
    assert.throws(() => rateLimit(options as RateLimitOptions), {
      name: "TransportError",
      code: "invalid-option",
      message,
    });
  }
});
