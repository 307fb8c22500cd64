/**
 * What pool() and reconnect() add to a call on a session.
 *
 * @module
 */

import { type Address, pool, reconnect, type Session, type SessionTransport, type TransportError } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;
const ADDRESS: Address = { transport: "scripted" };

/** Answers each call with its request, at once. */
class ScriptedSession implements Session<number, number> {
  readonly local = ADDRESS;
  readonly remote = ADDRESS;
  readonly state = "open";
  readonly capacity = 1024;
  readonly finished = new Promise<TransportError | undefined>(() => {});
  onChange: (() => void) | undefined = undefined;
  load = 0;

  call(request: number): Promise<number> {
    return Promise.resolve(request);
  }

  send(): void {}

  ping(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  abort(): void {}
}

const transport: SessionTransport<number, number> = {
  dial: () => Promise.resolve(new ScriptedSession()),
  listen: () => Promise.reject(new Error("Cannot listen on scripted sessions")),
};

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
