/**
 * balance() passes over endpoints that refuse calls on this side: whose breaker
 * is open, or to which no connection can be made.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { balance, chain, circuitBreaker, ManualClock, type Service, TransportError } from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { balanced, type BalanceSetUp } from "./_endpoints.ts";

const open = (retryAfterMs?: number): TransportError =>
  new TransportError("circuit-open", "It is open", { retryAfterMs });

/** Three endpoints in turn, none of which is ever ejected. */
const three = (): BalanceSetUp => balanced(["a", "b", "c"], { strategy: "round-robin", ejection: false });

async function reached(set: BalanceSetUp, count: number): Promise<string> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) names.push(await set.once());
  return names.sort().join("");
}

/** Has endpoints refuse their next calls. */
async function refuse(set: BalanceSetUp, refusals: Record<string, TransportError>): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await set.once((call, name) => refusals[name] === undefined ? call.resolve("") : call.reject(refusals[name]));
  }
}

Deno.test("an endpoint that refuses calls gets none for as long as it says", async () => {
  const set = three();
  await refuse(set, { b: open(500) });
  assert.equal(await reached(set, 6), "aaaccc");
  await set.clock.advance(499);
  assert.equal(await reached(set, 2), "ac");
  await set.clock.advance(1);
  assert.equal(await reached(set, 6), "aabbcc");
  await set.client.close();
});

Deno.test("of calls that an endpoint refuses together the longest time counts, whichever comes first", async () => {
  for (const times of [[500, 100], [100, 500]]) {
    const set = three();
    for (let i = 0; i < 6; i++) set.begin();
    for (const { name, calls } of set.endpoints) {
      for (const call of calls) {
        if (name === "c") call.resolve("");
        else call.reject(open(name === "a" ? times.shift() : 200));
      }
    }
    await settle();
    await set.clock.advance(199);
    assert.equal(await reached(set, 2), "cc");
    await set.clock.advance(300);
    assert.equal(await reached(set, 2), "bc");
    await set.clock.advance(1);
    assert.equal(await reached(set, 3), "abc");
    await set.client.close();
  }
});

Deno.test("several endpoints that refuse calls come back each at its time", async () => {
  const set = three();
  await refuse(set, { a: open(200), c: open(500) });
  assert.equal(await reached(set, 3), "bbb");
  await set.clock.advance(200);
  assert.equal(await reached(set, 4), "aabb");
  await set.clock.advance(300);
  assert.equal(await reached(set, 3), "abc");
  await set.client.close();
});

Deno.test("an open breaker that does not say until when is passed over for a moment", async () => {
  const set = three();
  await refuse(set, { a: open() });
  assert.equal(await reached(set, 4), "bbcc");
  await set.clock.advance(100);
  assert.equal(await reached(set, 3), "abc");
  await set.client.close();
});

Deno.test("where all endpoints refuse calls, all get them", async () => {
  const set = three();
  await refuse(set, { a: open(500), b: open(500), c: open(500) });
  assert.equal(await reached(set, 6), "aabbcc");
  await set.client.close();
});

Deno.test("endpoints that refuse calls are passed over where too few are healthy, too", async () => {
  const set = balanced(["a", "b", "c"], { strategy: "round-robin", isHealthy: (name) => name === "b" });
  await refuse(set, { a: open(500), c: open(500) });
  assert.equal(await reached(set, 3), "bbb");
  await set.client.close();
});

Deno.test("what the far side refuses, and what says nothing of an endpoint, keeps no calls away", async () => {
  const set = three();
  await refuse(set, {
    a: new TransportError("circuit-open", "Open behind it", { remote: true, retryAfterMs: 500 }),
    b: new TransportError("rate-limited", "Too many of this key", { retryAfterMs: 500 }),
    c: new TransportError("connect-failed", "Behind it", { remote: true, processed: "no", retryAfterMs: 500 }),
  });
  await refuse(set, { a: new TransportError("connect-failed", "Sent", { processed: "maybe", retryAfterMs: 500 }) });
  assert.equal(await reached(set, 6), "aabbcc");
  await set.client.close();
});

Deno.test("calls do not fail for ever on the two of three endpoints that are dead behind their breakers", async () => {
  const clock = new ManualClock();
  const service = (name: string): Service<string, string> => () =>
    name === "c" ? Promise.resolve(name) : Promise.reject(new TransportError("connect-failed", "Nobody listens"));
  const call = balance({
    endpoints: ["a", "b", "c"],
    connect: (name) => chain(service(name), circuitBreaker({ failures: 2, windows: [], openMs: 60_000, clock })),
    strategy: "round-robin",
    ejection: false,
    clock,
  });
  const ends: string[] = [];
  for (let i = 0; i < 30; i++) ends.push(await call("").catch((error: TransportError) => error.code));
  assert.equal(ends.filter((end) => end === "connect-failed").length, 4, "what opened the breakers");
  assert.equal(ends.filter((end) => end === "circuit-open").length, 2, "how it became known");
  assert.equal(ends.slice(9).every((end) => end === "c"), true);
  await call.close();
});
