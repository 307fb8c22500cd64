/**
 * cache() and coalesce() through thousands of random orders of events.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { cache, callContext, chain, coalesce, deadlinesOf, ManualClock, memoryStore } from "../../../mod.ts";
import { scripted, settle, Watched } from "../../support/calls.ts";
import { Random } from "../../support/random.ts";

const keys = ["a", "ab", "b"];
const maxBytes = 700;

/** One call, and what it may be answered with. */
interface Tracked {
  readonly watched: Watched<string>;
  readonly key: string;
  /** The first version of its key that was not invalidated when it was made. */
  readonly notBefore: number;
  readonly controller: AbortController;
  readonly deadline: number;
}

/** Replies say the version of their key that the service read when it was called. */
async function interleave(seed: number): Promise<void> {
  const random = new Random(seed);
  const clock = new ManualClock();
  const { service, calls } = scripted<string, string>();
  const kept = cache<string, string>({
    ttlMs: random.between(1, 40),
    staleWhileRevalidateMs: random.pick([0, 20]),
    staleIfErrorMs: random.pick([0, 30]),
    refreshTimeoutMs: 50,
    maxBytes,
    maxEntries: random.between(1, 3),
    tags: (_, request) => [`tag ${request[0]}`],
    store: random.oneIn(2) ? memoryStore() : undefined,
    sizeOf: () => 100,
    clock,
    wallClock: () => clock.now(),
  });
  const versions = new Map(keys.map((key) => [key, 0]));
  const floors = new Map(keys.map((key) => [key, 0]));
  const read: { key: string; version: number; done: boolean }[] = [];
  const reading = (request: string, context?: Parameters<typeof service>[1]) => {
    read.push({ key: request, version: versions.get(request)!, done: false });
    return service(request, context);
  };
  // Outside of the cache a call may join one that was made before an invalidation; what is held must not be touched by it.
  const joins = random.oneIn(3);
  const direct = random.oneIn(2) ? chain(reading, coalesce({ clock }), kept) : chain(reading, kept);
  const call = joins ? chain(direct, coalesce({ clock })) : direct;
  const tracked: Tracked[] = [];

  const begin = (): void => {
    const key = random.pick(keys);
    const controller = new AbortController();
    const deadline = random.oneIn(3) ? clock.now() + random.between(1, 40) : Infinity;
    const watched = new Watched(call(key, callContext({ signal: controller.signal, deadline })));
    tracked.push({ watched, key, notBefore: floors.get(key)!, controller, deadline });
  };
  const end = (): void => {
    const index = read.findIndex(({ done }) => !done && random.oneIn(2));
    if (index < 0) return;
    const { key, version } = read[index];
    read[index].done = true;
    if (random.oneIn(4)) calls[index].reject(new Error(`fault ${key}`));
    else calls[index].resolve(`${key}:${version}`);
  };
  const invalidate = async (): Promise<void> => {
    const key = random.pick(keys);
    const way = random.below(4);
    // First the data changes, then the cache is told.
    const meant = keys.filter((one) =>
      way === 0 ? one === key : way === 1 ? one[0] === key[0] : way === 2 ? one.startsWith(key) : true
    );
    for (const one of meant) {
      versions.set(one, versions.get(one)! + 1);
      floors.set(one, versions.get(one)!);
    }
    if (way === 0) await kept.invalidate(key);
    else if (way === 1) await kept.invalidateTag(`tag ${key[0]}`);
    else if (way === 2) await kept.invalidatePrefix(key);
    else await kept.clear();
  };

  for (let step = 0; step < 25; step++) {
    const at = random.below(10);
    if (at < 4 || tracked.length === 0) begin();
    else if (at < 7) end();
    else if (at === 7) await invalidate();
    else if (at === 8) random.pick(tracked).controller.abort();
    else await clock.advance(random.between(0, 30));
    if (random.oneIn(2)) await settle(12);
    assert.ok(kept.stats.bytes <= maxBytes, `seed ${seed}: ${kept.stats.bytes} bytes`);
  }
  await settle();
  for (let index = 0; index < calls.length; index++) {
    if (read[index].done) continue;
    read[index].done = true;
    calls[index].resolve(`${read[index].key}:${read[index].version}`);
    await settle(12);
  }
  await clock.advance(200);
  for (let index = 0; index < calls.length; index++) calls[index].resolve(`${read[index].key}:${read[index].version}`);
  await settle();
  for (const { watched, key, notBefore, deadline, controller } of tracked) {
    const what = `seed ${seed}, a call of ${key}`;
    assert.equal(watched.settled, 1, `${what} settles exactly once`);
    if (watched.reply !== undefined) {
      const [of, version] = watched.reply.split(":");
      assert.equal(of, key, `${what} gets its own reply`);
      assert.ok(
        joins || Number(version) >= notBefore,
        `${what} gets version ${version}, invalidated before it was made`,
      );
    } else if (watched.code === "cancelled") {
      assert.ok(controller.signal.aborted, `${what} is cancelled by its own caller alone`);
    } else if (watched.code === "deadline-exceeded") {
      assert.ok(deadline < Infinity, `${what} has only its own deadline`);
    } else {
      assert.equal((watched.error as Error).message, `fault ${key}`, what);
    }
  }
  assert.equal(deadlinesOf(clock).size, 0, `seed ${seed}: no joiner is left behind`);
  for (const key of keys) {
    // What is held now is no older than the last invalidation.
    const watched = new Watched(direct(key, callContext({ deadline: clock.now() + 1 })));
    await clock.advance(1);
    const version = Number(watched.reply?.split(":")[1] ?? Infinity);
    assert.ok(version >= floors.get(key)!, `seed ${seed}: ${key} is held in version ${version}`);
  }
}

Deno.test("cache() and coalesce() hold what they promise in 6 000 random orders of events", async () => {
  for (let seed = 1; seed <= 6_000; seed++) await interleave(seed);
});
