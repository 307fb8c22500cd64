/**
 * What the whole chain of resilient() adds to a call on a session, beside the
 * same policies by hand with cockatiel.
 *
 * @module
 */

import {
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  timeout,
  TimeoutStrategy,
  wrap,
} from "cockatiel";
import { background, idempotent, resilient } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";
import { ScriptedSession, scriptedTransport } from "./floor/scripted_session.ts";

const CALLS = 1000;
/** Calls in flight at once, where there are many. */
const AT_ONCE = 100;

const session = new ScriptedSession();
const client = resilient(scriptedTransport);
const repeatable = background.set(idempotent, true);
const policies = [
  retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() }),
  circuitBreaker(handleAll, { halfOpenAfter: 1000, breaker: new ConsecutiveBreaker(100) }),
  timeout(10_000, TimeoutStrategy.Aggressive),
  bulkhead(640, 1024),
] as const;
const byHand = wrap(...policies);
const byHandUntimed = wrap(policies[0], policies[1], policies[3]);
await client(0);

const one = new Group("resilient(), one call at a time", CALLS, "awaited call");

one.floor("the session's own call", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await session.call(i);
  kept.value = sum;
});

one.bench("resilient()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await client(i);
  kept.value = sum;
});

one.bench("resilient(), a call that may be made again", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await client(i, repeatable);
  kept.value = sum;
});

one.bench("cockatiel's retry, breaker, timeout and bulkhead, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await byHand.execute(() => session.call(i));
  kept.value = sum;
});

one.bench("cockatiel's without its timeout, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await byHandUntimed.execute(() => session.call(i));
  kept.value = sum;
});

const many = new Group(`resilient(), ${AT_ONCE} calls at once`, CALLS, "call");

many.floor("the session's own call", async () => {
  const calls = new Array<Promise<number>>(AT_ONCE);
  for (let i = 0; i < CALLS; i += AT_ONCE) {
    for (let j = 0; j < AT_ONCE; j++) calls[j] = session.call(i + j);
    kept.value = await Promise.all(calls);
  }
});

many.bench("resilient()", async () => {
  const calls = new Array<Promise<number>>(AT_ONCE);
  for (let i = 0; i < CALLS; i += AT_ONCE) {
    for (let j = 0; j < AT_ONCE; j++) calls[j] = client(i + j);
    kept.value = await Promise.all(calls);
  }
});

many.bench("resilient(), a call that may be made again", async () => {
  const calls = new Array<Promise<number>>(AT_ONCE);
  for (let i = 0; i < CALLS; i += AT_ONCE) {
    for (let j = 0; j < AT_ONCE; j++) calls[j] = client(i + j, repeatable);
    kept.value = await Promise.all(calls);
  }
});

many.bench("cockatiel's retry, breaker, timeout and bulkhead, for information", async () => {
  const calls = new Array<Promise<number>>(AT_ONCE);
  for (let i = 0; i < CALLS; i += AT_ONCE) {
    for (let j = 0; j < AT_ONCE; j++) calls[j] = byHand.execute(() => session.call(i + j));
    kept.value = await Promise.all(calls);
  }
});
