/**
 * circuitBreaker(): steering it, keeping its state, hearing of it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type BreakerSnapshot,
  callContext,
  chain,
  circuitBreaker,
  type CircuitBreakerOptions,
  describe,
  type TransportEvent,
} from "../../../mod.ts";
import { settle } from "../../support/calls.ts";
import { breakerWorld, broken } from "../_policy.ts";

Deno.test("an isolated breaker refuses all calls until the last who isolates it has ended", async () => {
  const { breaker, end, calls, clock } = breakerWorld();
  const first = breaker.isolate("maintenance");
  const second = breaker.isolate();
  assert.equal(breaker.state, "isolated");
  const refused = await end();
  assert.equal(refused.code, "circuit-open");
  assert.match((refused.error as Error).message, /isolated/);
  first.end();
  first.end();
  await clock.advance(1e9);
  assert.equal(breaker.state, "isolated");
  second[Symbol.dispose]();
  assert.equal(breaker.state, "closed");
  assert.equal((await end()).reply, "answer");
  assert.equal(calls.length, 1);
});

Deno.test("what ends while a breaker is isolated, or began before, changes nothing", async () => {
  const { breaker, call, calls, fail } = breakerWorld({ failures: 2 });
  call();
  call();
  call();
  const isolation = breaker.isolate();
  calls[0].reject(broken());
  calls[1].reject(broken());
  await settle();
  isolation.end();
  assert.equal(breaker.state, "closed");
  calls[2].reject(broken());
  await settle();
  await fail(1);
  assert.equal(breaker.state, "closed");
});

Deno.test("isolating an open breaker and ending that closes it", async () => {
  const { breaker, fail } = breakerWorld();
  await fail(3);
  const isolation = breaker.isolate();
  assert.equal(breaker.state, "isolated");
  isolation.end();
  assert.equal(breaker.state, "closed");
});

Deno.test("reset() closes it, forgets failures and doublings, and lets isolations be", async () => {
  const { breaker, fail, clock } = breakerWorld();
  await fail(3);
  await clock.advance(1000);
  await fail(1);
  breaker.reset();
  assert.deepEqual(breaker.snapshot(), { state: "closed", openForMs: 0, failures: 0, doublings: 0 });
  await fail(2);
  breaker.reset();
  await fail(2);
  assert.equal(breaker.state, "closed");
  await fail(1);
  assert.equal(breaker.snapshot().openForMs, 1000);
  const isolation = breaker.isolate();
  breaker.reset();
  assert.equal(breaker.state, "isolated");
  isolation.end();
});

Deno.test("a snapshot is plain data that another process goes on from", async () => {
  const { breaker, fail, clock } = breakerWorld();
  const steps: [() => Promise<unknown>, BreakerSnapshot][] = [
    [() => fail(2), { state: "closed", openForMs: 0, failures: 2, doublings: 0 }],
    [() => fail(1), { state: "open", openForMs: 1000, failures: 0, doublings: 1 }],
    [() => clock.advance(400), { state: "open", openForMs: 600, failures: 0, doublings: 1 }],
    [() => clock.advance(600), { state: "half-open", openForMs: 0, failures: 0, doublings: 1 }],
  ];
  for (const [step, expected] of steps) {
    await step();
    const text = JSON.stringify(breaker);
    assert.deepEqual(JSON.parse(text), expected);
    const other = breakerWorld();
    await other.clock.advance(1e6);
    other.breaker.restore(JSON.parse(text));
    assert.deepEqual(other.breaker.snapshot(), expected);
  }
});

Deno.test("a restored breaker goes on as the first one would have", async () => {
  const one = breakerWorld();
  one.breaker.restore({ state: "closed", openForMs: 0, failures: 2, doublings: 0 });
  await one.fail(1);
  assert.equal(one.breaker.state, "open");
  const two = breakerWorld();
  two.breaker.restore({ state: "open", openForMs: 600, failures: 0, doublings: 1 });
  await two.clock.advance(599);
  assert.equal((await two.end()).code, "circuit-open");
  await two.clock.advance(1);
  await two.fail(1);
  assert.equal(two.breaker.snapshot().openForMs, 2000);
  const three = breakerWorld();
  three.breaker.restore({ state: "half-open", openForMs: 0, failures: 0, doublings: 0 });
  await three.end();
  await three.end();
  assert.equal(three.breaker.state, "closed");
});

Deno.test("restoring bounds what it is given by the breaker's own settings", () => {
  const { breaker } = breakerWorld({ maxOpenMs: 4000 });
  breaker.restore({ state: "open", openForMs: 1e9, failures: 1000, doublings: 1000 });
  assert.deepEqual(breaker.snapshot(), { state: "open", openForMs: 4000, failures: 2, doublings: 2 });
});

Deno.test("restoring what is no snapshot is refused, naming what is wrong, and changes nothing", () => {
  const { breaker } = breakerWorld();
  const good = { state: "open", openForMs: 600, failures: 0, doublings: 1 };
  const wrong: [unknown, RegExp][] = [
    [null, /not an object/],
    ["open", /not an object/],
    [{ ...good, state: "isolated" }, /state is "isolated"/],
    [{ ...good, openForMs: "600" }, /openForMs/],
    [{ ...good, openForMs: -1 }, /openForMs/],
    [{ ...good, openForMs: Infinity }, /openForMs/],
    [{ ...good, failures: 0.5 }, /failures/],
    [{ ...good, doublings: undefined }, /doublings/],
  ];
  for (const [snapshot, message] of wrong) {
    assert.throws(() => breaker.restore(snapshot as BreakerSnapshot), { code: "invalid-option", message });
  }
  assert.equal(breaker.state, "closed");
});

Deno.test("an observer hears of every change of state and every call refused, once, with the reason", async () => {
  const { breaker, fail, end, clock, events } = breakerWorld({ name: "orders" });
  await fail(3);
  await end();
  await clock.advance(1000);
  await end();
  await end();
  breaker.isolate().end();
  const seen = events.map((event: TransportEvent) =>
    event.type === "state-changed"
      ? `${event.policy}: ${event.from} → ${event.to}: ${event.reason}`
      : event.type === "call-rejected"
      ? `${event.policy}: ${event.error.message}`
      : event.type
  );
  assert.deepEqual(seen, [
    "orders: closed → open: 3 call(s) in a row failed",
    "orders: Call refused by orders: it is open",
    "orders: open → half-open: its time open is over",
    "orders: half-open → closed: its probes succeeded",
    "orders: closed → isolated: isolate() was called",
    "orders: isolated → closed: nobody isolates it any more",
  ]);
});

Deno.test("an observer that throws breaks no call and no breaker", async () => {
  const { breaker, fail, end } = breakerWorld({
    observer: () => {
      throw new Error("the observer's own");
    },
  });
  await fail(3);
  assert.equal((await end()).code, "circuit-open");
  assert.equal(breaker.state, "open");
});

Deno.test("a breaker describes itself with its settings", () => {
  const { breaker, service } = breakerWorld({ windows: [{ failureRate: 0.5 }] });
  const text = describe(chain(service, breaker));
  assert.match(text, /circuitBreaker\(\{ failures: 3, .*openMs: 1000.*failureRate: 0\.5/);
});

Deno.test("options that make no sense are refused, naming them", () => {
  const wrong: unknown[] = [
    { failures: 0 },
    { failures: 1.5 },
    { forgetAfterMs: 0 },
    { successes: 0 },
    { openMs: -1 },
    { openMs: 1000, maxOpenMs: 999 },
    { jitter: 1.1 },
    { maxProbes: 0 },
    { probeLeaseMs: 0 },
    { countsAs: true },
    { name: "" },
    { observer: {} },
    { treshold: 5 },
  ];
  for (const options of wrong) {
    const name = Object.keys(options as object).at(-1)!;
    const expected = { name: "TransportError", code: "invalid-option", message: new RegExp(name) };
    assert.throws(() => circuitBreaker(options as CircuitBreakerOptions), expected);
  }
  assert.equal(circuitBreaker({ failures: Infinity }).state, "closed");
});

Deno.test("what is changed by hand while a breaker is isolated is told to nobody", () => {
  const { breaker, events } = breakerWorld();
  const isolation = breaker.isolate();
  breaker.restore({ state: "open", openForMs: 600, failures: 0, doublings: 0 });
  breaker.reset();
  isolation.end();
  assert.deepEqual(events.map((event) => event.type === "state-changed" && event.to), ["isolated", "closed"]);
});

Deno.test("denoland/deno#24842: a long-lived signal keeps nothing of the probes that ended", async () => {
  const { breaker, service, calls, clock, fail } = breakerWorld({ successes: 50 });
  const { cancellation } = callContext({ signal: new AbortController().signal });
  let listeners = 0;
  const { subscribe, unsubscribe } = cancellation!;
  cancellation!.subscribe = (listener) => {
    listeners++;
    subscribe.call(cancellation, listener);
  };
  cancellation!.unsubscribe = (listener) => {
    listeners--;
    unsubscribe.call(cancellation, listener);
  };
  await fail(3);
  await clock.advance(1000);
  const guarded = breaker(service);
  for (let i = 0; i < 20; i++) {
    const reply = guarded("question", callContext().cancellable(cancellation!));
    calls.at(-1)!.resolve("answer");
    await reply;
  }
  assert.equal(breaker.state, "half-open");
  // Those of the scripted service.
  assert.equal(listeners, 20);
});
