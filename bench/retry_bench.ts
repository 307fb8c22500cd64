/**
 * What retry(), hedge() and fallback() add to a call that succeeds at once.
 *
 * @module
 */

import { ExponentialBackoff, handleAll, retry as cockatielRetry } from "cockatiel";
import pRetry from "p-retry";
import { background, chain, fallback, hedge, idempotent, retry, RetryBudget } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;

const service = (request: number): Promise<number> => Promise.resolve(request);
const retried = chain(service, retry());
const hedged = chain(service, hedge({ delayMs: 1000 }));
const backed = chain(service, fallback({ value: -1 }));
const repeatable = background.set(idempotent, true);
const cockatiel = cockatielRetry(handleAll, { maxAttempts: 3, backoff: new ExponentialBackoff() });

const group = new Group("retry(), a call that succeeds", CALLS, "awaited call");

group.floor("a service alone", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await service(i);
  kept.value = sum;
});

group.bench("retry()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await retried(i);
  kept.value = sum;
});

group.bench("hedge()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await hedged(i, repeatable);
  kept.value = sum;
});

group.bench("fallback()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await backed(i);
  kept.value = sum;
});

group.bench("cockatiel's retry, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await cockatiel.execute(() => service(i));
  kept.value = sum;
});

group.bench("p-retry, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await pRetry(() => service(i), { retries: 2 });
  kept.value = sum;
});

const budget = new RetryBudget();
const parts = new Group("the retry budget", CALLS, "call");

parts.floor("nothing", () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += i;
  kept.value = sum;
});

parts.bench("a deposit", () => {
  for (let i = 0; i < CALLS; i++) budget.deposit();
  kept.value = budget;
});
