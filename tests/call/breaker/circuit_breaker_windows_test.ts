/**
 * circuitBreaker(): windows of failed and of slow calls.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type BreakerWindow, circuitBreaker, type CircuitBreakerOptions } from "../../../mod.ts";
import { failure, settle, Watched } from "../../support/calls.ts";
import { type BreakerWorld, breakerWorld, broken, world } from "../_policy.ts";

/** Only windows open it. */
function windowed(windows: readonly BreakerWindow[], more: CircuitBreakerOptions = {}): BreakerWorld {
  return breakerWorld({ failures: Infinity, windows, ...more });
}

async function repeat(times: number, run: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) await run();
}

/** A call that takes so long. */
async function taking({ call, calls, clock }: BreakerWorld, ms: number): Promise<void> {
  call();
  const made = calls.at(-1)!;
  await clock.advance(ms);
  made.resolve("answer");
  await settle();
}

Deno.test("a share of failures in a window of time opens it, once there are enough calls", async () => {
  const { breaker, fail, end } = windowed([{ windowMs: 1000, failureRate: 0.5, minCalls: 10 }]);
  await repeat(4, end);
  await fail(5);
  assert.equal(breaker.state, "closed");
  await fail(1);
  assert.equal(breaker.state, "open");
});

Deno.test("a share below the limit never opens it", async () => {
  const { breaker, fail, end } = windowed([{ windowMs: 1000, failureRate: 0.5, minCalls: 10 }]);
  for (let i = 0; i < 100; i++) {
    await repeat(2, end);
    await fail(1);
  }
  assert.equal(breaker.state, "closed");
});

Deno.test("the call that makes the volume up opens it, though it succeeded itself", async () => {
  const { breaker, fail, end } = windowed([{ windowMs: 1000, failureRate: 0.5, minCalls: 10 }]);
  await fail(9);
  assert.equal(breaker.state, "closed");
  await end();
  assert.equal(breaker.state, "open");
});

Deno.test("a window of time forgets by time, not with the next call", async () => {
  const { breaker, fail, clock } = windowed([{ windowMs: 1000, failureRate: 0.5, minCalls: 10 }]);
  await fail(9);
  await clock.advance(1000);
  await fail(9);
  assert.equal(breaker.state, "closed");
  await clock.advance(600_000);
  await fail(9);
  assert.equal(breaker.state, "closed");
  await fail(1);
  assert.equal(breaker.state, "open");
});

Deno.test("a window of time slides: what is nine tenths of it old still counts", async () => {
  const { breaker, fail, clock } = windowed([{ windowMs: 1000, failureRate: 0.5, minCalls: 10 }]);
  await fail(5);
  await clock.advance(899);
  await fail(4);
  assert.equal(breaker.state, "closed");
  await fail(1);
  assert.equal(breaker.state, "open");
});

Deno.test("a window of calls knows the latest calls only", async () => {
  const { breaker, fail, end } = windowed([{ windowCalls: 10, failureRate: 0.5, minCalls: 10 }]);
  await fail(4);
  await repeat(10, end);
  await fail(4);
  assert.equal(breaker.state, "closed");
  await fail(1);
  assert.equal(breaker.state, "open");
});

Deno.test("a window of calls forgets by time as well", async () => {
  const { breaker, fail, clock } = windowed([{ windowCalls: 10, windowMs: 5000, failureRate: 0.5, minCalls: 10 }]);
  await fail(9);
  await clock.advance(4999);
  await clock.advance(1);
  await fail(9);
  assert.equal(breaker.state, "closed");
  await fail(1);
  assert.equal(breaker.state, "open");
});

Deno.test("a share of slow calls opens it, though all of them succeed", async () => {
  const world = windowed([{ slowCallRate: 0.5, slowCallMs: 100, minCalls: 4 }]);
  await taking(world, 99);
  await taking(world, 99);
  await taking(world, 100);
  assert.equal(world.breaker.state, "closed");
  await taking(world, 150);
  assert.equal(world.breaker.state, "open");
});

Deno.test("a slow probe opens it again, where a window knows what slow is", async () => {
  const world = windowed([{ slowCallRate: 1, slowCallMs: 100, minCalls: 1 }], { successes: 1 });
  await taking(world, 100);
  await world.clock.advance(1000);
  await taking(world, 100);
  assert.equal(world.breaker.state, "open");
  await world.clock.advance(2000);
  await taking(world, 50);
  assert.equal(world.breaker.state, "closed");
});

