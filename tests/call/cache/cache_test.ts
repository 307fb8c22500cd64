/**
 * cache(): keeps replies, for how long, and what makes room.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  type Cache,
  cache,
  type CacheOptions,
  callContext,
  chain,
  deadlinesOf,
  idempotent,
  ManualClock,
  TransportError,
  type TransportEvent,
} from "../../../mod.ts";
import { failure, scripted, settle, Watched } from "../../support/calls.ts";

function setUp(options: Partial<CacheOptions<string, string>> = {}) {
  const clock = new ManualClock();
  const { service, calls } = scripted<string, string>();
  const events: TransportEvent[] = [];
  const observer = (event: TransportEvent) => events.push(event);
  const kept: Cache<string, string> = cache({ ttlMs: 100, clock, observer, ...options });
  const call = chain(service, kept);
  /** A call that is answered at once, if it gets through. */
  const ask = (request: string, reply = request.toUpperCase()): Promise<string> => {
    const before = calls.length;
    const promise = call(request);
    if (calls.length > before) calls[before].resolve(reply);
    return promise;
  };
  return { clock, calls, kept, call, ask, events, queue: deadlinesOf(clock) };
}

Deno.test("cache() answers a later call of the same key with the reply it has, until its time is over", async () => {
  const { ask, calls, clock, kept } = setUp();
  assert.equal(await ask("a"), "A");
  await clock.advance(99);
  assert.equal(await ask("a"), "A");
  assert.equal(calls.length, 1);
  await clock.advance(1);
  assert.equal(await ask("a", "new"), "new");
  assert.equal(await ask("a"), "new");
  const { hits, misses, loads } = kept.stats;
  assert.deepEqual([hits, misses, loads], [2, 2, 2]);
});

Deno.test("cache() makes one call for a key that many want at once, and gives each its reply or error", async () => {
  const { call, calls, kept } = setUp();
  const all = Array.from({ length: 50 }, () => new Watched(call("a")));
  assert.equal(calls.length, 1);
  calls[0].resolve("A");
  await settle();
  assert.ok(all.every(({ reply, settled }) => reply === "A" && settled === 1));
  assert.equal(kept.stats.joined, 49);
  const failing = [new Watched(call("b")), new Watched(call("b"))];
  calls[1].reject(new Error("fault"));
  await settle();
  assert.ok(failing.every(({ error }) => (error as Error).message === "fault"));
});

Deno.test("cache() lets each who waits give up by itself, and cancels the load with the last", async () => {
  const { call, calls, clock, queue, kept } = setUp();
  const controller = new AbortController();
  const all = [
    new Watched(call("a", callContext({ deadline: 30 }))),
    new Watched(call("a", callContext({ signal: controller.signal }))),
  ];
  await clock.advance(30);
  assert.deepEqual(all.map(({ code }) => code), ["deadline-exceeded", undefined]);
  assert.deepEqual([calls[0].cancelled], [undefined]);
  controller.abort();
  await settle();
  assert.deepEqual([all[1].code, calls[0].cancelled], ["cancelled", all[1].error]);
  calls[0].resolve("too late");
  await settle();
  assert.equal(kept.stats.entries, 0, "what nobody waited for is not kept");
  assert.equal(queue.size, 0);
});

Deno.test("cache() forgets what was not used for longest, past its entries", async () => {
  const { ask, kept, calls } = setUp({ maxEntries: 3 });
  for (const key of ["a", "b", "c", "a", "d"]) await ask(key);
  assert.equal(kept.stats.entries, 3);
  assert.equal(kept.stats.evictions, 1);
  const before = calls.length;
  for (const key of ["a", "c", "d"]) await ask(key);
  assert.equal(calls.length, before, "they are still there");
  await ask("b");
  assert.equal(calls.length, before + 1, "it made room");
});

Deno.test("cache() never holds more bytes than it may, and not what alone is more", async () => {
  const { ask, kept, calls } = setUp({ maxBytes: 2000, sizeOf: (reply) => Number(reply) });
  for (const [index, size] of [700, 300, 900, 100, 500, 1500].entries()) {
    await ask(`k${index}`, String(size));
    assert.ok(kept.stats.bytes <= 2000, `${kept.stats.bytes}`);
  }
  const { entries } = kept.stats;
  await ask("large", "2000");
  assert.equal(kept.stats.entries, entries, "nothing had to make room for it");
  await ask("large", "2000");
  assert.equal(calls.length, 8);
});

