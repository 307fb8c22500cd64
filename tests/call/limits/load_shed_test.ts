/**
 * loadShed(): what is refused, and when.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callContext,
  chain,
  type ConcurrencyLimit,
  concurrencyLimit,
  loadShed,
  type LoadShedOptions,
  ManualClock,
  outcomeOf,
  type TransportError,
} from "../../../mod.ts";
import { settle, Watched } from "../../support/calls.ts";
import { assertRefused, limited, streamed } from "./_limited.ts";

/** What sheds by a delay that the test sets. */
function setUp(options: LoadShedOptions = {}) {
  const delay = { ms: 0, delayMs: () => delay.ms };
  const made = limited((common) => loadShed({ ...common, delay, ...options }));
  return { ...made, delay };
}

/** Makes a call each millisecond, all of a priority; says at which times one was refused. */
async function refusedIn(world: ReturnType<typeof setUp>, ms: number, priority = 3): Promise<number[]> {
  const refused: number[] = [];
  for (let i = 0; i < ms; i++) {
    const watched = world.call("question", callContext({ priority }));
    await settle(4);
    if (watched.code === "overloaded") refused.push(world.clock.now());
    await world.clock.advance(1);
  }
  return refused;
}

Deno.test("loadShed() lets everything through without a delay: the inner promise untouched, no clock read", () => {
  const clock = new ManualClock();
  let readings = 0;
  const counting = { now: () => (readings++, clock.now()), schedule: clock.schedule.bind(clock) };
  const inner = Promise.resolve("answer");
  const call = loadShed({ delay: { delayMs: () => 0 }, clock: counting })(() => inner);
  assert.equal(call("question"), inner);
  assert.equal(readings, 0);
});

Deno.test("loadShed() lets a burst be, and refuses calls where the delay stays: after 100 ms, then ever more often", async () => {
  const world = setUp({ maxDelayMs: Infinity });
  world.delay.ms = 20;
  assert.deepEqual(await refusedIn(world, 99), []);
  const refused = await refusedIn(world, 301);
  assert.deepEqual(refused.slice(0, 3), [100, 200, 271]);
  assert.ok(refused.length >= 5, `${refused}`);
  assert.equal(world.limit.stats().shedding, true);
  world.delay.ms = 1;
  assert.deepEqual(await refusedIn(world, 50), []);
  assert.equal(world.limit.stats().shedding, false);
});

Deno.test("loadShed() says when to come again, and that nothing was sent", async () => {
  const world = setUp({ name: "door" });
  world.delay.ms = 150;
  const refused = world.call();
  await settle();
  assertRefused(refused, "overloaded");
  const error = refused.error as TransportError;
  assert.equal(error.retryAfterMs, 100);
  assert.equal(error.message, "Call not run by door: calls wait for 150 ms");
  assert.equal(outcomeOf(error), "rejected");
  assert.deepEqual(world.events, [{ type: "call-rejected", policy: "door", error }]);
  assert.deepEqual(world.limit.stats(), { shedding: false, rejected: 1, inFlight: 0 });
});

Deno.test("loadShed() refuses all but priority 0 past maxDelayMs", async () => {
  const world = setUp({ maxDelayMs: 50 });
  world.delay.ms = 50;
  assert.equal((await refusedIn(world, 20, 1)).length, 20);
  assert.equal((await refusedIn(world, 20, 0)).length, 0);
});

Deno.test("loadShed() refuses the less urgent first, and the urgent only where there are no others", async () => {
  const world = setUp({ maxDelayMs: Infinity });
  world.delay.ms = 20;
  const refused = new Map<number, number>([[0, 0], [3, 0], [6, 0]]);
  const priorities = [0, 3, 6];
  for (let ms = 0; ms < 2000; ms++) {
    const priority = priorities[ms % 3];
    const watched = world.call("question", callContext({ priority }));
    await settle(4);
    if (watched.code === "overloaded") refused.set(priority, refused.get(priority)! + 1);
    await world.clock.advance(1);
  }
  assert.ok(refused.get(6)! >= 30, `${refused.get(6)} of the least urgent`);
  assert.deepEqual([refused.get(0), refused.get(3)], [0, 0]);
  assert.ok((await refusedIn(world, 600, 0)).length > 10, "there are no others any more");
});

Deno.test("loadShed() spares nobody for less urgent calls that came long ago", async () => {
  const world = setUp({ maxDelayMs: Infinity });
  world.delay.ms = 20;
  assert.deepEqual(await refusedIn(world, 50, 6), []);
  await world.clock.advance(1000);
  assert.equal((await refusedIn(world, 1, 0)).length, 1);
});

