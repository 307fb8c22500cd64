/**
 * CoDel, RFC 8289.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Codel } from "../../src/util/codel.ts";

/** When it drops, asked once each millisecond. */
function dropsAt(codel: Codel, from: number, to: number, delayMs: (now: number) => number): number[] {
  const at: number[] = [];
  for (let now = from; now < to; now++) if (codel.drop(delayMs(now), now)) at.push(now);
  return at;
}

Deno.test("Codel lets a burst be whose delay falls below the target within an interval", () => {
  const codel = new Codel({ targetMs: 5, intervalMs: 100 });
  assert.deepEqual(dropsAt(codel, 0, 1000, (now) => now % 100 === 99 ? 4 : 50), []);
});

Deno.test("Codel drops one after an interval above the target, and the next ever sooner: interval/√n", () => {
  const at = dropsAt(new Codel({ targetMs: 5, intervalMs: 100 }), 0, 500, () => 20);
  const expected = [100];
  let next = 100 + 100;
  for (let n = 1; next < 500; n++) {
    expected.push(Math.ceil(next));
    next += 100 / Math.sqrt(n + 1);
  }
  assert.deepEqual(at, expected);
});

Deno.test("Codel ends with the first delay below the target, and begins again about as fast as it was", () => {
  const codel = new Codel({ targetMs: 5, intervalMs: 100 });
  const first = dropsAt(codel, 0, 2000, () => 20);
  assert.ok(codel.dropping);
  assert.equal(codel.drop(4, 2000), false);
  assert.equal(codel.dropping, false);
  const second = dropsAt(codel, 2001, 2401, () => 20);
  assert.equal(second[0], 2101, "after an interval again");
  const gap = first.at(-1)! - first.at(-2)!;
  assert.ok(second[1] - second[0] <= gap + 2, `${second[1] - second[0]} ms, after ${gap} ms`);
});

Deno.test("Codel begins slowly again after a long time without trouble", () => {
  const codel = new Codel({ targetMs: 5, intervalMs: 100 });
  dropsAt(codel, 0, 2000, () => 20);
  codel.clear();
  const later = dropsAt(codel, 10_000, 10_400, () => 20);
  assert.deepEqual(later.slice(0, 2), [10_100, 10_200]);
});
