/**
 * circuitBreakers(): a circuit breaker for each key.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, circuitBreakers, type CircuitBreakersOptions } from "../../../mod.ts";
import { failure, settle, Watched } from "../../support/calls.ts";
import { broken, world } from "../_policy.ts";

function setUp(options: Partial<CircuitBreakersOptions> = {}) {
  const made = world();
  const settings = { failures: 1, openMs: 1000, jitter: 0, clock: made.clock, observer: made.common.observer };
  const breakers = circuitBreakers({ key: (request) => `${request}`, ...settings, ...options });
  const call = chain(made.service, breakers);
  const end = async (key: string, fails = false): Promise<Watched<string>> => {
    const before = made.calls.length;
    const watched = new Watched(call(key));
    if (made.calls.length > before) {
      if (fails) made.calls[before].reject(broken());
      else made.calls[before].resolve("answer");
    }
    await settle(10);
    return watched;
  };
  return { ...made, breakers, call, end };
}

Deno.test("one key that fails does not stop the others", async () => {
  const { breakers, call, end, clock } = setUp();
  await end("orders", true);
  await failure(call("orders"), "circuit-open", "no");
  assert.equal((await end("users")).reply, "answer");
  assert.deepEqual([breakers.get("orders").state, breakers.get("users").state], ["open", "closed"]);
  await clock.advance(1000);
  await end("orders");
  await end("orders");
  assert.equal(breakers.get("orders").state, "closed");
});

Deno.test("a key's breaker can be steered before its first call, and goes by its name and key", async () => {
  const { breakers, call, events } = setUp({ name: "api" });
  breakers.get("orders").isolate("maintenance");
  const { message } = await failure(call("orders"), "circuit-open");
  assert.match(message, /api orders: it is isolated/);
  assert.deepEqual(events.map((event) => "policy" in event && event.policy), ["api orders", "api orders"]);
});

Deno.test("no more breakers are kept than allowed: the longest unused goes, a closed one first", async () => {
  const { breakers, end } = setUp({ maxKeys: 3 });
  await end("a", true);
  await end("b");
  await end("c");
  await end("b");
  await end("d");
  assert.deepEqual(breakers.keys(), ["a", "b", "d"]);
  assert.equal(breakers.get("a").state, "open");
  assert.deepEqual(breakers.keys(), ["b", "d", "a"]);
  for (const key of ["b", "d"]) await end(key, true);
  await end("e");
  assert.deepEqual(breakers.keys(), ["b", "d", "e"]);
  assert.equal(breakers.size, 3);
});

Deno.test("a call whose breaker was forgotten meanwhile ends as any other", async () => {
  const { breakers, call, calls, end } = setUp({ maxKeys: 1 });
  const watched = new Watched(call("a"));
  await end("b");
  assert.deepEqual(breakers.keys(), ["b"]);
  calls[0].reject(broken());
  await settle();
  assert.equal(watched.code, "remote");
  assert.equal(breakers.get("a").state, "closed");
});

Deno.test("circuitBreakers() refuses options that make no sense, naming them", () => {
  const key = () => "all";
  const wrong: unknown[] = [undefined, {}, { key: "all" }, { maxKeys: 0, key }, { failures: 0, key }, {
    windows: 1,
    key,
  }];
  for (const options of wrong) {
    const message = new RegExp(`option ${Object.keys(options ?? { key }).at(0) ?? "key"} `);
    assert.throws(() => circuitBreakers(options as CircuitBreakersOptions), { code: "invalid-option", message });
  }
});
