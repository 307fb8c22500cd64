/**
 * The retransmission timer of RFC 6298.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { RttEstimator } from "../../src/util/rtt_estimator.ts";

Deno.test("RttEstimator follows RFC 6298: first sample, later samples, back-off", () => {
  const rtt = new RttEstimator();
  rtt.add(80);
  assert.deepEqual([rtt.meanMs, rtt.timeoutMs], [80, 240]);
  rtt.add(160);
  assert.deepEqual([rtt.meanMs, rtt.timeoutMs], [90, 90 + 4 * 50]);
  rtt.timedOut();
  rtt.timedOut();
  assert.equal(rtt.timeoutMs, 4 * 290);
  for (let i = 0; i < 20; i++) rtt.timedOut();
  assert.equal(rtt.timeoutMs, 64 * 290);
  rtt.add(90);
  assert.equal(rtt.timeoutMs, 90 + 4 * 37.5);
});

Deno.test("RttEstimator is never nearer to the mean than clocks are exact", () => {
  const rtt = new RttEstimator();
  for (let i = 0; i < 100; i++) rtt.add(10);
  assert.equal(rtt.timeoutMs, 11);
});
