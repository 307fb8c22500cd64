/**
 * What pool() and reconnect() add to a call on a session.
 *
 * @module
 */

import { pool, reconnect } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";
import { ScriptedSession, scriptedTransport as transport } from "./floor/scripted_session.ts";

const CALLS = 1000;

const session = new ScriptedSession();
const one = pool<number, number>({ min: 1, max: 1, prewarm: true })(transport);
const eight = pool<number, number>({ min: 8, max: 8, prewarm: true })(transport);
const again = reconnect<number, number>()(transport);
await Promise.all([one(0), eight(0), again(0)]);
if (one.stats().total !== 1 || eight.stats().total !== 8) throw new Error("Sessions are missing");

const group = new Group("pool() and reconnect()", CALLS, "awaited call");

group.floor("the session's own call", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await session.call(i);
  kept.value = sum;
});

group.bench("pool() of 1 session", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await one(i);
  kept.value = sum;
});

group.bench("pool() of 8 sessions", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await eight(i);
  kept.value = sum;
});

group.bench("reconnect()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await again(i);
  kept.value = sum;
});
