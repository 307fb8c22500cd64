import { strict as assert } from "node:assert";
import { lostTime } from "../../bench/load/lost_time.ts";

Deno.test("time that a process was kept from its processor is told, and what the looking takes is not", () => {
  const gaps = [0.01, 0.09, 0.5, 0.01, 3, 0.01];
  let at = 100;
  let look = 0;
  const { share, longestMs } = lostTime(10, () => at += gaps[look++ % gaps.length]);
  assert.equal(longestMs.toFixed(6), "3.000000");
  // Three rounds of 3.62 ms pass before ten milliseconds are over; the first gap stands before the beginning.
  assert.ok(Math.abs(share - 3.5 / 3.62) < 0.03, `${share}`);
});

Deno.test("a process that is kept from nothing has lost no time", () => {
  let at = 0;
  assert.deepEqual(lostTime(5, () => at += 0.05), { share: 0, longestMs: 0 });
});
