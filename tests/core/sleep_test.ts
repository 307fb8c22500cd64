/**
 * sleep(): pauses that end early, and leave nothing behind.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock } from "../../mod.ts";
import { sleep } from "../../src/core/sleep.ts";

Deno.test("a pause ends when its time is over, and not before", async () => {
  const clock = new ManualClock();
  const ending = new AbortController();
  let over = 0;
  const pauses = [sleep(clock, 100, ending.signal), sleep(clock, 50, ending.signal, false)];
  for (const pause of pauses) void pause.then(() => over++);
  await clock.advance(49);
  assert.equal(over, 0);
  await clock.advance(1);
  assert.equal(over, 1);
  await clock.advance(50);
  assert.equal(over, 2);
  assert.equal(clock.pending, 0);
});

Deno.test("a pause ends at once with whoever makes it, and its timer with it", async () => {
  const clock = new ManualClock();
  const ending = new AbortController();
  const pauses = [sleep(clock, 100, ending.signal), sleep(clock, Infinity, ending.signal)];
  ending.abort();
  await Promise.all([...pauses, sleep(clock, 100, ending.signal)]);
  assert.equal(clock.pending, 0);
});
