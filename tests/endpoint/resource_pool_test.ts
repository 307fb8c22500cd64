/**
 * Pool: keeps a few of anything.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callContext,
  deadlinesOf,
  type Lease,
  ManualClock,
  Pool,
  type ResourcePoolOptions,
  type TransportError,
} from "../../mod.ts";
import { settle, Watched } from "../support/calls.ts";
import { Random } from "../support/random.ts";

interface Thing {
  readonly id: number;
  destroyed: number;
  borrowed: boolean;
  good: boolean;
}

/** A pool of things, and all that were ever made. */
function things(options: Partial<ResourcePoolOptions<Thing>> = {}) {
  const clock = new ManualClock();
  const made: Thing[] = [];
  const pool = new Pool<Thing>({
    create: () => {
      const thing = { id: made.length, destroyed: 0, borrowed: false, good: true };
      made.push(thing);
      return thing;
    },
    destroy: (thing) => void thing.destroyed++,
    validate: (thing) => thing.good,
    clock,
    random: () => 1,
    ...options,
  });
  const alive = (): Thing[] => made.filter(({ destroyed }) => destroyed === 0);
  return { pool, made, alive, clock };
}

Deno.test("a resource is made with the first use, given back, and used again", async () => {
  const { pool, made } = things();
  assert.equal(made.length, 0);
  const first = await pool.acquire();
  first.release();
  const second = await pool.acquire();
  assert.equal(second.resource, first.resource);
  assert.equal(made.length, 1);
  second.release();
  await pool.close();
  assert.equal(made[0].destroyed, 1);
});

Deno.test("a resource is borrowed by one at a time; past max others wait, first come, first served", async () => {
  const { pool, made } = things({ max: 2 });
  const leases = await Promise.all([pool.acquire(), pool.acquire()]);
  assert.notEqual(leases[0].resource, leases[1].resource);
  const order: number[] = [];
  const waiting = [2, 3].map(async (id) => {
    using _ = await pool.acquire();
    order.push(id);
  });
  await settle();
  assert.equal(pool.stats().waiting, 2);
  leases[1].release();
  await Promise.all(waiting);
  assert.deepEqual(order, [2, 3]);
  leases[0].release();
  assert.equal(made.length, 2);
  await pool.close();
});

Deno.test("giving back twice gives back once", async () => {
  const { pool } = things({ max: 1 });
  const first = await pool.acquire();
  first.release();
  const second = await pool.acquire();
  first.release();
  first.discard();
  const third = new Watched(pool.acquire());
  await settle();
  assert.equal(third.settled, 0);
  second.release();
  await settle();
  third.reply!.release();
  await pool.close();
});

Deno.test("use() gives back however the work ends", async () => {
  const { pool } = things({ max: 1 });
  assert.equal(await pool.use(({ id }) => `thing ${id}`), "thing 0");
  const error = new RangeError("no");
  await assert.rejects(pool.use(() => Promise.reject(error)), error);
  assert.deepEqual([pool.stats().idle, pool.stats().active], [1, 0]);
  await pool.close();
});

Deno.test("a discarded resource is ended, and another one takes its place", async () => {
  const { pool, made } = things({ max: 1 });
  const first = await pool.acquire();
  const waiting = pool.acquire();
  first.discard();
  const second = await waiting;
  assert.deepEqual([first.resource.destroyed, second.resource.id], [1, 1]);
  second.release();
  await pool.close();
  assert.ok(made.every(({ destroyed }) => destroyed === 1));
});

Deno.test("a resource that is no longer good after being idle is replaced before it is used", async () => {
  const { pool, clock } = things({ validateAfterIdleMs: 1000, min: 1, prewarm: true });
  await settle();
  const [lease] = [await pool.acquire()];
  lease.release();
  lease.resource.good = false;
  await clock.advance(1500);
  const next = await pool.acquire();
  assert.deepEqual([lease.resource.destroyed, next.resource.id], [1, 1]);
  next.release();
  await pool.close();
});

Deno.test("a validation that hangs is given up in time, and one that throws counts as not good", async () => {
  for (const validate of [() => new Promise<boolean>(() => {}), () => Promise.reject(new Error("cannot look"))]) {
    const { pool, clock } = things({
      validateAfterIdleMs: 1000,
      validateTimeoutMs: 50,
      min: 1,
      prewarm: true,
      validate,
    });
    await settle();
    await clock.advance(1500);
    const next = pool.acquire();
    await settle();
    await clock.advance(50);
    assert.equal((await next).resource.id, 1);
    (await next).release();
    await pool.close();
  }
});

Deno.test("what create() throws is told to those who wait, as not processed, with its cause", async () => {
  const cause = new Error("no such host");
  const { pool } = things({ create: () => Promise.reject(cause) });
  const waiting = new Watched(pool.acquire());
  await settle();
  assert.equal(waiting.code, "connect-failed");
  assert.equal((waiting.error as TransportError).processed, "no");
  assert.equal(((waiting.error as TransportError).cause as TransportError).cause, cause);
  assert.equal(pool.stats().errors, 1);
  await pool.close();
});

