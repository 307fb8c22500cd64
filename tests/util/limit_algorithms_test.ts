/**
 * The algorithms that find a limit, as control loops around a modelled server.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Aimd } from "../../src/util/aimd.ts";
import { Gradient2 } from "../../src/util/gradient2.ts";
import type { LimitAlgorithm } from "../../src/util/limit_algorithm.ts";
import { Vegas } from "../../src/util/vegas.ts";
import { type Run, Simulation } from "./_server_model.ts";

const algorithms: Record<string, () => LimitAlgorithm> = {
  aimd: () => new Aimd(),
  vegas: () => new Vegas(() => 0.5),
  gradient2: () => new Gradient2(),
};

/** 40 workers that take 20 ms. */
const mostPerSecond = 2000;

function assertNear({ throughput, limit, least }: Run, capacity: number, most: number, what: string): void {
  const possible = mostPerSecond * capacity / 40;
  assert.ok(throughput > 0.93 * possible, `${what}: ${throughput} calls a second, of ${possible}`);
  assert.ok(limit >= 0.9 * capacity && limit <= most, `${what}: limit ${limit}, capacity ${capacity}`);
  assert.ok(least >= capacity / 4, `${what}: fell to ${least}`);
}

for (const [name, make] of Object.entries(algorithms)) {
  for (const noise of [0, 1]) {
    const what = `${name}, ${noise === 0 ? "steady" : "exponential"} service times`;
    Deno.test(`${what}: finds the capacity, and finds it again when it changes`, () => {
      const simulation = new Simulation(make(), { noise, maxQueue: 40 });
      simulation.run(20_000);
      assertNear(simulation.run(10_000), 40, 85, "at first");
      simulation.server.capacity = 10;
      simulation.run(15_000);
      assertNear(simulation.run(10_000), 10, 55, "after a loss of workers");
      simulation.server.capacity = 80;
      simulation.run(20_000);
      assertNear(simulation.run(10_000), 80, 125, "after a gain of workers");
    });
  }

  Deno.test(`${name}: does not grow while less than half of its limit is in use`, () => {
    const simulation = new Simulation(make(), { wanted: 5 });
    const { most } = simulation.run(30_000);
    assert.ok(most <= 20, `limit ${most}`);
  });

  Deno.test(`${name}: goes down to its floor where everything is refused, and comes up again`, () => {
    const simulation = new Simulation(make(), { capacity: 0, maxQueue: 0 });
    simulation.run(1000);
    assert.equal(simulation.window.limit, 4);
    Object.assign(simulation.server, { capacity: 40, maxQueue: 40 });
    simulation.run(20_000);
    assertNear(simulation.run(5000), 40, 85, "again");
  });
}

for (const name of ["vegas", "gradient2"]) {
  Deno.test(`${name}: keeps the queue of a server short that refuses nobody`, () => {
    const simulation = new Simulation(algorithms[name](), { noise: 0.5 });
    simulation.run(10_000);
    const { latencyMs, throughput } = simulation.run(15_000);
    assert.ok(throughput > 0.95 * mostPerSecond, `${throughput} calls a second`);
    assert.ok(latencyMs < 60, `latency ${latencyMs} ms`);
    simulation.server.capacity = 10;
    simulation.run(10_000);
    // Far from the 100 ms of a limit that stays.
    const { limit } = simulation.run(5000);
    assert.ok(limit < 50, `limit ${limit} for 10 workers`);
  });

  Deno.test(`${name}: gets used to a server that has become slower for good`, () => {
    const simulation = new Simulation(algorithms[name](), { noise: 0.5, maxQueue: 40 });
    simulation.run(10_000);
    simulation.server.serviceMs = 60;
    simulation.run(60_000);
    const { throughput } = simulation.run(10_000);
    assert.ok(throughput > 0.9 * mostPerSecond / 3, `${throughput} calls a second, of ${mostPerSecond / 3}`);
  });
}

Deno.test("a single drop among thousands of calls takes no more than a tenth", () => {
  for (const [name, make] of Object.entries(algorithms)) {
    const algorithm = make();
    const seen = { latencyMs: 20, calls: 100, busy: true };
    let limit = 40;
    for (let i = 0; i < 20; i++) limit = algorithm.next(limit, { ...seen, dropped: false });
    const after = algorithm.next(limit, { ...seen, dropped: true });
    assert.ok(Math.abs(after - 0.9 * limit) < 1e-9, `${name}: from ${limit} to ${after}`);
  }
});