Deno.test("loadShed() keeps some of maxInFlight free for what is urgent, and counts to the end of a body", async () => {
  const world = limited<ReturnType<typeof loadShed>, Response>((common) =>
    loadShed({ ...common, delay: { delayMs: () => 0 }, maxInFlight: 10, reserve: 0.35 })
  );
  const at = (priority: number) => world.call("question", callContext({ priority }));
  for (let i = 0; i < 7; i++) at(7);
  const least = at(7);
  await settle();
  assertRefused(least, "overloaded");
  for (let i = 0; i < 3; i++) at(0);
  const most = at(0);
  await settle();
  assertRefused(most, "overloaded");
  assert.equal(world.limit.stats().inFlight, 10);
  const { response, end } = streamed();
  world.calls[0].resolve(response);
  await settle();
  assert.equal(world.limit.stats().inFlight, 10);
  end();
  await settle();
  assert.equal(world.limit.stats().inFlight, 10, "nobody has read it");
});

Deno.test("loadShed() by the event loop: how late its own timer comes, and no longer than it was asked for", async () => {
  const clock = new ManualClock();
  // A thread that does nothing else for 60 ms before each of its timers.
  let timers = 0;
  const busy = {
    now: () => clock.now(),
    schedule: (callback: () => void, delayMs: number) => {
      timers++;
      return clock.schedule(callback, delayMs + 60);
    },
  };
  const shed = loadShed({ clock: busy, maxDelayMs: 50 });
  const call = shed(() => Promise.resolve("answer"));
  const first = new Watched(call("question"));
  await clock.advance(70);
  const second = new Watched(call("question"));
  await settle();
  assert.deepEqual([first.reply, second.code], ["answer", "overloaded"]);
  await clock.advance(2000);
  assert.equal(timers, 2, "one for each call, since no other came");
  assert.equal(clock.pending, 0);
  assert.equal(await call("question"), "answer", "a look of long ago says nothing");
});

Deno.test("loadShed() before a limit keeps those who are let in from waiting long, under twice the load", async () => {
  const clock = new ManualClock();
  const waits: number[] = [];
  // 10 places for 20 ms each: 500 calls a second; 1000 come.
  const run = async (shedding: boolean): Promise<{ answered: number; urgent: number; worst: number }> => {
    waits.length = 0;
    const limit: ConcurrencyLimit = concurrencyLimit({
      max: 10,
      maxWaiting: 10_000,
      acquireTimeoutMs: Infinity,
      clock,
    });
    const work = (sentAt: number): Promise<string> => {
      waits.push(clock.now() - sentAt);
      return new Promise((resolve) => void clock.schedule(() => resolve("answer"), 20));
    };
    const limited = chain(work, limit);
    const call = shedding ? chain(limited, loadShed({ delay: limit, clock })) : limited;
    const watched: { at: number; priority: number; call: Watched<string> }[] = [];
    for (let ms = 0; ms < 1500; ms++) {
      const priority = ms % 5 === 0 ? 0 : 5;
      watched.push({ at: ms, priority, call: new Watched(call(clock.now(), callContext({ priority }))) });
      await clock.advance(1);
    }
    const late = watched.filter(({ at }) => at > 500);
    const urgent = late.filter(({ priority }) => priority === 0);
    return {
      answered: watched.filter((one) => one.call.reply !== undefined).length,
      urgent: urgent.filter((one) => one.call.code === undefined).length / urgent.length,
      worst: Math.max(...waits),
    };
  };
  const before = await run(false);
  await clock.advance(10_000);
  const after = await run(true);
  assert.ok(before.worst > 600, `without: ${before.worst} ms`);
  // Those who came while the first of the line had waited for 100 ms had as many before them again.
  assert.ok(after.worst < 250, `with: ${after.worst} ms`);
  assert.equal(after.urgent, 1, "all urgent ones were let in");
  assert.ok(after.answered > 0.95 * before.answered, `${after.answered} answered, ${before.answered} without`);
});

Deno.test("loadShed() refuses options that make no sense, naming them", () => {
  const wrong: [RegExp, unknown][] = [
    [/option delay/, { delay: "inflight" }],
    [/option delay/, { delay: {} }],
    [/option targetMs/, { targetMs: 0 }],
    [/option maxInFlight/, { maxInFlight: 0 }],
    [/option reserve/, { reserve: 2 }],
  ];
  for (const [message, options] of wrong) {
    assert.throws(() => loadShed(options as LoadShedOptions), { code: "invalid-option", message });
  }
});
