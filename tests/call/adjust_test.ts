/**
 * Policies whose settings are changed while calls go through them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  type AdjustableStage,
  bulkhead,
  cache,
  chain,
  circuitBreaker,
  concurrencyLimit,
  describe,
  loadShed,
  ManualClock,
  rateLimit,
  retry,
  type Service,
  timeout,
} from "../../mod.ts";
import { settle, Watched } from "../support/calls.ts";
import { broken, world } from "./_policy.ts";

function stage(part: object, name: string): AdjustableStage {
  const found = adjustablesOf(part).filter((one) => one.name === name);
  assert.equal(found.length, 1, `stages called ${name}`);
  return found[0];
}

Deno.test("a chain shows the settings of the stages that it hides, from the wire to the caller", () => {
  const call = chain((request: string) => request, circuitBreaker(), retry({ maxAttempts: 2 }), timeout({ ms: 200 }));
  assert.deepEqual(adjustablesOf(call).map(({ name }) => name), ["circuitBreaker", "retry", "timeout"]);
  assert.equal(stage(call, "retry").settings().maxAttempts.value, 2);
  stage(call, "retry").adjust("maxAttempts", 5);
  assert.match(describe(call), /retry\(\{ maxAttempts: 5,/);
});

Deno.test("a wrong value is refused with a typed error and changes nothing", () => {
  const { common } = world();
  for (
    const [part, name, setting, value] of [
      [timeout({ ms: 200 }), "timeout", "ms", -1],
      [retry(), "retry", "maxAttempts", 0],
      [circuitBreaker(), "circuitBreaker", "maxOpenMs", 10],
      [concurrencyLimit(), "concurrencyLimit", "max", 0.5],
      [bulkhead({ key: () => "" }), "bulkhead", "maxPerKey", 0],
      [rateLimit({ windows: [{ calls: 1, perMs: 10 }] }), "rateLimit", "windows[0].calls", 0],
      [loadShed({ clock: common.clock }), "loadShed", "reserve", 2],
      [cache({ ttlMs: 10 }), "cache", "maxEntries", 0],
    ] as const
  ) {
    const before = stage(part, name).settings();
    assert.throws(() => stage(part, name).adjust(setting, value), { code: "invalid-option" }, name);
    assert.throws(() => stage(part, name).adjust("colour", value), { code: "invalid-option" }, name);
    assert.deepEqual(stage(part, name).settings(), before);
  }
  assert.throws(() => stage(retry(), "retry").adjust("maxReplayBytes", 10), { code: "unsupported" });
});

Deno.test("a timeout that was made shorter holds for the next call, and not for the one under way", async () => {
  const { clock, service, common } = world();
  const limit = timeout({ ms: 200, clock: common.clock });
  const call = limit(service);
  const before = new Watched(call("before"));
  stage(limit, "timeout").adjust("ms", 50);
  const after = new Watched(call("after"));
  await clock.advance(50);
  assert.deepEqual([before.code, after.code], [undefined, "deadline-exceeded"]);
  await clock.advance(150);
  assert.equal(before.code, "deadline-exceeded");
});

Deno.test("a retry makes as many attempts as it is told now", async () => {
  const { clock, service, calls, common } = world();
  const again = retry({ ...common, maxAttempts: 2, idempotent: true, initialBackoffMs: 10 });
  const call = new Watched(again(service)("one"));
  stage(again, "retry").adjust("maxAttempts", 3);
  stage(again, "retry").adjust("initialBackoffMs", 40);
  for (let attempt = 0; attempt < 3; attempt++) {
    await settle();
    assert.equal(calls.length, attempt + 1);
    calls[attempt].reject(broken());
    await clock.advance(39 * 2 ** attempt);
    assert.equal(calls.length, attempt + 1, "the wait follows the new back-off");
    await clock.advance(2 ** attempt);
  }
  assert.equal(call.code, "remote");
  assert.equal(calls.length, 3);
});

Deno.test("a breaker opens after as many failures, and for as long, as it is told now", async () => {
  const { clock, service, calls, common } = world();
  const breaker = circuitBreaker({ ...common, failures: 5, openMs: 1000, jitter: 0 });
  const call = breaker(service);
  const { adjust } = stage(breaker, "circuitBreaker");
  adjust("failures", 2);
  adjust("openMs", 300);
  for (let failures = 0; failures < 2; failures++) {
    assert.equal(breaker.state, "closed");
    void new Watched(call("one"));
    await settle();
    calls.at(-1)!.reject(broken());
    await settle();
  }
  assert.equal(breaker.state, "open");
  await clock.advance(299);
  assert.equal(breaker.state, "open");
  await clock.advance(1);
  assert.equal(breaker.state, "half-open");
});

Deno.test("a limit that grows lets those go who wait, and one that falls disturbs nobody", async () => {
  for (
    const [part, name, setting] of [
      [concurrencyLimit({ max: 1, clock: new ManualClock() }), "concurrencyLimit", "max"],
      [bulkhead({ key: () => "", maxPerKey: 1, clock: new ManualClock() }), "bulkhead", "maxPerKey"],
    ] as const
  ) {
    const { service, calls } = world();
    const call = (part as (inner: Service<string, string>) => Service<string, string>)(service);
    const watched = ["a", "b", "c"].map((request) => new Watched(call(request)));
    await settle();
    assert.equal(calls.length, 1, name);
    stage(part, name).adjust(setting, 3);
    assert.equal(calls.length, 3, name);
    stage(part, name).adjust(setting, 1);
    void new Watched(call("d"));
    calls.splice(0).forEach(({ request, resolve }) => resolve(request));
    await settle();
    assert.deepEqual(watched.map(({ reply }) => reply), ["a", "b", "c"]);
    calls[0].resolve("d");
    await settle();
  }
});

Deno.test("a line that was made shorter refuses the next one, and keeps those who wait", async () => {
  const { clock, service, calls, common } = world();
  const limit = concurrencyLimit({ ...common, max: 1, maxWaiting: 5 });
  const call = limit(service);
  const [, waiting] = ["a", "b"].map((request) => new Watched(call(request)));
  const { adjust } = stage(limit, "concurrencyLimit");
  adjust("maxWaiting", 1);
  adjust("acquireTimeoutMs", 50);
  const refused = new Watched(call("c"));
  await settle();
  assert.deepEqual([waiting.code, refused.code], [undefined, "overloaded"]);
  calls[0].resolve("a");
  await settle();
  const late = new Watched(call("d"));
  await clock.advance(50);
  assert.equal(late.code, "acquire-timeout");
  calls[1].resolve("b");
  await settle();
  assert.equal(waiting.reply, "b");
});

Deno.test("a rate that grows lets those go who wait, who owe as many calls as before", async () => {
  const { clock, service, calls, common } = world();
  const limit = rateLimit({ clock: common.clock, windows: [{ calls: 1, perMs: 60_000 }], maxWaitMs: 600_000 });
  const call = limit(service);
  for (const request of ["a", "b", "c"]) void new Watched(call(request));
  await settle();
  assert.equal(calls.length, 1);
  stage(limit, "rateLimit").adjust("windows[0].perMs", 100);
  await clock.advance(99);
  assert.equal(calls.length, 1);
  await clock.advance(1);
  assert.equal(calls.length, 2);
  await clock.advance(100);
  assert.equal(calls.length, 3);
});

Deno.test("a rate that falls takes back what a burst had left over", async () => {
  const { clock, service, calls, common } = world();
  const limit = rateLimit({ clock: common.clock, windows: [{ calls: 1600, perMs: 1000 }] });
  const call = limit(service);
  void new Watched(call("first"));
  await settle();
  stage(limit, "rateLimit").adjust("windows[0].calls", 2);
  const { "windows[0].burst": burst } = stage(limit, "rateLimit").settings();
  assert.equal(burst.value, 2, "a burst that was not given goes with the calls");
  const watched = Array.from({ length: 5 }, () => new Watched(call("more")));
  await settle();
  assert.equal(watched.filter(({ code }) => code === "rate-limited").length, 4, "one was owed before, one is left");
  await clock.advance(500);
  void new Watched(call("later"));
  await settle();
  assert.equal(calls.length, 3);
});

Deno.test("load is shed from the moment on at which a limit of calls in flight is set", async () => {
  const { service, calls, common } = world();
  const shed = loadShed({ clock: common.clock, delay: { delayMs: () => 0 }, reserve: 0 });
  const call = shed(service);
  void new Watched(call("before"));
  stage(shed, "loadShed").adjust("maxInFlight", 1);
  const counted = new Watched(call("counted"));
  const refused = new Watched(call("refused"));
  await settle();
  assert.equal(refused.code, "overloaded");
  calls[1].resolve("done");
  await settle();
  assert.equal(counted.reply, "done");
  stage(shed, "loadShed").adjust("maxInFlight", Infinity);
  void new Watched(call("after"));
  await settle();
  assert.equal(calls.length, 3);
});

Deno.test("a cache that was made smaller forgets what was not used for longest", async () => {
  const kept = cache<string, string>({ ttlMs: 1000 });
  const call = chain((request: string) => request, kept);
  for (const request of ["a", "b", "c"]) await call(request);
  stage(call, "cache").adjust("maxEntries", 1);
  assert.deepEqual([kept.stats.entries, kept.stats.evictions], [1, 2]);
  await call("c");
  assert.equal(kept.stats.hits, 1);
});
