/**
 * Metrics of caches and limits.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  bulkhead,
  cache,
  cacheMetrics,
  chain,
  concurrencyLimit,
  httpCache,
  limitMetrics,
  loadShed,
  ManualClock,
  type MetricSource,
  rateLimit,
  TransportError,
} from "../../mod.ts";

/** The values of a source by the name of their metric and their labels. */
function valuesOf(source: MetricSource): Record<string, unknown> {
  return Object.fromEntries(
    source().flatMap(({ name, unit, series }) =>
      series.map(({ labels, value }) => [[name, unit, ...Object.values(labels)].join(" "), value])
    ),
  );
}

Deno.test("a cache tells of hits, misses and stale replies, of what it loads, and of what it holds", async () => {
  const clock = new ManualClock();
  const names = cache<string, string>({ ttlMs: 1000, staleWhileRevalidateMs: 1000, maxEntries: 2, clock });
  const load = (key: string): string => {
    if (key === "bad") throw new TransportError("overloaded", "Cannot load: too much to do");
    return `name of ${key}`;
  };
  const call = chain(load, names);
  for (const key of ["a", "a", "a", "b", "c"]) await call(key);
  await assert.rejects(call("bad"));
  await clock.advance(1500);
  await call("c");
  const { "wireway.cache.held By names": held, ...rest } = valuesOf(cacheMetrics(names, { cache: "names" }));
  assert.ok(typeof held === "number" && held > 0);
  assert.deepEqual(rest, {
    "wireway.cache.calls {call} names hit": 2,
    "wireway.cache.calls {call} names stale": 1,
    "wireway.cache.calls {call} names miss": 4,
    "wireway.cache.loads {call} names": 5,
    "wireway.cache.load_failures {call} names": 1,
    "wireway.cache.evictions {reply} names": 1,
    "wireway.cache.replies {reply} names": 2,
  });
  assert.equal(valuesOf(cacheMetrics(httpCache()))["wireway.cache.calls {call} miss"], 0);
});

Deno.test("each kind of limit tells what it has, and nothing that it has not", async () => {
  const clock = new ManualClock();
  const atOnce = concurrencyLimit({ max: 1, maxWaiting: 1, clock });
  const { promise, resolve } = Promise.withResolvers<string>();
  const call = chain(() => promise, atOnce);
  const made = [call("a"), call("b")];
  await assert.rejects(call("c"), { code: "overloaded" });
  assert.deepEqual(valuesOf(limitMetrics(atOnce, { limiter: "at-once" })), {
    "wireway.limiter.rejections {call} at-once": 1,
    "wireway.limiter.limit {call} at-once": 1,
    "wireway.limiter.active_calls {call} at-once": 1,
    "wireway.limiter.waiting_calls {call} at-once": 1,
  });
  resolve("done");
  await Promise.all(made);

  const often = rateLimit({ windows: [{ calls: 1, perMs: 60_000 }] });
  const seldom = chain(() => "done", often);
  await seldom("a");
  await assert.rejects(seldom("a"), { code: "rate-limited" });
  assert.deepEqual(valuesOf(limitMetrics(often)), {
    "wireway.limiter.rejections {call}": 1,
    "wireway.limiter.waiting_calls {call}": 0,
    "wireway.limiter.keys {key}": 1,
  });

  assert.deepEqual(valuesOf(limitMetrics(bulkhead({ key: String }))), {
    "wireway.limiter.rejections {call}": 0,
    "wireway.limiter.active_calls {call}": 0,
    "wireway.limiter.waiting_calls {call}": 0,
    "wireway.limiter.keys {key}": 0,
  });
  assert.deepEqual(valuesOf(limitMetrics(loadShed({ delay: { delayMs: () => 0 }, maxInFlight: 10 }))), {
    "wireway.limiter.rejections {call}": 0,
    "wireway.limiter.active_calls {call}": 0,
    "wireway.limiter.shedding ": 0,
  });
});
