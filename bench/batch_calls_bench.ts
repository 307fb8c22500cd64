/**
 * What a call through batchCalls() costs.
 *
 * @module
 */

import DataLoader from "dataloader";
import { batchCalls } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;
const TOGETHER = 100;

const answer = (requests: readonly number[]): Promise<number[]> => Promise.resolve(requests.map((one) => one + 1));
const batched = batchCalls<number, number>({ maxBatch: TOGETHER })(answer);
const loader = new DataLoader<number, number>(answer, { maxBatchSize: TOGETHER, cache: false });

/** By hand: a list, a promise for each and one microtask. */
let waiting: { request: number; resolve: (reply: number) => void }[] = [];
function byHand(request: number): Promise<number> {
  if (waiting.length === 0) {
    queueMicrotask(async () => {
      const batch = waiting;
      waiting = [];
      const answers = await answer(batch.map((one) => one.request));
      batch.forEach((one, index) => one.resolve(answers[index]));
    });
  }
  return new Promise((resolve) => void waiting.push({ request, resolve }));
}

const group = new Group(`batchCalls(), ${TOGETHER} calls at once`, CALLS, "call");

group.floor("a list by hand", async () => {
  for (let done = 0; done < CALLS; done += TOGETHER) {
    const calls: Promise<number>[] = [];
    for (let i = 0; i < TOGETHER; i++) calls.push(byHand(i));
    for (const call of calls) kept.value = await call;
  }
});

group.bench("batchCalls()", async () => {
  for (let done = 0; done < CALLS; done += TOGETHER) {
    const calls: Promise<number>[] = [];
    for (let i = 0; i < TOGETHER; i++) calls.push(batched(i));
    for (const call of calls) kept.value = await call;
  }
});

group.bench("dataloader, for information", async () => {
  for (let done = 0; done < CALLS; done += TOGETHER) {
    const calls: Promise<number>[] = [];
    for (let i = 0; i < TOGETHER; i++) calls.push(loader.load(i));
    for (const call of calls) kept.value = await call;
  }
});
