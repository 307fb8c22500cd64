/**
 * cache() with a second level.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { cache, type CacheOptions, type CacheStore, chain, ManualClock, memoryStore } from "../../../mod.ts";
import { run } from "../../support/process.ts";
import { scripted, settle } from "../../support/calls.ts";
import { checkStore, stored } from "./_stores.ts";

const started = 1_700_000_000_000;

function setUp(store: CacheStore, options: Partial<CacheOptions<string, string>> = {}, clock = new ManualClock()) {
  const { service, calls } = scripted<string, string>();
  const wallClock = () => started + clock.now();
  const kept = cache<string, string>({ ttlMs: 100, clock, wallClock, store, ...options });
  const call = chain(service, kept);
  /** A call that is answered if it gets through to the inner service. */
  const ask = async (request: string, reply: string): Promise<string> => {
    const before = calls.length;
    const promise = call(request);
    await settle();
    if (calls.length > before) calls[before].resolve(reply);
    return promise;
  };
  return { clock, calls, kept, call, ask };
}

Deno.test("memoryStore() keeps and forgets as a store should", () => checkStore(memoryStore()));

Deno.test("memoryStore() forgets what was not used for longest, past its entries and its bytes", async () => {
  const store = memoryStore({ maxEntries: 2, maxBytes: 100 });
  await store.set("a", stored("A", ["t"]));
  await store.set("b", stored("B"));
  await store.get("a");
  await store.set("c", stored("C"));
  assert.equal(await store.get("b"), undefined);
  await store.set("d", stored("x".repeat(99)));
  assert.equal(await store.get("d"), undefined, "larger than all that may be kept");
  await store.set("e", stored("x".repeat(97)));
  assert.equal(await store.get("a"), undefined);
});

Deno.test("kvStore() keeps and forgets in Deno KV as a store should", async () => {
  const script = `
    import { kvStore } from ${JSON.stringify(import.meta.resolve("../../../src/call/cache/kv_store.ts"))};
    import { checkStore, stored } from ${JSON.stringify(import.meta.resolve("./_stores.ts"))};
    const kv = await Deno.openKv(":memory:");
    const store = kvStore({ kv, namespace: "test" });
    await checkStore(store);
    const left = [];
    for await (const { key } of kv.list({ prefix: [] })) left.push(key);
    await store.set("k", stored("", [], { bytes: new Uint8Array(130_000) }));
    await store.set("k", stored("small"));
    let pieces = 0;
    for await (const _ of kv.list({ prefix: ["test", "piece"] })) pieces++;
    if (pieces !== 1) throw new Error("pieces: " + pieces);
    if (left.some((key) => key[1] !== "tag")) throw new Error("left: " + JSON.stringify(left));
    const refused = await store.set("k".repeat(1600), stored("")).catch((error) => error.code);
    if (refused !== "message-too-large") throw new Error("refused: " + refused);
    kv.close();
    console.log("fine");
  `;
  const args = ["run", "--unstable-kv", "--no-lock", "--cached-only", "--allow-all", "-"];
  const { code, stdout, stderr } = await run(Deno.execPath(), args, { stdin: script, timeoutMs: 60_000 });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "fine\n");
});

Deno.test("cache() takes from the store what it does not hold, and gives the store what it loads", async () => {
  const store = memoryStore();
  const clock = new ManualClock();
  const [first, second] = [setUp(store, {}, clock), setUp(store, {}, clock)];
  assert.equal(await first.ask("a", "A"), "A");
  await clock.advance(60);
  assert.equal(await second.ask("a", "other"), "A");
  assert.equal(second.calls.length, 0);
  assert.equal(second.kept.stats.storeHits, 1);
  await clock.advance(30);
  assert.equal(await second.ask("a", "other"), "A");
  await clock.advance(10);
  assert.equal(await second.ask("a", "new"), "new", "its age did not begin again");
});

Deno.test("cache() keeps bytes and text apart in the store, and other replies by a codec", async () => {
  const store = memoryStore();
  const bytes = new Uint8Array([0, 1, 255]);
  for (const reply of ["täxt", bytes]) {
    const key = typeof reply;
    await chain((_: string): string | Uint8Array => reply, cache({ ttlMs: 100_000, store }))(key);
    await settle();
    const again = chain((_: string): string | Uint8Array => "other", cache({ ttlMs: 100_000, store }));
    assert.deepEqual(await again(key), reply);
  }
  const codec = {
    encode: (value: { n: number }) => new Uint8Array([value.n]),
    decode: (bytes: Uint8Array) => ({ n: bytes[0] }),
  };
  await chain((_: string) => ({ n: 7 }), cache({ ttlMs: 100_000, store, codec }))("n");
  await settle();
  assert.deepEqual(await chain((_: string) => ({ n: 0 }), cache({ ttlMs: 100_000, store, codec }))("n"), { n: 7 });
  const kept = cache<string, { n: number }>({ ttlMs: 100_000, store: memoryStore() });
  assert.deepEqual(await chain((_: string) => ({ n: 7 }), kept)("n"), { n: 7 });
  await settle();
  assert.equal(kept.stats.failures, 1, "without a codec the reply stays here");
});

