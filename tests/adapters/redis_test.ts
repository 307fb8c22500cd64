/**
 * redisStore() and redisRates(): shared by processes, and with Redis away.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Redis } from "ioredis";
import { cache, chain, rateLimit, type TransportEvent } from "../../mod.ts";
import { type RedisConnectionOptions, redisRates, type RedisRatesOptions, redisStore } from "../../adapters/redis.ts";
import { checkStore, stored } from "../call/cache/_stores.ts";
import { redisServer, startRedis } from "../support/brokers.ts";
import { failure } from "../support/calls.ts";
import { until } from "../support/channels.ts";
import { peerTest, run } from "../support/peer.ts";

const window = { calls: 10, perMs: 60_000, burst: 10 };

Deno.test("redisStore() without a server keeps and forgets in this process", async () => {
  await using store = redisStore();
  await checkStore(store);
});

peerTest(
  "redisStore() keeps and forgets in Redis as a store should, and leaves nothing behind",
  [redisServer],
  async () => {
    await using broker = await startRedis();
    const [server] = broker.servers;
    await using other = redisStore({ server, namespace: "other[*" });
    await other.set("a", stored("untouched"));
    // In a process of its own: the client tidies up after a large reply for a second, and tells nobody when it has.
    const script = `
    import { redisStore } from ${JSON.stringify(import.meta.resolve("../../adapters/redis.ts"))};
    import { checkStore } from ${JSON.stringify(import.meta.resolve("../call/cache/_stores.ts"))};
    const store = redisStore({ server: ${JSON.stringify(server)}, namespace: "te*st" });
    await checkStore(store);
    await store.close();
    console.log("fine");
  `;
    const args = ["run", "--cached-only", "--allow-all", "-"];
    const { stdout, stderr } = await run(Deno.execPath(), args, { stdin: script, timeoutMs: 60_000 });
    assert.equal(stdout, "fine\n", stderr);
    assert.notEqual(await other.get("a"), undefined);
    const client = new Redis(broker.port);
    const left = await client.keys("*");
    for (const key of left) assert.notEqual(await client.pttl(key), -1, `${key} stays for ever`);
    await other.set("*", stored("star"));
    await other.deletePrefix("*");
    assert.equal(await other.get("*"), undefined);
    assert.notEqual(await other.get("a"), undefined, "a star is a star");
    await client.quit();
  },
);

peerTest("redisStore() has Redis forget a reply when its time is over, a tag after the last of its replies", [
  redisServer,
], async () => {
  await using broker = await startRedis();
  await using store = redisStore({ server: broker.servers[0] });
  const client = new Redis(broker.port);
  await store.set("a", stored("A", ["t"], { freshMs: 10_000, staleMs: 500, errorMs: 2000 }));
  const ttl = await client.pttl("{wireway}:reply:a");
  assert.ok(ttl > 12_000 && ttl <= 13_000, `${ttl}`);
  await store.set("b", stored("B", ["t"], { freshMs: 1000 }));
  assert.ok(await client.pttl("{wireway}:tag:t") > 12_000, "the tag lives as long as a");
  await store.set("c", stored("C", ["t"], { freshMs: Infinity }));
  assert.equal(await client.pttl("{wireway}:reply:c"), -1);
  assert.equal(await client.pttl("{wireway}:tag:t"), -1);
  assert.equal((await store.get("c"))!.freshMs, Infinity);
  await store.set("d", stored("D", ["t"]));
  assert.equal(await client.pttl("{wireway}:tag:t"), -1, "and as long as c");
  await failure(store.set("e", stored("x".repeat(1024 * 1024 + 1))), "message-too-large", "no");
  await client.quit();
});

peerTest("a cache over redisStore() has what another process loaded, and goes on while Redis is away", [
  redisServer,
], async () => {
  await using broker = await startRedis();
  let loads = 0;
  const events: TransportEvent[] = [];
  const made = Array.from({ length: 2 }, () => {
    const store = redisStore({ server: broker.servers[0], timeoutMs: 500 });
    const kept = cache<string, string>({ ttlMs: 60_000, store, observer: (event) => void events.push(event) });
    return { store, kept, call: chain((name: string) => `${name} ${++loads}`, kept) };
  });
  const [first, second] = made;
  assert.equal(await first.call("a"), "a 1");
  await until(() => first.kept.stats.failures === 0, "nothing failed");
  await until(async () => await second.store.get("a") !== undefined, "the reply in Redis");
  assert.equal(await second.call("a"), "a 1");
  await broker.kill();
  assert.equal(await first.call("a"), "a 1", "it is held here");
  assert.equal(await first.call("b"), "b 2");
  assert.ok(events.some(({ type }) => type === "cache-failed"));
  await failure(first.kept.invalidate("a"), "connection-lost");
  assert.equal(await first.call("a"), "a 3", "it is gone here all the same");
  await broker.start();
  await until(async () => await first.store.get("zzz").catch(() => null) === undefined, "Redis again");
  await first.kept.invalidate("a");
  for (const { store } of made) await store.close();
  await failure(first.store.get("a"), "connection-lost");
});

peerTest("redisRates() gives all processes one limit, by the clock of Redis", [redisServer], async () => {
  await using broker = await startRedis();
  const all = [1, 2, 3].map(() => redisRates({ server: broker.servers[0] }));
  const waits = await Promise.all(Array.from({ length: 60 }, (_, i) => all[i % 3].take("k", 1, [window])));
  assert.equal(waits.filter((wait) => wait === 0).length, 10);
  const longest = Math.max(...waits);
  assert.ok(longest > 0 && longest <= 6000, `one is earned in 6 s: ${longest}`);
  assert.equal(await all[0].take("other", 10, [window]), 0);
  assert.equal(await all[0].take("other", 11, [window]), Infinity);
  // All windows, or none of them.
  const narrow = { calls: 1, perMs: 60_000, burst: 1 };
  assert.equal(await all[1].take("two", 1, [window, narrow]), 0);
  for (let i = 0; i < 20; i++) assert.ok(await all[2].take("two", 1, [window, narrow]) > 0);
  for (let i = 0; i < 20; i++) assert.ok(await all[2].take("two", 1, [narrow, window]) > 0);
  assert.equal(await all[0].take("two", 9, [window]), 0, "what was refused has spent nothing");
  assert.equal(await all[0].take("free", 0, [window]), 0);
  const client = new Redis(broker.port);
  for (const key of await client.keys("*")) assert.notEqual(await client.pttl(key), -1, `${key} stays for ever`);
  await client.quit();
  for (const rates of all) await rates.close();
});

peerTest("rateLimit() over redisRates() refuses, limits alone or lets pass while Redis is away, as it was told", [
  redisServer,
], async () => {
  await using broker = await startRedis();
  const set = (whenAway: RedisRatesOptions["whenAway"]) => {
    const store = redisRates({ server: broker.servers[0], whenAway, timeoutMs: 500 });
    return { store, call: chain((name: string) => name, rateLimit({ windows: [{ ...window, burst: 2 }], store })) };
  };
  const [local, open, closed] = [set("local"), set("open"), set("closed")];
  for (const { call } of [local, open]) assert.equal(await call("a"), "a");
  const refused = await failure(closed.call("a"), "rate-limited", "no");
  assert.ok(refused.retryAfterMs! > 0);
  await broker.kill();
  for (let i = 0; i < 5; i++) assert.equal(await open.call("a"), "a");
  for (let i = 0; i < 2; i++) assert.equal(await local.call("a"), "a");
  await failure(local.call("a"), "rate-limited", "no");
  assert.match((await failure(closed.call("a"), "rate-limited", "no")).message, /can't be asked/);
  assert.deepEqual([local, open, closed].map(({ store }) => store.failures), [3, 5, 1]);
  for (const { store } of [local, open, closed]) await store.close();
});

Deno.test("redisRates() without a server limits in this process", async () => {
  await using rates = redisRates();
  const windows = [window];
  const waits = await Promise.all(Array.from({ length: 12 }, () => rates.take("k", 1, windows)));
  assert.equal(waits.filter((wait) => wait === 0).length, 10);
});

Deno.test("redisStore() and redisRates() refuse options that are not allowed, naming them", () => {
  assert.throws(() => redisStore({ server: "a b" }), { code: "invalid-option", message: /option server is "a b"/ });
  assert.throws(() => redisStore({ server: "host:99999" }), /option server/);
  assert.throws(() => redisStore({ maxReplyBytes: 0 }), /option maxReplyBytes is 0/);
  assert.throws(() => redisRates({ whenAway: "maybe" as "open" }), /option whenAway is "maybe"/);
  assert.throws(() => redisRates({ timeoutMs: 0 }), /option timeoutMs is 0/);
});

peerTest(
  "redisStore() shows who it is to a Redis that asks, keeps to its database, and says where that is not enough",
  [
    redisServer,
  ],
  async () => {
    await using broker = await startRedis("--requirepass", "secret");
    const [server] = broker.servers;
    const as = (connection: RedisConnectionOptions) => redisStore({ server, connection });
    const [here, there, nobody] = [as({ password: "secret" }), as({ password: "secret", database: 1 }), as({})];
    await here.set("a", stored("A"));
    assert.notEqual(await here.get("a"), undefined);
    assert.equal(await there.get("a"), undefined);
    await failure(nobody.get("a"), "connection-lost");
    assert.throws(() => as({ db: 1 } as object), { code: "invalid-option", message: /no option "db"/ });
    for (const store of [here, there, nobody]) await store.close();
  },
);
