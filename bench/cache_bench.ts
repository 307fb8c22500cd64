/**
 * What a hit in cache() costs, and what coalesce() adds to a call.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { cache, chain, coalesce } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;
const KEYS = 100;
const TTL_MS = 60_000;

const keys = Array.from({ length: KEYS }, (_, i) => `key ${i}`);
const service = (request: string): Promise<number> => Promise.resolve(request.length);

const cached = chain(service, cache<string, number>({ ttlMs: TTL_MS }));
for (const key of keys) await cached(key);

const lru = new LRUCache<string, number>({ max: 10_000, ttl: TTL_MS });
for (const key of keys) lru.set(key, key.length);
/** How one puts lru-cache in front of a service. */
function byLruCache(request: string): Promise<number> {
  const found = lru.get(request);
  if (found !== undefined) return Promise.resolve(found);
  return service(request).then((reply) => {
    lru.set(request, reply);
    return reply;
  });
}

const fetching = new LRUCache<string, number>({ max: 10_000, ttl: TTL_MS, fetchMethod: (key) => service(key) });
for (const key of keys) await fetching.fetch(key);

const hits = new Group("cache(), hits", CALLS, "awaited call");

hits.floor("a service alone", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await service(keys[i % KEYS]);
  kept.value = sum;
});

hits.bench("cache()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await cached(keys[i % KEYS]);
  kept.value = sum;
});

hits.bench("lru-cache get() by hand, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await byLruCache(keys[i % KEYS]);
  kept.value = sum;
});

hits.bench("lru-cache fetch(), for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += (await fetching.fetch(keys[i % KEYS]))!;
  kept.value = sum;
});

const joining = chain(service, coalesce());
const alone = new Group("coalesce(), nothing to join", CALLS, "awaited call");

alone.floor("a service alone", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await service(keys[i % KEYS]);
  kept.value = sum;
});

alone.bench("coalesce()", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await joining(keys[i % KEYS]);
  kept.value = sum;
});
