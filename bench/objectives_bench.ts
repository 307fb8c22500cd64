/**
 * What objectives() and health() add to a call: two readings of the clock, a
 * histogram, a few counters.
 *
 * @module
 */

import { chain, health, objectives } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;

const service = (request: number): Promise<number> => Promise.resolve(request);

const promised = objectives({ targets: { p95Ms: 100, p99Ms: 200, errorRate: 0.001 } });
const watched = health();

const measured = chain(service, promised.watch);
const observed = chain(service, watched.watch("orders"));
const both = chain(service, watched.watch("orders"), promised.watch);

const group = new Group("objectives() and health()", CALLS, "awaited call");

group.floor("a service alone", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await service(i);
  kept.value = sum;
});

group.bench("a service between two readings of the clock", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) {
    const startedAt = performance.now();
    sum += await service(i);
    kept.value = performance.now() - startedAt;
  }
  kept.value = sum;
});

group.bench("objectives(), three targets on calls", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await measured(i);
  kept.value = sum;
});

group.bench("health().watch()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await observed(i);
  kept.value = sum;
});

group.bench("both", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await both(i);
  kept.value = sum;
});