Deno.test("acquire() gives up with its caller and at its deadline, and leaves nothing behind", async () => {
  const { pool, clock } = things({ max: 1 });
  const held = await pool.acquire();
  const controller = new AbortController();
  const cancelled = new Watched(pool.acquire(callContext({ signal: controller.signal })));
  const late = new Watched(pool.acquire(callContext({ deadline: 100 })));
  const patient = new Watched(pool.acquire());
  controller.abort();
  await settle();
  assert.equal(cancelled.code, "cancelled");
  await clock.advance(100);
  assert.equal(late.code, "deadline-exceeded");
  await clock.advance(5000);
  assert.equal(patient.code, "acquire-timeout");
  assert.equal(new Watched(pool.acquire(callContext({ signal: controller.signal }))).settled, 0);
  held.release();
  await settle();
  assert.deepEqual([pool.stats().idle, pool.stats().waiting], [1, 0]);
  await pool.close();
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("close() waits for what is borrowed, and refuses those who wait and come later", async () => {
  const { pool, made } = things({ max: 1 });
  const held = await pool.acquire();
  const waiting = new Watched(pool.acquire());
  const closed = new Watched(pool.close());
  await settle();
  assert.equal(waiting.code, "closed");
  assert.equal(closed.settled, 0);
  held.release();
  await settle();
  assert.deepEqual([closed.settled, made[0].destroyed], [1, 1]);
  await assert.rejects(pool.acquire(), { code: "closed" });
});

Deno.test("Pool refuses options that make no sense, naming them", () => {
  const create = (): number => 1;
  const wrong: object[] = [{}, { create, min: 2, max: 1 }, { create, size: 1 }, { create: 1 }, { create, validate: 1 }];
  for (const options of wrong) {
    assert.throws(() => new Pool(options as ResourcePoolOptions<number>), { code: "invalid-option" });
  }
});

/** One random life of a pool, with what must hold after each step. */
async function live(seed: number, steps: number): Promise<void> {
  const random = new Random(seed);
  const max = random.between(1, 4);
  const maxWaiting = random.between(0, 10);
  const { pool, alive, made, clock } = things({
    max,
    min: random.below(max + 1),
    maxWaiting,
    acquireTimeoutMs: random.between(10, 300),
    idleTimeoutMs: random.between(20, 500),
    maxLifetimeMs: random.oneIn(2) ? Infinity : random.between(50, 500),
    validateAfterIdleMs: random.between(20, 200),
    healthCheckIntervalMs: random.oneIn(2) ? Infinity : random.between(20, 200),
    queue: random.oneIn(2) ? "fifo" : "adaptive-lifo",
    random: () => random.below(1000) / 1000,
  });
  const leases: Lease<Thing>[] = [];
  const watched: Watched<Lease<Thing>>[] = [];
  const what = `seed ${seed}`;
  for (let step = 0; step < steps; step++) {
    const action = random.below(10);
    if (action < 4) {
      const asked = pool.acquire(
        random.oneIn(3) ? callContext({ deadline: clock.now() + random.below(100) }) : undefined,
      );
      asked.then((lease) => {
        assert.equal(lease.resource.borrowed, false, `${what}: nothing is borrowed twice`);
        assert.equal(lease.resource.destroyed, 0, `${what}: nothing is lent that was ended`);
        lease.resource.borrowed = true;
        leases.push(lease);
      }, () => {});
      watched.push(new Watched(asked));
    } else if (action < 8 && leases.length > 0) {
      const [lease] = leases.splice(random.below(leases.length), 1);
      lease.resource.borrowed = false;
      if (random.oneIn(5)) lease.discard();
      else lease.release();
    } else if (action === 8 && made.length > 0) random.pick(made).good = random.oneIn(2);
    else await clock.advance(random.below(60));
    if (random.oneIn(3)) continue;
    await settle();
    assert.ok(alive().length <= max + max + 1, `${what}: ${alive().length} things, ${max} are allowed`);
    assert.ok(pool.stats().waiting <= maxWaiting, what);
    const { acquired, released, active } = pool.stats();
    assert.equal(acquired - released, leases.length, `${what}: borrowed is what was given out`);
    assert.ok(active <= leases.length, what);
  }
  // Whoever has just been given one shall be known to have it.
  await settle();
  const closing = pool.close();
  for (const lease of leases) lease.release();
  await settle();
  await closing;
  assert.ok(made.every(({ destroyed }) => destroyed === 1), `${what}: everything is ended once`);
  assert.ok(watched.every(({ settled }) => settled === 1), `${what}: everybody was told once`);
  assert.equal(deadlinesOf(clock).size, 0, what);
}

Deno.test("Pool keeps its promises in 2000 random lives", async () => {
  for (let seed = 1; seed <= 2000; seed++) await live(seed, 60);
});

Deno.test("after work that failed a resource is asked before it is used again, and replaced where it is no longer good", async () => {
  const { pool, made, alive } = things({ max: 1 });
  const failing = (broken: boolean) =>
    assert.rejects(
      pool.use((thing) => {
        thing.good = !broken;
        throw new Error("the query failed");
      }),
      /the query failed/,
    );
  await failing(false);
  assert.equal(await pool.use(({ id }) => id), 0);
  await failing(true);
  // Nobody has to wait for the time of an idle one, and nobody gets the broken one.
  assert.equal(await pool.use(({ id }) => id), 1);
  assert.equal(made[0].destroyed, 1);
  assert.equal(alive().length, 1);
  await pool.close();
});
