/**
 * cache(): invalidation, also of what is under way, setting and warming.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { cache, type CacheOptions, callContext, chain, ManualClock } from "../../../mod.ts";
import { failure, scripted, settle, Watched } from "../../support/calls.ts";

function setUp(options: Partial<CacheOptions<string, string>> = {}) {
  const clock = new ManualClock();
  const { service, calls } = scripted<string, string>();
  const kept = cache<string, string>({ ttlMs: 100, clock, tags: (reply) => reply.split(" "), ...options });
  const call = chain(service, kept);
  const ask = (request: string, reply: string): Promise<string> => {
    const before = calls.length;
    const promise = call(request);
    if (calls.length > before) calls[before].resolve(reply);
    return promise;
  };
  return { clock, calls, kept, call, ask };
}

/** Which keys are not asked for again. */
async function held({ ask, calls }: ReturnType<typeof setUp>, keys: string[]): Promise<string> {
  const there: string[] = [];
  for (const key of keys) {
    const before = calls.length;
    await ask(key, "again");
    if (calls.length === before) there.push(key);
  }
  return there.join(" ");
}

Deno.test("cache() forgets by key, by tag, by prefix, and all", async () => {
  const ways: [(world: ReturnType<typeof setUp>) => Promise<void>, string][] = [
    [({ kept }) => kept.invalidate("user 1"), "user 2 order 1"],
    [({ kept }) => kept.invalidateTag("red"), "user 1"],
    [({ kept }) => kept.invalidateTag("nobody has it"), "user 1 user 2 order 1"],
    [({ kept }) => kept.invalidatePrefix("user "), "order 1"],
    [({ kept }) => kept.clear(), ""],
  ];
  for (const [invalidate, left] of ways) {
    const world = setUp();
    await world.ask("user 1", "blue");
    await world.ask("user 2", "red blue");
    await world.ask("order 1", "red");
    await invalidate(world);
    assert.equal(await held(world, ["user 1", "user 2", "order 1"]), left);
  }
});

Deno.test("cache() forgets the tags of what made room", async () => {
  const world = setUp({ maxEntries: 1 });
  await world.ask("a", "red");
  await world.ask("b", "blue");
  await world.kept.invalidateTag("red");
  assert.equal(await held(world, ["b"]), "b");
});

Deno.test("cache() does not keep a load that an invalidation overtook, and nobody who comes later joins it", async () => {
  for (const how of ["invalidate", "invalidateTag", "invalidatePrefix", "clear"] as const) {
    const { kept, call, calls } = setUp();
    const first = call("a key");
    await kept[how](how === "invalidateTag" ? "old" : "a key");
    const second = call("a key");
    assert.equal(calls.length, 2, how);
    calls[0].resolve("old");
    calls[1].resolve("new");
    assert.deepEqual([await first, await second], ["old", "new"]);
    assert.equal(await call("a key"), "new");
  }
});

Deno.test("cache() does not let an overtaken load replace what came after it", async () => {
  const { kept, call, calls } = setUp();
  const first = call("a");
  await kept.invalidate("a");
  const second = call("a");
  calls[1].resolve("new");
  assert.equal(await second, "new");
  calls[0].resolve("old");
  assert.equal(await first, "old");
  assert.equal(await call("a"), "new");
  assert.equal(calls.length, 2);
});

Deno.test("cache() keeps a load whose reply has not the tag that was invalidated meanwhile", async () => {
  const { kept, call, calls } = setUp();
  const first = call("a");
  await kept.invalidateTag("blue");
  calls[0].resolve("red");
  await first;
  assert.equal(await call("a"), "red");
  assert.equal(calls.length, 1);
});

Deno.test("cache() does not keep an old load after more invalidations than it remembers", async () => {
  const { kept, call, calls } = setUp();
  const first = call("a");
  await kept.invalidate("a");
  for (let i = 0; i < 300; i++) await kept.invalidate(`other ${i}`);
  calls[0].resolve("old");
  await first;
  assert.equal(kept.stats.entries, 0);
});

Deno.test("cache() does not remember an error that an invalidation overtook", async () => {
  const { kept, call, calls } = setUp({ negative: { ttlMs: 50, when: () => true } });
  const first = call("a");
  await kept.invalidate("a");
  calls[0].reject(new Error("missing"));
  await assert.rejects(first);
  new Watched(call("a"));
  assert.equal(calls.length, 2);
});

Deno.test("cache() does not put back by a refresh what was invalidated", async () => {
  const { kept, call, ask, calls, clock } = setUp({ staleWhileRevalidateMs: 100 });
  await ask("a", "old");
  await clock.advance(150);
  assert.equal(await call("a"), "old");
  await kept.invalidate("a");
  calls[1].resolve("old");
  await settle();
  assert.equal(kept.stats.entries, 0);
});

Deno.test("cache() keeps a reply that is set, over a load that is under way", async () => {
  const { kept, call, calls } = setUp();
  const first = call("a");
  kept.set("a", "set");
  calls[0].resolve("loaded");
  assert.equal(await first, "loaded");
  assert.equal(await call("a"), "set");
  assert.equal(calls.length, 1);
});

Deno.test("cache() warms what it does not hold, a few at a time, and counts what failed", async () => {
  const { kept, call, ask, calls } = setUp();
  await ask("1", "x");
  const warmed = kept.warm(["1", "2", "3", "4", "5"], { concurrency: 2 });
  for (let next = 1; next < 5; next++) {
    await settle();
    assert.ok(calls.length <= next + 2, "two at a time");
    if (next === 3) calls[next].reject(new Error("fault"));
    else calls[next].resolve("warm");
  }
  assert.equal(await warmed, 1);
  assert.deepEqual(calls.map(({ request }) => request), ["1", "2", "3", "4", "5"]);
  assert.equal(await call("5"), "warm");
  assert.equal(calls.length, 5);
});

Deno.test("cache() can be cancelled while it warms, and refuses to where it stands around nothing", async () => {
  const { kept, calls } = setUp();
  const controller = new AbortController();
  const warmed = kept.warm(["1", "2", "3"], { concurrency: 1, context: callContext({ signal: controller.signal }) });
  await settle();
  controller.abort();
  assert.equal(await warmed, 3);
  assert.equal(calls.length, 1);
  await failure(cache<string, string>({ ttlMs: 1 }).warm(["1"]), "unsupported");
});

Deno.test("cache() forgets by the tags that a reply has now, not by those of the one before", async () => {
  const world = setUp();
  await world.ask("a", "red");
  await world.clock.advance(100);
  await world.ask("a", "blue");
  await world.kept.invalidateTag("red");
  assert.equal(await held(world, ["a"]), "a");
});

Deno.test("cache() still joins the load that came after an overtaken one has ended", async () => {
  const { kept, call, calls } = setUp();
  const first = call("a");
  await kept.invalidate("a");
  const second = call("a");
  calls[0].resolve("old");
  await first;
  const third = call("a");
  assert.equal(calls.length, 2);
  calls[1].resolve("new");
  assert.deepEqual([await second, await third], ["new", "new"]);
});