Deno.test("cache() counts text by its characters, bytes by their length, the rest by its fields", async () => {
  const sizes: number[] = [];
  for (const reply of ["x".repeat(1000), new Uint8Array(1000), { a: "x".repeat(1000), list: [1, 2] }, 7, null]) {
    const kept = cache<string, unknown>({ ttlMs: 100 });
    await chain((_: string): unknown => reply, kept)("k");
    sizes.push(kept.stats.bytes - 202);
  }
  assert.deepEqual(sizes.slice(0, 2), [2000, 1000]);
  assert.ok(sizes[2] > 2000 && sizes[2] < 2300, `${sizes[2]}`);
  assert.deepEqual(sizes.slice(3), [8, 8]);
});

Deno.test("cache() gives a stale reply at once while one call fetches a new one", async () => {
  const { call, ask, calls, clock, events, kept } = setUp({ staleWhileRevalidateMs: 50 });
  await ask("a");
  await clock.advance(120);
  assert.deepEqual(await Promise.all([call("a"), call("a"), call("a")]), ["A", "A", "A"]);
  assert.equal(calls.length, 2, "one refresh");
  calls[1].resolve("new");
  await settle();
  assert.equal(await call("a"), "new");
  assert.equal(kept.stats.stale, 3);
  assert.deepEqual(events.at(-1), { type: "call-answered", policy: "cache", from: "cache" });
  assert.deepEqual(events[0], { type: "call-answered", policy: "cache", from: "stale" });
  await clock.advance(150);
  new Watched(call("a"));
  assert.equal(calls.length, 3);
  assert.equal(kept.stats.stale, 3, "its time is over");
});

Deno.test("cache() goes on giving a stale reply where the refresh fails, and tries again", async () => {
  const { call, ask, calls, clock } = setUp({ staleWhileRevalidateMs: 50 });
  await ask("a");
  await clock.advance(120);
  assert.equal(await call("a"), "A");
  calls[1].reject(new Error("fault"));
  await settle();
  assert.equal(await call("a"), "A");
  assert.equal(calls.length, 3);
});

Deno.test("cache() ends a refresh that takes too long, and one that its caller has given up goes on", async () => {
  const { call, ask, calls, clock } = setUp({ staleWhileRevalidateMs: 10_000, refreshTimeoutMs: 1000 });
  await ask("a");
  await clock.advance(200);
  const controller = new AbortController();
  assert.equal(await call("a", callContext({ signal: controller.signal, deadline: 201 })), "A");
  controller.abort();
  await clock.advance(999);
  assert.deepEqual([calls[1].cancelled], [undefined]);
  await clock.advance(1);
  assert.equal(calls[1].cancelled?.code, "deadline-exceeded");
  assert.equal(await call("a"), "A");
  assert.equal(calls.length, 3, "the next one begins anew");
});

Deno.test("cache() runs no more refreshes at once than it may", async () => {
  const { call, ask, calls, clock } = setUp({ staleWhileRevalidateMs: 50, maxRefreshes: 2 });
  for (const key of ["a", "b", "c"]) await ask(key);
  await clock.advance(120);
  assert.deepEqual(await Promise.all(["a", "b", "c"].map((key) => call(key))), ["A", "B", "C"]);
  assert.equal(calls.length, 5);
  calls[3].resolve("new");
  await settle();
  await call("c");
  assert.equal(calls.length, 6);
});

Deno.test("cache() gives a stale reply where a new one can't be had, but not for a caller's own fault", async () => {
  const { call, ask, calls, clock, kept } = setUp({ staleIfErrorMs: 1000 });
  await ask("a");
  await clock.advance(200);
  const outage = (error: unknown) => {
    const promise = call("a");
    calls.at(-1)!.reject(error);
    return promise;
  };
  assert.equal(await outage(new Error("fault")), "A");
  assert.equal(await outage(new TransportError("circuit-open", "Circuit open")), "A");
  assert.equal(await outage(new TransportError("overloaded", "Busy", { remote: true })), "A");
  await failure(outage(new TransportError("invalid-request", "No")), "invalid-request");
  assert.equal(kept.stats.stale, 3);
  await clock.advance(900);
  await assert.rejects(outage(new Error("fault")), /fault/);
});

