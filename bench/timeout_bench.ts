/**
 * What timeout() and adaptiveTimeout() add to a call.
 *
 * @module
 */

import { adaptiveTimeout, chain, timeout } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;
const TOGETHER = 100;
const MS = 1000;

const service = (request: number): Promise<number> => Promise.resolve(request);
const bounded = chain(service, timeout({ ms: MS }));
const adaptive = chain(service, adaptiveTimeout({ minMs: MS }));

/** What one writes where there is no framework: a timer for each call, taken back at its end. */
async function raced(request: number): Promise<number> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("Too late")), MS);
  });
  try {
    return await Promise.race([service(request), late]);
  } finally {
    clearTimeout(timer);
  }
}

const alone = new Group("timeout(), one call at a time", CALLS, "awaited call");

alone.floor("a service alone", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await service(i);
  kept.value = sum;
});

alone.bench("timeout()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await bounded(i);
  kept.value = sum;
});

alone.bench("adaptiveTimeout()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await adaptive(i);
  kept.value = sum;
});

alone.bench("Promise.race with setTimeout, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await raced(i);
  kept.value = sum;
});

const together = new Group(`timeout(), ${TOGETHER} calls at once`, CALLS, "call");

together.floor("a service alone", async () => {
  for (let done = 0; done < CALLS; done += TOGETHER) {
    const calls: Promise<number>[] = [];
    for (let i = 0; i < TOGETHER; i++) calls.push(service(i));
    for (const call of calls) kept.value = await call;
  }
});

together.bench("timeout()", async () => {
  for (let done = 0; done < CALLS; done += TOGETHER) {
    const calls: Promise<number>[] = [];
    for (let i = 0; i < TOGETHER; i++) calls.push(bounded(i));
    for (const call of calls) kept.value = await call;
  }
});