Deno.test("cache() gives a stale reply of the store while it fetches a new one, or where it can't", async () => {
  const store = memoryStore();
  const clock = new ManualClock();
  const options = { staleWhileRevalidateMs: 50, staleIfErrorMs: 1000 };
  const first = setUp(store, options, clock);
  await first.ask("a", "old");
  await first.ask("b", "old");
  await clock.advance(120);
  const second = setUp(store, options, clock);
  assert.equal(await second.call("a"), "old");
  await settle();
  assert.equal(second.calls.length, 1);
  second.calls[0].resolve("new");
  await settle();
  assert.equal(await second.call("a"), "new");
  await clock.advance(100);
  const failing = second.call("b");
  await settle();
  second.calls[1].reject(new Error("fault"));
  assert.equal(await failing, "old");
});

Deno.test("cache() goes on without a store that fails or hangs", async () => {
  const fail = () => Promise.reject(new Error("store down"));
  const failing: CacheStore = { get: fail, set: fail, delete: fail, deleteTag: fail, deletePrefix: fail };
  const { ask, kept, calls } = setUp(failing);
  assert.equal(await ask("a", "A"), "A");
  assert.equal(await ask("a", "B"), "A");
  await settle();
  assert.deepEqual([calls.length, kept.stats.failures], [1, 2]);
  await assert.rejects(kept.invalidate("a"), /store down/);
  assert.equal(await ask("a", "B"), "B", "it is gone here all the same");

  const hang = () => new Promise<never>(() => {});
  const hanging = setUp({ get: hang, set: hang, delete: hang, deleteTag: hang, deletePrefix: hang }, {
    storeTimeoutMs: 20,
  });
  const reply = hanging.call("a");
  await hanging.clock.advance(20);
  hanging.calls[0].resolve("A");
  assert.equal(await reply, "A");
  assert.equal(hanging.clock.pending, 1, "the reply on its way to the store");
  await hanging.clock.advance(20);
  assert.equal(hanging.clock.pending, 0);
});

Deno.test("cache() takes what the store garbles for a miss", async () => {
  const store = memoryStore();
  await store.set("a", stored("x", [], { bytes: new Uint8Array([9]), storedAt: started }));
  await store.set("b", stored("", [], { bytes: new Uint8Array(0), storedAt: started }));
  const { ask, kept } = setUp(store);
  assert.equal(await ask("a", "A"), "A");
  assert.equal(await ask("b", "B"), "B");
  assert.equal(kept.stats.failures, 2);
});

Deno.test("cache() does not take back from the store what was invalidated, however slow the store is", async () => {
  const inner = memoryStore();
  const gates: (() => void)[] = [];
  const slow =
    <Args extends unknown[], T>(work: (...args: Args) => Promise<T>) => async (...args: Args): Promise<T> => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return await work(...args);
    };
  const store: CacheStore = { ...inner, get: inner.get, set: slow(inner.set), delete: slow(inner.delete) };
  const { ask, call, calls, kept, clock } = setUp(store);
  await ask("a", "old");
  await clock.advance(1);
  const invalidated = kept.invalidate("a");
  await settle();
  assert.equal(gates.length, 1, "the old reply is still on its way; deleting waits for it");
  gates.shift()!();
  await settle();
  const reply = call("a");
  await settle();
  assert.equal(calls.length, 2, "the store still has it, and it is not taken");
  gates.shift()!();
  await invalidated;
  calls[1].resolve("new");
  assert.equal(await reply, "new");
  gates.shift()!();
});

Deno.test("cache() does not take what was invalidated while the store looked for it, whatever its clock says", async () => {
  const gate = Promise.withResolvers<void>();
  const inner = memoryStore();
  await inner.set("a", { ...stored("\x01old"), storedAt: started + 1e9 });
  const { call, calls, kept } = setUp({ ...inner, get: (key) => gate.promise.then(() => inner.get(key)) });
  const reply = call("a");
  await kept.invalidate("a");
  await inner.set("a", { ...stored("\x01old"), storedAt: started + 1e9 });
  gate.resolve();
  await settle();
  calls[0].resolve("new");
  assert.equal(await reply, "new");
});

Deno.test("cache() does not put an older reply of the store in the place of its own", async () => {
  const inner = memoryStore();
  let broken = false;
  const store: CacheStore = {
    ...inner,
    set: (key, reply) => broken ? Promise.reject(new Error("full")) : inner.set(key, reply),
  };
  const { ask, call, calls, clock } = setUp(store, { staleIfErrorMs: 10_000 });
  await ask("a", "first");
  await clock.advance(150);
  broken = true;
  await ask("a", "second");
  await clock.advance(150);
  const reply = call("a");
  await settle();
  calls.at(-1)!.reject(new Error("fault"));
  assert.equal(await reply, "second");
});
