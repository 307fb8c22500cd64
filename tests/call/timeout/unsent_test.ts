/**
 * A call that runs out of time while it waits says that it was not sent, and
 * only then.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  callContext,
  chain,
  concurrencyLimit,
  fallback,
  hedge,
  idempotent,
  ManualClock,
  type Middleware,
  retry,
  RetryBudget,
  type Service,
  timeout,
  TransportError,
} from "../../../mod.ts";
import { scripted, settle, Watched } from "../../support/calls.ts";
import { finish, pooled } from "../../endpoint/_set_up.ts";

/** One call at a time goes through; the others wait in line. `policy` goes around that, and a timeout around it. */
function behind(policy: (clock: ManualClock) => Middleware<Service<string, string>>) {
  const clock = new ManualClock();
  const { service, calls } = scripted<string, string>();
  const narrow = chain(service, concurrencyLimit({ max: 1, maxWaiting: 10, clock }));
  return { clock, calls, narrow, call: chain(narrow, policy(clock), timeout({ ms: 100, clock })) };
}

const repeatable = background.set(idempotent, true);
const lost = () => new TransportError("connection-lost", "gone", { processed: "maybe" });

function ending({ error }: Watched<string>): [string, string] {
  assert.ok(error instanceof TransportError);
  return [error.code, error.processed];
}

const plainly = (): Middleware<Service<string, string>> => (inner) => inner;
const retrying = (clock: ManualClock) =>
  retry({ clock, initialBackoffMs: 10, random: () => 1, budget: new RetryBudget({ clock }) });
const hedging = (clock: ManualClock) => hedge({ clock, delayMs: 20 });

for (const [name, policy] of Object.entries({ plainly, retrying, hedging })) {
  Deno.test(`a call that ran out of time in a line was not sent: ${name}`, async () => {
    const { clock, calls, narrow, call } = behind(policy);
    void narrow("holds the place");
    const watched = new Watched(call("waits", repeatable));
    await clock.advance(100);
    assert.deepEqual(ending(watched), ["deadline-exceeded", "no"]);
    assert.match((watched.error as TransportError).message, /100 ms/, "it says which limit it was");
    assert.equal(calls.length, 1);
  });

  Deno.test(`a call that ran out of time behind the line may have been sent: ${name}`, async () => {
    const { clock, calls, call } = behind(policy);
    const watched = new Watched(call("runs", repeatable));
    await clock.advance(100);
    assert.deepEqual(ending(watched), ["deadline-exceeded", "maybe"]);
    calls[0].resolve("late");
    await settle();
    assert.equal(watched.settled, 1);
  });
}

Deno.test("a call whose second attempt waits in a line may have been sent with the first", async () => {
  const { clock, calls, narrow, call } = behind(retrying);
  const watched = new Watched(call("twice", repeatable));
  void narrow("holds the place");
  calls[0].reject(lost());
  await clock.advance(100);
  assert.equal(calls.length, 2, "the second attempt waited behind the other call");
  assert.deepEqual(ending(watched), ["deadline-exceeded", "maybe"]);
});

Deno.test("a call whose hedge waits in a line may have been sent with the first attempt", async () => {
  for (const firstHears of [true, false]) {
    const { clock, calls, call } = behind(hedging);
    const watched = new Watched(call("hedged", repeatable));
    await clock.advance(99);
    if (firstHears) calls[0].context.cancellation!.subscribe({ cancelled: () => calls[0].reject(lost()) });
    await clock.advance(1);
    assert.equal(calls.length, 1, "the hedge waited behind the first attempt");
    assert.deepEqual(ending(watched), ["deadline-exceeded", "maybe"]);
  }
});

Deno.test("a call whose fallback waits in a line may have been sent before", async () => {
  const clock = new ManualClock();
  const { service } = scripted<string, string>();
  const narrow = chain(service, concurrencyLimit({ max: 1, maxWaiting: 10, clock }));
  void narrow("holds the place");
  for (const processed of ["no", "maybe"] as const) {
    const first = () => Promise.reject(new TransportError("connection-lost", "gone", { processed }));
    const call = chain(first as Service<string, string>, fallback({ to: narrow }), timeout({ ms: 100, clock }));
    const watched = new Watched(call("elsewhere"));
    await clock.advance(100);
    assert.deepEqual(ending(watched), ["deadline-exceeded", processed]);
  }
});

Deno.test("a call that ran out of time while it waited for a connection was not sent", async () => {
  const set = pooled({ max: 1 });
  const call = chain(set.client, timeout({ ms: 100, clock: set.clock }));
  const watched = new Watched(call(7, callContext()));
  await set.clock.advance(100);
  assert.ok(watched.error instanceof TransportError);
  assert.deepEqual([watched.error.code, watched.error.processed], ["deadline-exceeded", "no"]);
  await finish(set);
});
