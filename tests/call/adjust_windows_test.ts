/**
 * The windows of circuit breakers, changed while calls go through them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  type AdjustableStage,
  type BreakerWindow,
  chain,
  type CircuitBreaker,
  circuitBreaker,
  circuitBreakers,
  describe,
  ManualClock,
  TransportError,
} from "../../mod.ts";

/** A breaker that only its windows open, around calls that do as they are told. */
function windowed(windows: BreakerWindow[]) {
  const clock = new ManualClock();
  const breaker = circuitBreaker({ windows, failures: Infinity, jitter: 0, openMs: 1000, clock });
  const { call, settings } = around(breaker, clock);
  return { clock, breaker, call, settings };
}

function around(breaker: CircuitBreaker, clock: ManualClock) {
  const service = chain(async (what: string) => {
    if (what === "slow") await clock.advance(100);
    if (what === "fails") throw new TransportError("connection-lost", "Connection lost: test");
    return what;
  }, breaker);
  const [settings]: readonly AdjustableStage[] = adjustablesOf(breaker);
  const call = async (what: "works" | "fails" | "slow", times: number): Promise<string> => {
    for (let i = 0; i < times; i++) await service(what).catch(() => {});
    return breaker.state;
  };
  return { call, settings };
}

Deno.test("a breaker's window opens at the share that it is told now, on what it has counted before", async () => {
  const { breaker, call, settings } = windowed([{ failureRate: 0.9, minCalls: 10 }]);
  await call("works", 6);
  assert.equal(await call("fails", 6), "closed");
  settings.adjust("windows[0].failureRate", 0.5);
  assert.equal(breaker.state, "closed", "a change alone opens nothing");
  assert.equal(await call("fails", 1), "open");
});

Deno.test("a breaker's window says something after as many calls as it is told now", async () => {
  const { call, settings } = windowed([{ failureRate: 0.5 }]);
  assert.equal(settings.settings()["windows[0].minCalls"].value, 20, "its default is shown");
  assert.equal(await call("fails", 4), "closed");
  settings.adjust("windows[0].minCalls", 5);
  assert.equal(await call("fails", 1), "open");
});

Deno.test("what a slow call is to a breaker, and how many of them are too many, is changed while it works", async () => {
  const { clock, breaker, call, settings } = windowed([{ slowCallRate: 1, slowCallMs: 500, minCalls: 4 }]);
  assert.equal(await call("slow", 4), "closed");
  settings.adjust("windows[0].slowCallMs", 100);
  settings.adjust("windows[0].slowCallRate", 0.5);
  assert.equal(await call("slow", 3), "closed");
  assert.equal(await call("slow", 1), "open");
  await clock.advance(1000);
  assert.equal(await call("slow", 1), "open", "a probe is slow by the new time");
  settings.adjust("windows[0].slowCallMs", 101);
  await clock.advance(2000);
  await call("slow", 2);
  assert.equal(breaker.state, "closed");
});

Deno.test("a breaker's window of another length counts anew, by its new length", async () => {
  const { clock, call, settings } = windowed([{ failureRate: 1, minCalls: 3, windowMs: 100_000 }]);
  await call("fails", 2);
  settings.adjust("windows[0].windowMs", 1000);
  assert.equal(await call("fails", 2), "closed", "what was counted before is forgotten");
  await clock.advance(2000);
  assert.equal(await call("fails", 2), "closed", "two are too old by now");
  assert.equal(await call("fails", 1), "open");
});

Deno.test("a breaker's window of more calls keeps more of them", async () => {
  const { call, settings } = windowed([{ failureRate: 0.5, minCalls: 4, windowCalls: 4 }]);
  settings.adjust("windows[0].windowCalls", 8);
  await call("works", 7);
  assert.equal(await call("fails", 3), "closed", "three of eight");
  assert.equal(await call("fails", 1), "open");
});

Deno.test("a breaker's window takes only what it would have been made with", () => {
  const { breaker, settings } = windowed([{ failureRate: 0.5, minCalls: 4, windowCalls: 8 }]);
  const before = settings.settings();
  for (
    const [name, value] of [
      ["failureRate", 0],
      ["failureRate", 1.1],
      ["minCalls", 9],
      ["windowCalls", 3],
      ["windowMs", 0.5],
      ["slowCallMs", 10],
      ["colour", 1],
    ] as const
  ) {
    assert.throws(() => settings.adjust(`windows[0].${name}`, value), { code: "invalid-option" }, `${name} ${value}`);
  }
  assert.throws(() => settings.adjust("windows[1].failureRate", 0.5), { code: "invalid-option" });
  assert.deepEqual(settings.settings(), before);
  settings.adjust("windows[0].minCalls", 2);
  settings.adjust("windows[0].windowCalls", 2);
  assert.match(
    describe(chain((_: string) => "", breaker)),
    /windows: \[\{ failureRate: 0.5, minCalls: 2, windowCalls: 2/,
  );
});

Deno.test("circuitBreakers() changes the windows of the breakers that there are, and of those to come", async () => {
  const clock = new ManualClock();
  const windows = [{ failureRate: 1, minCalls: 100 }];
  const breakers = circuitBreakers({ key: (request) => String(request), windows, failures: Infinity, clock });
  const call = chain((_: string): string => {
    throw new TransportError("connection-lost", "Connection lost: gone");
  }, breakers);
  const fails = async (key: string, times: number): Promise<string> => {
    for (let i = 0; i < times; i++) await call(key).catch(() => {});
    return breakers.get(key).state;
  };
  assert.equal(await fails("old", 5), "closed");
  adjustablesOf(call).at(-1)!.adjust("windows[0].minCalls", 6);
  assert.equal(await fails("old", 1), "open");
  assert.equal(await fails("new", 5), "closed");
  assert.equal(await fails("new", 1), "open");
});
