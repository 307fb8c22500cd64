/**
 * The deadline queue: order, removal, one timer, holding the process; and many
 * random steps against a plain list.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type Clock,
  type DeadlineEntry,
  DeadlineQueue,
  deadlinesOf,
  ManualClock,
  systemClock,
  type Timer,
} from "../../src/core/mod.ts";
import { Random } from "../support/random.ts";

class Entry implements DeadlineEntry {
  position = -1;
  expiredAt: number[] = [];
  constructor(
    readonly clock: Clock,
    public dueAt: number,
    readonly holds = false,
    readonly then?: (entry: Entry) => void,
  ) {}
  expire(): void {
    assert.equal(this.position, -1, "it was taken out before");
    this.expiredAt.push(this.clock.now());
    this.then?.(this);
  }
}

/** A clock that notes what is done with its timers. */
class NotingClock implements Clock {
  readonly log: string[] = [];
  live = 0;
  time = 0;
  run: (() => void) | undefined;
  now(): number {
    return this.time;
  }
  schedule(callback: () => void, delayMs: number): Timer {
    this.log.push(`set ${delayMs}`);
    this.live++;
    this.run = () => {
      this.live--;
      callback();
    };
    return {
      cancel: () => {
        this.live--;
        this.log.push("cancel");
      },
      hold: (keepsAlive) => void this.log.push(keepsAlive ? "hold" : "let go"),
    };
  }
  taken(): string[] {
    return this.log.splice(0);
  }
}

Deno.test("deadlines expire in their order, at their time", async () => {
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock);
  const order: number[] = [];
  const entries = [30, 10, 20, 10, 40].map((at) =>
    new Entry(clock, at, false, (entry) => void order.push(entry.dueAt))
  );
  for (const entry of entries) queue.add(entry);
  assert.equal(queue.size, 5);
  await clock.advance(9);
  assert.deepEqual(order, []);
  await clock.advance(100);
  assert.deepEqual(order, [10, 10, 20, 30, 40]);
  for (const entry of entries) assert.deepEqual(entry.expiredAt, [entry.dueAt]);
  assert.equal(queue.size, 0);
});

Deno.test("a deadline that was taken back does not expire", async () => {
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock);
  const [kept, removed] = [new Entry(clock, 20), new Entry(clock, 10)];
  queue.add(kept);
  queue.add(removed);
  queue.remove(removed);
  queue.remove(removed);
  queue.remove(new Entry(clock, 5));
  assert.equal(queue.size, 1);
  await clock.advance(100);
  assert.deepEqual(removed.expiredAt, []);
  assert.deepEqual(kept.expiredAt, [20]);
});

Deno.test("an infinite deadline is not kept", () => {
  const clock = new NotingClock();
  const queue = new DeadlineQueue(clock);
  const entry = new Entry(clock, Infinity);
  queue.add(entry);
  assert.equal(queue.size, 0);
  queue.remove(entry);
  assert.deepEqual(clock.log, []);
});

Deno.test("there is one timer only, set for the earliest deadline", () => {
  const clock = new NotingClock();
  const queue = new DeadlineQueue(clock);
  for (const at of [50, 60, 70]) queue.add(new Entry(clock, at, true));
  assert.deepEqual(clock.taken(), ["set 50"]);
  const early = new Entry(clock, 20, true);
  queue.add(early);
  assert.deepEqual(clock.taken(), ["cancel", "set 20"]);
  assert.equal(clock.live, 1);
  queue.remove(early);
  assert.deepEqual(clock.taken(), [], "the timer stays armed: the next deadline will need it");
  clock.time = 20;
  clock.run!();
  assert.deepEqual(clock.taken(), ["set 30"]);
  clock.time = 100;
  clock.run!();
  assert.deepEqual(clock.taken(), []);
  assert.equal(clock.live, 0);
});

Deno.test("a timer that fires early makes nothing expire early", () => {
  const clock = new NotingClock();
  const queue = new DeadlineQueue(clock);
  const entry = new Entry(clock, 50);
  queue.add(entry);
  clock.time = 49.5;
  clock.run!();
  assert.deepEqual(entry.expiredAt, []);
  assert.equal(clock.live, 1);
  clock.time = 50;
  clock.run!();
  assert.deepEqual(entry.expiredAt, [50]);
});