Deno.test("cache() forgets errors (dataloader keeps them), but for those that it is told to keep", async () => {
  const { call, calls, clock, kept } = setUp({
    negative: { ttlMs: 10, when: (error, outcome) => outcome === "failure" && /missing/.test(String(error)) },
  });
  const fail = (message: string) => {
    const before = calls.length;
    const promise = call("a");
    if (calls.length > before) calls[before].reject(new Error(message));
    return assert.rejects(promise, new RegExp(message));
  };
  await fail("fault");
  await fail("missing");
  assert.equal(calls.length, 2);
  await fail("missing");
  assert.equal(calls.length, 2, "remembered");
  assert.equal(kept.stats.hits, 1);
  await clock.advance(10);
  await fail("fault");
  assert.equal(calls.length, 3);
});

Deno.test("cache() never remembers that a call was cancelled", async () => {
  const { call, calls } = setUp({ negative: { ttlMs: 10, when: () => true } });
  const first = call("a");
  calls[0].reject(new TransportError("cancelled", "Gone"));
  await failure(first, "cancelled");
  new Watched(call("a"));
  assert.equal(calls.length, 2);
});

Deno.test("cache() keeps each reply for as long as a function says, and not at all for 0", async () => {
  const { ask, calls, clock } = setUp({ ttlMs: (reply, request) => reply === "none" ? 0 : request.length * 100 });
  await ask("a", "none");
  await ask("a", "none");
  assert.equal(calls.length, 2);
  await ask("aa", "x");
  await clock.advance(150);
  assert.equal(await ask("aa", "y"), "x");
  await clock.advance(50);
  assert.equal(await ask("aa", "y"), "y");
});

Deno.test("cache() lets what has no key go past", () => {
  const { call, calls, kept } = setUp({ key: (request) => request.startsWith("get") ? request : undefined });
  for (let i = 0; i < 2; i++) new Watched(call("set x"));
  new Watched(call("get x", background.set(idempotent, false)));
  new Watched(call("get x", background.set(idempotent, false)));
  assert.equal(calls.length, 4);
  assert.equal(kept.stats.misses, 0);
});

Deno.test("cache() gives the reply where a function in its options fails, and tells of it", async () => {
  const fault = (): never => {
    throw new Error("bad option");
  };
  for (const bad of [{ ttlMs: fault }, { tags: fault }, { sizeOf: fault }]) {
    const { ask, kept, events } = setUp(bad);
    assert.equal(await ask("a"), "A");
    assert.equal(kept.stats.entries, 0);
    assert.equal(kept.stats.failures, 1);
    assert.equal(events[0].type, "cache-failed");
  }
});

Deno.test("cache() refuses what it can't key or keep, saying what to do", async () => {
  const keyless = chain((request: { id: number }) => request.id, cache({ ttlMs: 1 }));
  assert.match((await failure(keyless({ id: 1 }), "unsupported", "no")).message, /give cache\(\) a key/);
  const response = new Response("body");
  const http = chain((_: string) => response, cache({ ttlMs: 1 }));
  assert.match((await failure(http("a"), "unsupported", "yes")).message, /httpCache\(\)/);
  assert.ok(response.bodyUsed, "its body is not left unread");
});

Deno.test("cache() refuses options that make no sense, and to stand around two services", () => {
  const wrong: unknown[] = [{}, { ttlMs: -1 }, { ttlMs: "1" }, { ttlMs: 1, maxEntries: 0 }, { ttlMs: 1, x: 1 }, {
    ttlMs: 1,
    negative: { ttlMs: 1 },
  }, { ttlMs: 1, negative: { when: () => true } }];
  for (const options of wrong) {
    assert.throws(() => cache(options as CacheOptions<string, string>), { code: "invalid-option" });
  }
  const { kept } = setUp();
  assert.throws(() => kept(() => Promise.resolve("")), { code: "invalid-option" });
});