Deno.test("a response is slow by the end of its body", async () => {
  const { breaker, service, calls, clock } = windowed([{ slowCallRate: 1, slowCallMs: 100, minCalls: 1 }]);
  const reply = breaker(service)("question");
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream({ start: (given) => void (controller = given) });
  (calls[0].resolve as (reply: unknown) => void)(new Response(body));
  const response = await reply as unknown as Response;
  await clock.advance(100);
  assert.equal(breaker.state, "closed");
  controller.close();
  await response.text();
  assert.equal(breaker.state, "open");
});

Deno.test("whichever of several says so opens it, and says why", async () => {
  const windows: BreakerWindow[] = [
    { windowCalls: 10, failureRate: 0.9, minCalls: 10 },
    { windowMs: 1000, failureRate: 0.2, minCalls: 5 },
  ];
  const { breaker, fail, end, events } = windowed(windows, { failures: 100 });
  await repeat(4, end);
  await fail(1);
  assert.equal(breaker.state, "open");
  assert.match(JSON.stringify(events), /1 of 5 calls failed/);
  breaker.reset();
  // A row does it as well.
  const row = breakerWorld({ failures: 3, windows });
  await row.fail(3);
  assert.equal(row.breaker.state, "open");
});

Deno.test("a breaker that closes again has forgotten what was in its windows", async () => {
  for (const window of [{ windowMs: 100_000 }, { windowMs: 100_000, windowCalls: 20 }]) {
    const { breaker, fail, end, clock } = windowed([{ ...window, failureRate: 0.5, minCalls: 10 }]);
    await fail(10);
    await clock.advance(1000);
    await repeat(2, end);
    assert.equal(breaker.state, "closed");
    await fail(9);
    assert.equal(breaker.state, "closed");
    await fail(1);
    assert.equal(breaker.state, "open");
  }
});

Deno.test("windows that make no sense are refused, naming what is wrong with which", () => {
  const wrong: [unknown, RegExp][] = [
    [{ windows: {} }, /windows/],
    [{ windows: [{}] }, /windows\[0\]\.failureRate/],
    [{ windows: [{ failureRate: 0.5 }, { failureRate: 2 }] }, /windows\[1\]\.failureRate is 2/],
    [{ windows: [{ failureRate: 0 }] }, /windows\[0\]\.failureRate/],
    [{ windows: [{ slowCallRate: 0.5 }] }, /windows\[0\]\.slowCallMs/],
    [{ windows: [{ failureRate: 0.5, slowCallMs: 5 }] }, /windows\[0\]\.slowCallMs/],
    [{ windows: [{ failureRate: 0.5, windowCalls: 5, minCalls: 10 }] }, /minCalls is 10/],
    [{ windows: [{ failureRate: 0.5, windowMs: Infinity }] }, /windowMs/],
    [{ windows: [{ failureRate: 0.5, windowCalls: 2 ** 30 }] }, /windowCalls/],
    [{ windows: [{ failureRat: 0.5 }] }, /failureRat/],
    [{ windows: [1] }, /windows\[0\]/],
  ];
  for (const [options, message] of wrong) {
    const make = () => circuitBreaker(options as CircuitBreakerOptions);
    assert.throws(make, { name: "TransportError", code: "invalid-option", message }, JSON.stringify(options));
  }
});

Deno.test("a probe whose response has come but not ended in its time is slow: it opens, and the next call is refused", async () => {
  const { clock, service, calls, common } = world<string, unknown>();
  const windows = [{ slowCallRate: 1, slowCallMs: 50 }];
  const breaker = circuitBreaker({ ...common, failures: 1, openMs: 1000, jitter: 0, probeLeaseMs: 100, windows });
  const call = breaker(service);
  new Watched(call("fails"));
  calls[0].reject(broken());
  await settle();
  await clock.advance(1000);
  new Watched(call("probes"));
  const response = new Response(new ReadableStream());
  calls[1].resolve(response);
  await settle();
  await clock.advance(100);
  const refused = await failure(call("is refused"), "circuit-open", "no");
  assert.deepEqual([breaker.state, calls.length, refused.retryAfterMs], ["open", 2, 2000]);
});
