/**
 * What is used up, read off limits, pools and the event loop.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, concurrencyLimit, eventLoopUse, Histogram, limitUse, poolUse } from "../../../mod.ts";
import { World } from "./_watched.ts";

Deno.test("a limit that is full degrades the whole, and is well again when calls have ended", async () => {
  const limit = concurrencyLimit({ max: 4 });
  const world = new World({ uses: { calls: { read: limitUse(limit), looks: 1 } }, holdMs: 0 });
  let release = (): void => {};
  const held = new Promise<void>((resolve) => release = resolve);
  const call = chain((_: number) => held, limit);
  const calls = [1, 2].map((n) => call(n));
  await world.clock.advance(1000);
  assert.deepEqual([world.check("calls").state, world.check("calls").measured], ["healthy", 0.5]);
  calls.push(call(3), call(4));
  await world.clock.advance(1000);
  assert.deepEqual([world.check("calls").state, world.check("calls").measured], ["degraded", 1]);
  assert.deepEqual([world.health.snapshot().state, world.health.snapshot().ready], ["degraded", true]);
  release();
  await Promise.all(calls);
  await world.clock.advance(1000);
  assert.deepEqual([world.check("calls").state, world.check("calls").measured], ["healthy", 0]);
  world.health.close();
});

Deno.test("a pool is used up by connections that are busy, and wholly where calls wait", () => {
  const stats = { active: 3, waiting: 0 };
  const read = poolUse({ stats: () => stats }, 4);
  assert.equal(read(), 0.75);
  stats.waiting = 1;
  assert.equal(read(), 1);
});

Deno.test("the event loop is used up by the delay that it has", () => {
  const delays = new Histogram();
  const read = eventLoopUse({ read: () => delays }, 100);
  assert.equal(read(), undefined);
  for (let look = 0; look < 98; look++) delays.record(1);
  for (let look = 0; look < 2; look++) delays.record(50);
  const share = read();
  assert.ok(share !== undefined && Math.abs(share - 0.5) < 0.005, `${share}`);
});

Deno.test("a use that can't be read is not known, and does no harm", async () => {
  const world = new World({
    uses: {
      broken: {
        read: () => {
          throw new Error("no");
        },
      },
      nothing: { read: () => 0 / 0 },
    },
  });
  await world.clock.advance(5000);
  assert.equal(world.check("broken").state, "unknown");
  assert.equal(world.check("nothing").state, "unknown");
  assert.equal(world.health.snapshot().ready, true);
  world.health.close();
});
