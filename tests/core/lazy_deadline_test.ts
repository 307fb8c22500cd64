/**
 * The lazy deadline: put off, brought forward, without a limit, stopped.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { LazyDeadline } from "../../src/core/lazy_deadline.ts";
import { deadlinesOf, ManualClock } from "../../src/core/mod.ts";

/** A limit that is looked at when it could have been reached. */
class Limit extends LazyDeadline {
  /** When it was looked at. */
  readonly looks: number[] = [];
  #limitAt = Infinity;

  set(limitAt: number): void {
    this.#limitAt = limitAt;
    this.lookAt(limitAt);
  }

  expire(): void {
    const now = this.clock.now();
    this.looks.push(now);
    if (now < this.#limitAt) this.lookAt(this.#limitAt);
  }
}

Deno.test("a lazy deadline that was put off is looked at when it would have been due, and again when it is", async () => {
  const clock = new ManualClock();
  const limit = new Limit(clock);
  limit.set(50);
  limit.set(80);
  assert.equal(limit.dueAt, 50);
  await clock.advance(200);
  assert.deepEqual(limit.looks, [50, 80]);
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("a lazy deadline that was brought forward is looked at in time", async () => {
  const clock = new ManualClock();
  const limit = new Limit(clock);
  limit.set(80);
  limit.set(50);
  assert.equal(deadlinesOf(clock).size, 1);
  await clock.advance(60);
  assert.deepEqual(limit.looks, [50]);
});

Deno.test("a lazy deadline without a limit, and one that was stopped, stand in no queue", () => {
  const clock = new ManualClock();
  const limit = new Limit(clock);
  limit.set(Infinity);
  assert.equal(deadlinesOf(clock).size, 0);
  limit.set(50);
  limit.stop();
  limit.set(60);
  assert.equal(deadlinesOf(clock).size, 0);
});
