/**
 * timeout() and deadline() through thousands of random orders of events.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, deadline, deadlinesOf, ManualClock, timeout } from "../../mod.ts";
import { scripted, settle, Watched } from "../support/calls.ts";
import { Random } from "../support/random.ts";

/** What is true of one call, whatever happened to it in which order. */
interface Tracked {
  readonly watched: Watched<number>;
  readonly controller: AbortController;
  readonly id: number;
  /** When its limits end it. */
  readonly dueAt: number;
  /** What the test did to it first, and when. */
  first: "replied" | "failed" | undefined;
  firstAt: number;
}

async function interleave(seed: number): Promise<void> {
  const random = new Random(seed);
  const clock = new ManualClock();
  const { service, calls } = scripted<number, number>();
  const [inner, outer, most] = [random.between(1, 60), random.between(1, 60), random.between(1, 60)];
  const call = chain(
    service,
    timeout({ ms: inner, clock }),
    deadline({ maxMs: most, clock }),
    timeout({ ms: outer, clock }),
  );
  const tracked: Tracked[] = [];
  const begin = (): void => {
    const controller = new AbortController();
    const own = random.oneIn(2) ? clock.now() + random.between(1, 60) : Infinity;
    const watched = new Watched(call(tracked.length, callContext({ signal: controller.signal, deadline: own })));
    const dueAt = Math.min(own, clock.now() + Math.min(inner, outer, most));
    tracked.push({ watched, controller, id: tracked.length, dueAt, first: undefined, firstAt: Infinity });
  };
  for (let step = 0; step < 12; step++) {
    const at = random.below(6);
    if (tracked.length === 0 || at === 0) {
      begin();
      continue;
    }
    const one = random.pick(tracked);
    if (at === 1) calls[one.id].resolve(one.id);
    else if (at === 2) calls[one.id].reject(new Error(`fault ${one.id}`));
    else if (at === 3) one.controller.abort();
    else await clock.advance(random.between(0, 25));
    if ((at === 1 || at === 2) && one.first === undefined) {
      one.first = at === 1 ? "replied" : "failed";
      one.firstAt = clock.now();
    }
    if (random.oneIn(2)) await settle(8);
  }
  await clock.advance(200);
  for (const { watched, first, firstAt, dueAt, id } of tracked) {
    const what = `seed ${seed}, call ${id}`;
    assert.equal(watched.settled, 1, `${what} settles exactly once`);
    // What was told in the very turn in which the time was over may have come before or after it.
    if (firstAt < dueAt && first === "replied") assert.equal(watched.reply, id, `${what} is answered`);
    if (firstAt < dueAt && first === "failed") assert.equal((watched.error as Error).message, `fault ${id}`, what);
    if (firstAt > dueAt) assert.equal(watched.code, "deadline-exceeded", `${what} runs out of time`);
    if (firstAt > dueAt) assert.ok(calls[id].cancelled !== undefined, `${what} is cancelled`);
  }
  assert.equal(deadlinesOf(clock).size, 0, `seed ${seed}: nothing is left in the queue`);
}

Deno.test("timeout() and deadline() settle every call exactly once, in 10 000 random orders of events", async () => {
  for (let seed = 1; seed <= 10_000; seed++) await interleave(seed);
});
