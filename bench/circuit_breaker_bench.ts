/**
 * What circuitBreaker() adds to a call while it is closed.
 *
 * @module
 */

import { circuitBreaker as cockatielBreaker, ConsecutiveBreaker, handleAll } from "cockatiel";
// @ts-types="./peers/opossum.d.ts"
import CircuitBreaker from "opossum";
import { callContext, chain, circuitBreaker, systemClock } from "../mod.ts";
import { Breaker } from "../src/call/breaker/breaker.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;

const service = (request: number): Promise<number> => Promise.resolve(request);
const closed = chain(service, circuitBreaker());
const overTime = chain(service, circuitBreaker({ windows: [{ failureRate: 0.5 }] }));
const overCalls = chain(service, circuitBreaker({ windows: [{ failureRate: 0.5, windowCalls: 100 }] }));
const slowCalls = chain(service, circuitBreaker({ windows: [{ slowCallRate: 0.5, slowCallMs: 100 }] }));
const cancellable = callContext({ signal: new AbortController().signal });

const cockatiel = cockatielBreaker(handleAll, { halfOpenAfter: 30_000, breaker: new ConsecutiveBreaker(5) });
const opossum = new CircuitBreaker(service, { timeout: false });

const alone = new Group("circuitBreaker(), closed", CALLS, "awaited call");

alone.floor("a service alone", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await service(i);
  kept.value = sum;
});

alone.bench("circuitBreaker()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await closed(i);
  kept.value = sum;
});

alone.bench("circuitBreaker(), a call that can be cancelled", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await closed(i, cancellable);
  kept.value = sum;
});

alone.bench("circuitBreaker() with a window of time", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await overTime(i);
  kept.value = sum;
});

alone.bench("circuitBreaker() with a window of calls", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await overCalls(i);
  kept.value = sum;
});

alone.bench("circuitBreaker() with slow calls", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await slowCalls(i);
  kept.value = sum;
});

alone.bench("cockatiel, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await cockatiel.execute(() => service(i));
  kept.value = sum;
});

alone.bench("opossum without its timeout, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await opossum.fire(i);
  kept.value = sum;
});

/** The state machine by itself, as circuitBreaker() uses it. */
const machine = new Breaker({
  failures: 5,
  forgetAfterMs: 60_000,
  successes: 2,
  openMs: 30_000,
  maxOpenMs: 300_000,
  jitter: 0.2,
  maxProbes: 1,
  probeLeaseMs: 10_000,
  countsAs: undefined,
  name: "bench",
  clock: systemClock,
  random: Math.random,
  observer: undefined,
}, []);

const parts = new Group("circuitBreaker(), its parts", CALLS, "call");

parts.floor("nothing", () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += i;
  kept.value = sum;
});

parts.bench("the check", () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) if (machine.passing !== undefined) sum += i;
  kept.value = sum;
});

parts.bench("the record", () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) {
    machine.record(machine.period, "success", 0);
    sum += i;
  }
  kept.value = sum;
});
