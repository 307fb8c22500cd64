/**
 * objectives(): what counts as a call, the trend, and what is shown of it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type ErrorCode, TransportError } from "../../../src/core/errors.ts";
import { objectives, type ObjectivesOptions } from "../../../mod.ts";
import { hour, minute, Promised } from "./_promised.ts";

Deno.test("failures and refusals are errors; what callers gave up is no call, and their own faults are no error", async () => {
  const counted: Record<string, [number, number]> = {};
  for (
    const code of [
      "remote",
      "overloaded",
      "too-many-calls",
      "cancelled",
      "superseded",
      "invalid-request",
    ] as ErrorCode[]
  ) {
    const promised = new Promised({ targets: { errorRate: 0.001 } });
    await promised.load(1000, 100, () => ({ error: new TransportError(code, "No") }));
    const { calls, errors, latency } = promised.objectives.calls();
    assert.equal(latency.count, 0);
    counted[code] = [calls, errors];
    promised.objectives.close();
  }
  assert.deepEqual(counted, {
    "remote": [10, 10],
    "overloaded": [10, 10],
    "too-many-calls": [10, 10],
    "cancelled": [0, 0],
    "superseded": [0, 0],
    "invalid-request": [10, 0],
  });
});

Deno.test("a response of 503 is an error, one of 404 is an answer", async () => {
  using promised = objectives({ targets: { errorRate: 0.01 } });
  for (const status of [503, 500, 404, 200]) {
    const response = new Response(null, { status });
    const call = Promise.resolve(response);
    assert.equal(promised.watch(() => call)("x"), call);
    await call;
  }
  const { calls, errors, latency } = promised.calls();
  assert.deepEqual([calls, errors, latency.count], [4, 2, 2]);
});

Deno.test("the trend tells each step of late apart, with what was measured in it", async () => {
  let cpuShare = 0.2;
  const promised = new Promised({
    targets: { p99Ms: 200, maxCpuShare: 2 },
    host: { read: () => ({ residentBytes: 1000, cpuShare }) },
  });
  const error = new TransportError("remote", "No", { remote: true });
  await promised.load(minute, 1000, () => ({ takesMs: 10 }));
  cpuShare = 0.7;
  await promised.load(minute, 500, (index) => index % 4 === 0 ? { error } : { takesMs: 40 });
  cpuShare = 0.1;
  await promised.load(30_000, 1000, () => ({ takesMs: 20 }));
  const { trend } = promised.objectives.snapshot();
  assert.deepEqual(trend.map(({ agoMs, lengthMs, calls, errors }) => [agoMs, lengthMs, calls, errors]), [
    [150_000, minute, 60, 0],
    [90_000, minute, 120, 30],
    [30_000, 30_000, 30, 0],
  ]);
  assert.deepEqual(trend.map(({ perSecond, maxMs }) => [perSecond, maxMs]), [[1, 10], [2, 40], [1, 20]]);
  assert.deepEqual(trend.map(({ residentBytes }) => residentBytes), [1000, 1000, 1000]);
  assert.deepEqual(trend.map(({ cpuShare }) => cpuShare), [0.2, 0.7, 0.7]);
  for (const [index, wanted] of [10, 40, 20].entries()) {
    for (const value of [trend[index].p50Ms, trend[index].p99Ms]) {
      assert.ok(value !== undefined && Math.abs(value - wanted) <= wanted / 100, `${value} is not ${wanted}`);
    }
  }
  assert.deepEqual(JSON.parse(JSON.stringify(promised.objectives.snapshot())), promised.objectives.snapshot());
  promised.objectives.close();
});

Deno.test("older steps are put together without losing a call, and the oldest go", async () => {
  const promised = new Promised({ targets: { p99Ms: 200 }, trendMs: 4 * hour });
  await promised.load(3 * hour, 15_000, () => ({ takesMs: 10 }));
  let { trend } = promised.objectives.snapshot();
  assert.equal(trend.reduce((sum, { calls }) => sum + calls, 0), 720);
  assert.ok(trend.length <= 60 + 1 + 13, `${trend.length} points`);
  assert.deepEqual([trend[0].agoMs, trend[0].lengthMs, trend[0].calls], [3 * hour, 10 * minute, 40]);
  const ends = trend.map(({ agoMs, lengthMs }) => agoMs - lengthMs);
  assert.deepEqual(ends.slice(0, -1), trend.slice(1).map(({ agoMs }) => agoMs));
  await promised.load(5 * hour, 15_000, () => ({ takesMs: 10 }));
  ({ trend } = promised.objectives.snapshot());
  assert.ok(trend.length <= 60 + 1 + 20, `${trend.length} points`);
  assert.ok(trend[0].agoMs <= 4 * hour + 10 * minute, `${trend[0].agoMs}`);
  const { calls, coveredMs } = promised.objectives.calls(10 * minute);
  assert.deepEqual([calls, coveredMs], [36, 9 * minute]);
  promised.objectives.close();
});

Deno.test("a time that is shorter than a step is that of the step that runs", async () => {
  const promised = new Promised({ targets: { errorRate: 0.5 } });
  await promised.load(2 * minute + 5000, 1000, () => ({}));
  const figures = (windowMs: number): number[] => {
    const { calls, coveredMs } = promised.objectives.calls(windowMs);
    return [calls, coveredMs];
  };
  assert.deepEqual([figures(10), figures(minute), figures(minute + 1)], [[5, 5000], [5, 5000], [65, 65_000]]);
  promised.objectives.close();
});

Deno.test("the metrics are those of the snapshot", async () => {
  const promised = new Promised({ targets: { errorRate: 0.5 }, name: "orders" });
  const error = new TransportError("remote", "No", { remote: true });
  await promised.load(minute, 1000, (index) => index % 4 === 0 ? { error } : {});
  const metrics = promised.objectives.metrics();
  const of = { objectives: "orders", objective: "errorRate" };
  const found = metrics.map(({ name, series }) => [name, series.map(({ labels, value }) => ({ ...labels, value }))]);
  assert.deepEqual(found, [
    ["wireway.objective.target", [{ ...of, value: 0.5 }]],
    ["wireway.objective.measured", [{ ...of, value: 0.25 }]],
    ["wireway.objective.burn_rate", [
      { ...of, severity: "page", window: "long", value: 0.5 },
      { ...of, severity: "page", window: "short", value: 0.5 },
      { ...of, severity: "page-slow", window: "long", value: 0.5 },
      { ...of, severity: "page-slow", window: "short", value: 0.5 },
    ]],
    ["wireway.objective.alerts", [{ objectives: "orders", value: 0 }]],
  ]);
  promised.objectives.close();
});

Deno.test("what was never measured has no figure", () => {
  const promised = new Promised({ targets: { p99Ms: 1, errorRate: 0.1, minPerSecond: 1 } });
  const { objectives: all, trend } = promised.objectives.snapshot();
  for (const figures of all) {
    assert.equal("measured" in figures, false, figures.name);
    assert.equal("longRate" in figures.burn[0], false, figures.name);
  }
  assert.deepEqual(trend, []);
  promised.objectives.close();
});

Deno.test("options that make no sense are refused by name", () => {
  const targets = { p99Ms: 200 };
  const windows = [{ severity: "page", longMs: 1000, shortMs: 2000, rate: 1 }];
  for (
    const [options, message] of [
      [{ targets: {} }, /option targets is "an object without any/],
      [{ targets: { p99Ms: 0 } }, /option p99Ms is 0, allowed is a number above 0/],
      [{ targets: { errorRate: 1 } }, /option errorRate is 1/],
      [{ targets: { maxCpuShare: 1 } }, /option host is undefined, allowed is an object, since/],
      [{ targets, windows }, /option shortMs is 2000, allowed is longMs \(1000\) or less/],
      [{ targets, windows: [] }, /option windows is "?a list of 0/],
      [{ targets, windows: [{ ...windows[0], longMs: 1e9, shortMs: 10 }] }, /option windows is "?a list with one of/],
      [{ targets, trendMs: Infinity }, /option trendMs is Infinity/],
    ] as [ObjectivesOptions, RegExp][]
  ) assert.throws(() => objectives(options), { code: "invalid-option", message });
});

Deno.test("a window longer than what is kept in small steps, or at all, is said to cover no more than it counts", async () => {
  const promised = new Promised({ targets: { p99Ms: 10 }, trendMs: 3 * hour });
  await promised.load(5 * hour + 7 * minute, minute, () => ({ takesMs: 1 }));
  for (const windowMs of [5 * minute, hour, 1.5 * hour, 2 * hour, 3 * hour, 24 * hour, Infinity]) {
    const { calls, coveredMs } = promised.objectives.calls(windowMs);
    assert.ok(Math.abs(calls - coveredMs / minute) <= 1, `${calls} calls in ${coveredMs} ms of ${windowMs}`);
    assert.ok(coveredMs <= windowMs && coveredMs > Math.min(0.7 * windowMs, 2.7 * hour), `${coveredMs} of ${windowMs}`);
  }
  promised.objectives.close();
});
