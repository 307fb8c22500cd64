/**
 * What concurrencyLimit(), bulkhead() and loadShed() add to a call, beside
 * bulkheads and queues of npm.
 *
 * @module
 */

import { bulkhead as cockatielBulkhead } from "cockatiel";
import pLimit from "p-limit";
import PQueue from "p-queue";
import { bulkhead, chain, concurrencyLimit, loadShed } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;
const MAX = 100;
const TOGETHER = 100;

const service = (request: number): Promise<number> => Promise.resolve(request);
const limited = chain(service, concurrencyLimit({ max: MAX }));
const adaptive = chain(service, concurrencyLimit({ algorithm: "gradient2", max: MAX }));
const tenants = Array.from({ length: 64 }, (_, i) => `tenant-${i}`);
const compartments = chain(service, bulkhead({ key: (request: number) => tenants[request % 64] }));
const shed = chain(service, loadShed({ delay: concurrencyLimit() }));
const narrow = chain(service, concurrencyLimit({ max: TOGETHER / 10, maxWaiting: TOGETHER }));
const cockatiel = cockatielBulkhead(MAX);
const limit = pLimit(MAX);
const queue = new PQueue({ concurrency: MAX });

/** What one writes where there is no framework: a count, and an error where it is too high. */
let inFlight = 0;
async function counted(request: number): Promise<number> {
  if (inFlight >= MAX) throw new Error("Too many calls");
  inFlight++;
  try {
    return await service(request);
  } finally {
    inFlight--;
  }
}

const alone = new Group("concurrencyLimit(), one call at a time", CALLS, "awaited call");

alone.floor("a service alone", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await service(i);
  kept.value = sum;
});

alone.bench("concurrencyLimit()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await limited(i);
  kept.value = sum;
});

alone.bench("concurrencyLimit() by gradient2", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await adaptive(i);
  kept.value = sum;
});

alone.bench("bulkhead(), 64 keys", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await compartments(i);
  kept.value = sum;
});

alone.bench("loadShed() by a limit nobody waits for", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await shed(i);
  kept.value = sum;
});

alone.bench("by hand, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await counted(i);
  kept.value = sum;
});

alone.bench("bulkhead of cockatiel", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await cockatiel.execute(() => service(i));
  kept.value = sum;
});

alone.bench("p-limit", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await limit(() => service(i));
  kept.value = sum;
});

alone.bench("p-queue", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await queue.add(() => service(i));
  kept.value = sum;
});

const together = new Group(`concurrencyLimit(), ${TOGETHER} calls at once`, CALLS, "call");

together.floor("a service alone", async () => {
  for (let done = 0; done < CALLS; done += TOGETHER) {
    const calls: Promise<number>[] = [];
    for (let i = 0; i < TOGETHER; i++) calls.push(service(i));
    for (const call of calls) kept.value = await call;
  }
});

together.bench("concurrencyLimit()", async () => {
  for (let done = 0; done < CALLS; done += TOGETHER) {
    const calls: Promise<number>[] = [];
    for (let i = 0; i < TOGETHER; i++) calls.push(limited(i));
    for (const call of calls) kept.value = await call;
  }
});

together.bench("concurrencyLimit(), nine of ten wait", async () => {
  for (let done = 0; done < CALLS; done += TOGETHER) {
    const calls: Promise<number>[] = [];
    for (let i = 0; i < TOGETHER; i++) calls.push(narrow(i));
    for (const call of calls) kept.value = await call;
  }
});
