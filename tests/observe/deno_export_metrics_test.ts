/**
 * Metrics of pools, breakers, batches, limits, caches and bandwidth, as Deno
 * exports them: received and decoded here.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Collector } from "./_collector.ts";
import { runExporting } from "./_exporting.ts";

for (const protocol of ["http/json", "http/protobuf"]) {
  Deno.test(`Deno exports the metrics of everything that stands on a client [${protocol}]`, async () => {
    await using collector = new Collector();
    const { codes } = JSON.parse(await runExporting("./_metered_program.ts", collector, protocol, 100));
    assert.deepEqual(codes, ["connection-lost", "connection-lost", "circuit-open", "rate-limited"]);

    /** The last value of each series, by its labels; all must have the unit and come from here. */
    const latest = (name: string, unit: string): Record<string, number> => {
      const found = collector.values.filter((value) => value.name === `wireway.${name}`);
      return Object.fromEntries(found.map(({ scope, unit: is, attributes, value }) => {
        assert.deepEqual([scope, is ?? ""], ["wireway", unit], name);
        return [Object.values(attributes).sort().join(" "), value];
      }));
    };

    // What the observer heard.
    assert.deepEqual(latest("call.rejections", "{call}"), { "circuit-open stock": 1, "often rate-limited": 1 });
    assert.deepEqual(latest("call.answers", "{call}"), { "cache names": 1 });
    assert.deepEqual(latest("policy.transitions", "{transition}"), { "closed open stock": 1 });
    assert.deepEqual(latest("policy.state", ""), { "closed stock": 0, "open stock": 1 });
    assert.ok("client tcp" in latest("open_connections", "{connection}"));

    // What is read of the pool and the breaker.
    assert.deepEqual(latest("pool.connections", "{connection}"), {
      "active stock": 0,
      "idle stock": 1,
      "draining stock": 0,
      "dialling stock": 0,
    });
    assert.deepEqual(latest("pool.calls", "{call}"), { stock: 4 });
    for (const [name, unit] of [["waiting_calls", "{call}"], ["timeouts", "{call}"], ["dial_failures", "{attempt}"]]) {
      assert.deepEqual(latest(`pool.${name}`, unit), { stock: 0 });
    }
    assert.deepEqual(latest("breaker.state", ""), {
      "closed stock": 0,
      "open stock": 1,
      "half-open stock": 0,
      "isolated stock": 0,
    });

    // Of messages: the hello of mux(), and four calls, of which two went together and one is of 1000 bytes.
    const sent = latest("batch.messages", "{message}").stock;
    assert.ok(sent >= 4 && latest("batch.batches", "{batch}").stock < sent, `${sent} messages in fewer batches`);
    assert.ok(latest("batch.largest", "{message}").stock >= 2);
    assert.ok(latest("batch.content", "By").stock > 1000);
    const [before, after] = ["input", "output"].map((name) => latest(`compression.${name}`, "By").stock);
    assert.ok(before > 1000 && after < before / 2, `${before} bytes as ${after}`);
    assert.equal(latest("compression", "1").stock, before / after);
    assert.equal(latest("compression.messages", "{message}")["compressed stock"], 1);
    assert.ok(latest("bandwidth.sent", "By")["3 stock"] > 0, "in the class that calls have by default");
    assert.ok("stock" in latest("bandwidth.queued", "By") && "stock" in latest("bandwidth.flight", "By"));

    // Of limits and the cache.
    assert.deepEqual(latest("limiter.rejections", "{call}"), { "at-once": 0, "often": 1 });
    assert.deepEqual(latest("limiter.limit", "{call}"), { "at-once": 10 });
    assert.deepEqual(latest("limiter.active_calls", "{call}"), { "at-once": 0 });
    assert.deepEqual(latest("limiter.waiting_calls", "{call}"), { "at-once": 0, "often": 0 });
    assert.deepEqual(latest("limiter.keys", "{key}"), { "often": 1 });
    assert.deepEqual(latest("cache.calls", "{call}"), { "hit names": 1, "miss names": 6, "names stale": 0 });
    assert.deepEqual(latest("cache.loads", "{call}"), { names: 6 });
    assert.deepEqual(latest("cache.load_failures", "{call}"), { names: 4 });
    assert.deepEqual(latest("cache.evictions", "{reply}"), { names: 0 });
    assert.deepEqual(latest("cache.replies", "{reply}"), { names: 2 });
    assert.ok(latest("cache.held", "By").names > 1000);
  });
}
