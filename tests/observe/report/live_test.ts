/**
 * report() on real pools and limits under a known load, and apply() on them
 * while they work.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  chain,
  concurrencyLimit,
  memory,
  mux,
  objectives,
  pool,
  report,
  serve,
  text,
  timeout,
} from "../../../mod.ts";
import { until } from "../../support/channels.ts";

/** What can be changed of a part of that name. */
function part(of: object, name: string): ReturnType<typeof adjustablesOf>[number] {
  const found = adjustablesOf(of).find((stage) => stage.name === name);
  assert.ok(found !== undefined, `there is no ${name}`);
  return found;
}

Deno.test("a pool that is too small is found out, made larger while calls are in flight, and loses none", async () => {
  const wire = chain(memory({ name: "report-live" }), mux({ maxInFlight: 1 }), text());
  let release = (): void => {};
  const held = new Promise<void>((resolve) => release = resolve);
  let handling = 0;
  const server = await serve(wire, async (request) => {
    handling++;
    await held;
    return request;
  });
  using promised = objectives({ targets: { p95Ms: 100, errorRate: 0.5 } });
  await using connections = chain(wire, pool({ max: 2, callsPerConnection: 1, acquireTimeoutMs: 60_000 }));
  const call = chain(connections, timeout({ ms: 60_000 }), promised.watch);
  const performance = report({
    calls: promised,
    pools: { orders: { stats: () => connections.stats(), adjustable: part(call, "pool") } },
    timeouts: { deadline: part(call, "timeout") },
  });
  const calls = Array.from({ length: 5 }, (_, i) => call(`${i}`));
  await until(() => handling === 2, "two calls being handled");
  const [found] = performance.snapshot().recommendations;
  assert.deepEqual([found.target, found.setting, found.from, found.to, found.live], ["orders", "max", 2, 3, true]);
  assert.deepEqual([found.measured.waiting, found.measured.connections], [3, 2]);
  const { applied, restart, refused } = performance.apply([found]);
  assert.deepEqual([applied.length, restart.length, refused.length], [1, 0, 0]);
  await until(() => handling === 3, "a third call being handled");
  assert.equal(connections.stats().total, 3);
  release();
  assert.deepEqual(await Promise.all(calls), ["0", "1", "2", "3", "4"]);
  const scores = performance.snapshot().scores.map(({ name, score }) => [name, score]);
  assert.deepEqual(scores.filter(([name]) => name !== "latency" && name !== "overall"), [
    ["connections", 100],
    ["reliability", 100],
  ]);
  await call.close();
  await server.shutdown();
});

Deno.test("a setting that needs a restart is left alone, and said", () => {
  const limit = concurrencyLimit({ max: 10 });
  const performance = report({
    limits: { calls: { stats: limit.stats, adjustable: part(limit, "concurrencyLimit") } },
  });
  const recommendation = { target: "calls", why: "", measured: {}, live: false };
  const queue = { ...recommendation, setting: "queue", from: "fifo", to: "priority" };
  const max = { ...recommendation, setting: "max", from: 10, to: 20 };
  const { applied, restart } = performance.apply([queue, max]);
  assert.deepEqual([applied, restart], [[max], [queue]]);
  assert.equal(limit.stats().limit, 20);
});