Deno.test("the timer keeps the process alive only while a deadline that holds is waited for", () => {
  const clock = new NotingClock();
  const queue = new DeadlineQueue(clock);
  const idle = new Entry(clock, 50);
  const call = new Entry(clock, 60, true);
  queue.add(idle);
  assert.deepEqual(clock.taken(), ["set 50", "let go"]);
  queue.add(call);
  assert.deepEqual(clock.taken(), ["hold"]);
  queue.remove(call);
  assert.deepEqual(clock.taken(), ["let go"]);
  queue.add(call);
  assert.deepEqual(clock.taken(), ["hold"]);
  clock.time = 60;
  clock.run!();
  assert.deepEqual(clock.taken(), []);
  queue.add(new Entry(clock, 70));
  assert.deepEqual(clock.taken(), ["set 10", "let go"], "nothing holds any more");
});

Deno.test("trim ends a timer that nobody needs, and no other", () => {
  const clock = new NotingClock();
  const queue = new DeadlineQueue(clock);
  queue.trim();
  const entry = new Entry(clock, 50, true);
  queue.add(entry);
  queue.trim();
  assert.deepEqual(clock.taken(), ["set 50"]);
  queue.remove(entry);
  queue.trim();
  assert.deepEqual(clock.taken().at(-1), "cancel", "once nothing is waited for");
  assert.equal(clock.live, 0);
  queue.trim();
  queue.add(entry);
  assert.deepEqual(clock.taken(), ["set 50"], "and it can be used again");
});

Deno.test("an entry may add and remove others while it expires", async () => {
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock);
  const victim = new Entry(clock, 10);
  const later = new Entry(clock, 30);
  const atOnce = new Entry(clock, 5);
  queue.add(
    new Entry(clock, 9, false, () => {
      queue.remove(victim);
      queue.add(later);
      queue.add(atOnce);
    }),
  );
  queue.add(victim);
  await clock.advance(100);
  assert.deepEqual([victim.expiredAt, later.expiredAt, atOnce.expiredAt], [[], [30], [9]]);
});

Deno.test("one bad entry does not keep the others from expiring, and its error is not swallowed", async () => {
  const uncaught = Promise.withResolvers<unknown>();
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    uncaught.resolve(event.error);
  };
  addEventListener("error", onError);
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock);
  const boom = new Error("boom");
  const bad = new Entry(clock, 10, true, () => {
    throw boom;
  });
  const good = new Entry(clock, 10);
  queue.add(bad);
  queue.add(good);
  await clock.advance(10);
  assert.deepEqual(good.expiredAt, [10]);
  assert.equal(await uncaught.promise, boom);
  removeEventListener("error", onError);
});

Deno.test("every clock has one queue", () => {
  const clock = new ManualClock();
  assert.equal(deadlinesOf(clock), deadlinesOf(clock));
  assert.notEqual(deadlinesOf(clock), deadlinesOf(new ManualClock()));
  assert.equal(deadlinesOf(), deadlinesOf(systemClock));
});

Deno.test("20 000 random steps agree with a plain list", async () => {
  const random = new Random(7);
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock);
  const waiting: Entry[] = [];
  const all: Entry[] = [];
  for (let step = 0; step < 20_000; step++) {
    const choice = random.below(10);
    if (choice < 6 && waiting.length < 300) {
      const entry = new Entry(clock, clock.now() + random.below(500), random.oneIn(2));
      queue.add(entry);
      waiting.push(entry);
      all.push(entry);
    } else if (choice < 9 && waiting.length > 0) {
      const [entry] = waiting.splice(random.below(waiting.length), 1);
      queue.remove(entry);
      entry.dueAt = -1;
    } else {
      await clock.advance(random.below(20));
      for (let i = waiting.length - 1; i >= 0; i--) {
        if (waiting[i].dueAt > clock.now()) continue;
        assert.deepEqual(waiting[i].expiredAt, [waiting[i].dueAt]);
        waiting.splice(i, 1);
      }
    }
    assert.equal(queue.size, waiting.length);
    assert.ok(clock.pending <= 1, "one timer");
  }
  await clock.advance(1000);
  for (const entry of all) assert.equal(entry.expiredAt.length, entry.dueAt === -1 ? 0 : 1);
  assert.equal(queue.size, 0);
});

Deno.test("a deadline that is no number is not kept, and puts no other out of order", async () => {
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock);
  const due: number[] = [];
  const entry = (dueAt: number): DeadlineEntry => ({ dueAt, position: -1, holds: true, expire: () => due.push(dueAt) });
  const wrong = entry(NaN);
  for (const one of [entry(30), wrong, entry(10), entry(NaN), entry(20)]) queue.add(one);
  queue.remove(wrong);
  assert.equal(queue.size, 3);
  await clock.advance(30);
  assert.deepEqual([due, queue.size], [[10, 20, 30], 0]);
});
