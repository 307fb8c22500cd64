/**
 * What rateLimit() adds to a call, beside limiters of npm.
 *
 * @module
 */

import { RateLimiter } from "limiter";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { chain, rateLimit } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;
const KEYS = 64;
/** More than can be made, so that nothing is refused. */
const PER_SECOND = 1_000_000_000;

const service = (request: number): Promise<number> => Promise.resolve(request);
const keys = Array.from({ length: KEYS }, (_, i) => `tenant-${i}`);
const keyOf = (request: number): string => keys[request % KEYS];
const window = { calls: PER_SECOND, perMs: 1000 };
const limited = chain(service, rateLimit({ windows: [window] }));
const twice = chain(service, rateLimit({ windows: [window, { calls: PER_SECOND, perMs: 2000 }] }));
const exact = chain(service, rateLimit({ windows: [{ calls: PER_SECOND, perMs: 1000, burst: 15 }] }));
const keyed = chain(service, rateLimit({ windows: [window], key: keyOf }));
const limiter = new RateLimiter({ tokensPerInterval: PER_SECOND, interval: "second" });
const flexible = new RateLimiterMemory({ points: PER_SECOND, duration: 1 });

/** What one writes where there is no framework: a bucket, and the clock with each call. */
let tokens = PER_SECOND;
let filledAt = performance.now();
function counted(request: number): Promise<number> {
  const now = performance.now();
  tokens = Math.min(PER_SECOND, tokens + (now - filledAt) * PER_SECOND / 1000);
  filledAt = now;
  if (tokens < 1) return Promise.reject(new Error("Too many calls"));
  tokens--;
  return service(request);
}

const group = new Group("rateLimit(), one call at a time", CALLS, "awaited call");

group.floor("a service alone", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await service(i);
  kept.value = sum;
});

group.bench("rateLimit()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await limited(i);
  kept.value = sum;
});

group.bench("rateLimit(), two windows", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await twice(i);
  kept.value = sum;
});

group.bench(`rateLimit(), ${KEYS} keys`, async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await keyed(i);
  kept.value = sum;
});

group.bench("rateLimit(), a burst so small that each call reads the clock", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await exact(i);
  kept.value = sum;
});

group.bench("by hand, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await counted(i);
  kept.value = sum;
});

group.bench("limiter", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) {
    if (!limiter.tryRemoveTokens(1)) throw new Error("Too many calls");
    sum += await service(i);
  }
  kept.value = sum;
});

group.bench("rate-limiter-flexible", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) {
    await flexible.consume("all");
    sum += await service(i);
  }
  kept.value = sum;
});
