/**
 * objectives(): how fast budgets are used up, and when that is told.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../src/core/errors.ts";
import { hour, minute, Promised, type Script } from "./_promised.ts";

const error = new TransportError("remote", "Out of paper", { remote: true });
const failsEach = (count: number) => (index: number): Script => index % count === 0 ? { error } : {};
const slowEach = (count: number, takesMs: number) => (index: number): Script =>
  index % count === 0 ? { takesMs } : { takesMs: 10 };

Deno.test("an error rate of twenty times the budget pages once, and once more when it is over", async () => {
  const promised = new Promised({ targets: { errorRate: 0.005 } });
  await promised.load(hour, 1000, failsEach(10));
  const [page, slow] = promised.objectives.snapshot().objectives[0].burn;
  assert.ok(Math.abs((page.longRate ?? 0) - 20) < 0.5, `${page.longRate}`);
  assert.ok(Math.abs((page.shortRate ?? 0) - 20) < 0.5, `${page.shortRate}`);
  assert.deepEqual([page.threshold, page.longMs, page.shortMs], [14.4, hour, 5 * minute]);
  assert.deepEqual([slow.threshold, slow.longMs, slow.shortMs], [6, 6 * hour, 30 * minute]);
  const [objective] = promised.objectives.snapshot().objectives;
  assert.ok(Math.abs((objective.measured ?? 0) - 0.1) < 0.002, `${objective.measured}`);
  assert.equal(objective.met, false);
  // Both opened when there were enough calls and three of them had failed.
  assert.deepEqual(promised.told(), ["00:01:40 page errorRate open", "00:01:40 page-slow errorRate open"]);
  assert.equal(promised.objectives.snapshot().open.length, 2);
  await promised.load(hour, 1000, () => ({}));
  const resolved = promised.told().slice(2);
  assert.equal(resolved.length, 2);
  // The short windows have to be calm: 5 minutes at 20 fall below 14.4 within 2, and 30 below 6 within 22; and a minute more.
  assert.match(resolved[0], /^01:0[2-4]:\d0 page errorRate resolved$/);
  assert.match(resolved[1], /^01:2[0-4]:\d0 page-slow errorRate resolved$/);
  assert.deepEqual(promised.objectives.snapshot().open, []);
  const [opened, , ended] = promised.alerts;
  assert.equal(ended.id, opened.id);
  assert.equal(ended.openMs, Date.parse(ended.at) - Date.parse(opened.at));
  assert.match(
    opened.text,
    /^objectives: errorRate is 0\.1\d*, promised is 0.005; budget used up at [\d.]+ × over 60 min, [\d.]+ × over 5 min; the limit is 14.4 ×$/,
  );
  promised.objectives.close();
  assert.equal(promised.clock.pending, 0);
});

Deno.test("a budget that is used up no faster than it may be wakes nobody", async () => {
  const promised = new Promised({ targets: { errorRate: 0.02 } });
  await promised.load(hour, 1000, failsEach(50));
  assert.deepEqual(promised.told(), []);
  const [{ burn, met }] = promised.objectives.snapshot().objectives;
  assert.ok(Math.abs((burn[0].longRate ?? 0) - 1) < 0.02, `${burn[0].longRate}`);
  assert.equal(met, true);
  promised.objectives.close();
});

Deno.test("a short burst after hours of calm wakes nobody, for all that the short window says", async () => {
  const promised = new Promised({ targets: { errorRate: 0.001 } });
  await promised.load(hour, 1000, () => ({}));
  await promised.load(20_000, 1000, () => ({ error }));
  const [page] = promised.objectives.snapshot().objectives[0].burn;
  assert.ok((page.shortRate ?? 0) > 14.4, `${page.shortRate}`);
  assert.ok((page.longRate ?? 0) < 14.4, `${page.longRate}`);
  assert.deepEqual(promised.told(), []);
  promised.objectives.close();
});

Deno.test("a few calls wake nobody, and neither do two failures", async () => {
  const few = new Promised({ targets: { errorRate: 0.001 } });
  await few.load(minute, 1000, () => ({ error }));
  assert.deepEqual(few.told(), []);
  const single = new Promised({ targets: { errorRate: 0.000_1 } });
  await single.load(5 * minute, 1000, (index) => index % 200 === 0 ? { error } : {});
  assert.deepEqual(single.told(), []);
  few.objectives.close();
  single.objectives.close();
});

Deno.test("of p99 one call in a hundred may be slower, and each slower one counts against that", async () => {
  const promised = new Promised({ targets: { p99Ms: 200 } });
  await promised.load(30 * minute, 1000, slowEach(20, 300));
  const [{ burn, measured, budget }] = promised.objectives.snapshot().objectives;
  assert.equal(budget, 0.01);
  assert.ok(Math.abs((burn[0].longRate ?? 0) - 5) < 0.2, `${burn[0].longRate}`);
  assert.ok(measured !== undefined && Math.abs(measured - 300) < 3, `${measured}`);
  assert.deepEqual(promised.told(), []);
  await promised.load(hour, 1000, slowEach(5, 300));
  assert.deepEqual(promised.told().map((line) => line.slice(9)), ["page-slow p99Ms open", "page p99Ms open"]);
  promised.objectives.close();
});

Deno.test("the budget of p50 can't burn fourteen times too fast, so it alerts half of the way to everything", async () => {
  const promised = new Promised({ targets: { p50Ms: 100, p95Ms: 100 } });
  await promised.load(20 * minute, 1000, (index) => index % 10 < 7 ? { takesMs: 150 } : { takesMs: 10 });
  const [p50, p95] = promised.objectives.snapshot().objectives;
  assert.deepEqual([p50.budget, p50.burn[0].threshold, p50.burn[1].threshold], [0.5, 1.5, 1.5]);
  assert.deepEqual([p95.budget, p95.burn[0].threshold, p95.burn[1].threshold], [0.05, 10.5, 6]);
  assert.ok(Math.abs((p50.burn[0].longRate ?? 0) - 1.4) < 0.02);
  assert.ok(Math.abs((p95.burn[0].longRate ?? 0) - 14) < 0.2);
  assert.deepEqual([...new Set(promised.alerts.map(({ objective }) => objective))], ["p95Ms"]);
  await promised.load(20 * minute, 1000, () => ({ takesMs: 150 }));
  assert.deepEqual([...new Set(promised.alerts.map(({ objective }) => objective))], ["p95Ms", "p50Ms"]);
  promised.objectives.close();
});

Deno.test("throughput, memory and processors are looked at, and their budget is a share of the looks", async () => {
  let [residentBytes, cpuShare]: (number | undefined)[] = [400, 0.5];
  const promised = new Promised({
    targets: { minPerSecond: 0.9, maxResidentBytes: 500, maxCpuShare: 1.5 },
    host: { read: () => ({ residentBytes, cpuShare }) },
  });
  await promised.load(10 * minute, 1000, () => ({}));
  const figures = () =>
    promised.objectives.snapshot().objectives.map(({ name, measured, met }) => [name, measured, met]);
  assert.deepEqual(
    figures(),
    [
      ["minPerSecond", 1, true],
      ["maxResidentBytes", 400, true],
      ["maxCpuShare", 0.5, true],
    ].map(([name, measured, met]) => name === "minPerSecond" ? [name, figures()[0][1], met] : [name, measured, met]),
  );
  assert.ok(Math.abs(figures()[0][1] as number - 1) < 0.02, `${figures()[0][1]}`);
  assert.deepEqual(promised.told(), []);
  [residentBytes, cpuShare] = [600, undefined];
  await promised.load(5 * minute, 2000, () => ({}));
  const [throughput, memory, cpu] = promised.objectives.snapshot().objectives;
  // 30 of 90 looks in an hour, of which 1 in 100 may be bad.
  assert.ok(Math.abs((memory.burn[0].longRate ?? 0) - 33.3) < 1, `${memory.burn[0].longRate}`);
  assert.equal(memory.burn[0].shortRate, 100);
  assert.equal(memory.measured, 600);
  assert.ok(Math.abs((throughput.measured ?? 0) - 0.5) < 0.02, `${throughput.measured}`);
  assert.equal(cpu.burn[0].longRate, 0);
  assert.deepEqual(
    [...new Set(promised.alerts.map(({ objective, state }) => `${objective} ${state}`))].sort(),
    ["maxResidentBytes open", "minPerSecond open"],
  );
  promised.objectives.close();
});

Deno.test("an alert of a load that has ended altogether ends, too", async () => {
  const promised = new Promised({ targets: { errorRate: 0.001 } });
  await promised.load(10 * minute, 1000, () => ({ error }));
  assert.equal(promised.objectives.snapshot().open.length, 2);
  await promised.clock.advance(40 * minute);
  assert.deepEqual(promised.told().map((line) => line.slice(9)), [
    "page errorRate open",
    "page-slow errorRate open",
    "page errorRate resolved",
    "page-slow errorRate resolved",
  ]);
  assert.equal(promised.alerts[2].measured, undefined);
  promised.objectives.close();
});

Deno.test("a call that takes exactly as long as promised keeps the promise", async () => {
  const promised = new Promised({ targets: { p99Ms: 200 } });
  await promised.load(minute, 1000, () => ({ takesMs: 200 }));
  await promised.clock.advance(1000);
  assert.equal(promised.objectives.snapshot().objectives[0].burn[0].longRate, 0);
  promised.objectives.close();
});

Deno.test("what is older than the longest window is forgotten, however long it runs", async () => {
  const windows = [{ severity: "page", longMs: 60_000, shortMs: 5000, rate: 14.4 }];
  const promised = new Promised({ targets: { errorRate: 0.01 }, windows });
  await promised.load(30_000, 100, () => ({ error }));
  for (let round = 0; round < 5; round++) await promised.load(minute, 100, () => ({}));
  const [{ longRate, shortRate }] = promised.objectives.snapshot().objectives[0].burn;
  assert.deepEqual([longRate, shortRate], [0, 0]);
  assert.deepEqual(promised.told().map((line) => line.slice(9)), ["page errorRate open", "page errorRate resolved"]);
  promised.objectives.close();
});

Deno.test("two pairs of one severity that open at once are two alerts, told apart", async () => {
  const windows = [
    { severity: "page", longMs: hour, shortMs: 5 * minute, rate: 10 },
    { severity: "page", longMs: 2 * hour, shortMs: 10 * minute, rate: 10 },
  ];
  const promised = new Promised({ targets: { errorRate: 0.005 }, windows });
  await promised.load(5 * minute, 1000, failsEach(2));
  assert.deepEqual(promised.told(), ["00:01:40 page errorRate open", "00:01:40 page errorRate open"]);
  assert.equal(new Set(promised.alerts.map(({ id }) => id)).size, 2);
  promised.objectives.close();
});

Deno.test("a date that is none keeps no alert back", async () => {
  const dates = [(): Date => new Date(NaN), (): Date => {
    throw new Error("no");
  }];
  for (const date of dates) {
    const promised = new Promised({ targets: { errorRate: 0.005 }, date });
    await promised.load(5 * minute, 1000, failsEach(2));
    assert.equal(promised.alerts.length, 2);
    assert.ok(Date.parse(promised.alerts[0].at) > 0);
    promised.objectives.close();
  }
});
