/**
 * adaptiveTimeout(): what is measured, and the time that follows.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adaptiveTimeout,
  type AdaptiveTimeoutOptions,
  attempt,
  background,
  callContext,
  chain,
  ManualClock,
  timeout,
  TransportError,
} from "../../../mod.ts";
import { settle } from "../../support/calls.ts";
import { limited } from "../limits/_limited.ts";

const setUp = (options: AdaptiveTimeoutOptions<string> = {}) =>
  limited((common) => adaptiveTimeout<string>({ ...common, ...options }));

type World = ReturnType<typeof setUp>;

/** Makes calls, one after the other, that are answered after these times. */
async function take({ call, calls, clock }: World, latenciesMs: number[], context = background, request = "question") {
  for (const latencyMs of latenciesMs) {
    call(request, context);
    await clock.advance(latencyMs);
    calls.at(-1)!.resolve("answer");
    await settle();
  }
}

/** That a percentile of a histogram is right to within its buckets. */
function assertNear(actual: number, expected: number): void {
  assert.ok(actual >= expected && actual <= expected * 1.05, `${actual} ms, not ${expected} ms`);
}

Deno.test("adaptiveTimeout() bounds nothing before enough calls are known, and then twice the 99th percentile", async () => {
  const world = setUp();
  await take(world, Array(19).fill(100));
  assert.equal(world.limit.stats().timeoutMs, Infinity);
  assert.equal(world.queue.size, 0);
  await take(world, [50]);
  assert.equal(world.limit.stats().samples, 20);
  assertNear(world.limit.stats().timeoutMs, 200);
  const watched = world.call();
  assertNear(world.calls.at(-1)!.context.deadline - world.clock.now(), 200);
  await world.clock.advance(199);
  assert.equal(watched.settled, 0);
  await world.clock.advance(12);
  assert.equal(watched.code, "deadline-exceeded");
  assert.equal(world.calls.at(-1)!.cancelled?.code, "deadline-exceeded");
  assert.match((watched.error as Error).message, /longer than 20\d(\.\d)? ms/);
  assert.equal(world.queue.size, 0);
});

Deno.test("adaptiveTimeout() uses initialMs until then", async () => {
  const world = setUp({ initialMs: 300 });
  const watched = world.call();
  await world.clock.advance(300);
  assert.equal(watched.code, "deadline-exceeded");
});

Deno.test("adaptiveTimeout() holds what it finds between floor and ceiling", async () => {
  const quick = setUp({ minMs: 30 });
  await take(quick, Array(20).fill(1));
  assert.equal(quick.limit.stats().timeoutMs, 30);
  const slow = setUp({ maxMs: 500 });
  await take(slow, Array(20).fill(400));
  assert.equal(slow.limit.stats().timeoutMs, 500);
});

Deno.test("adaptiveTimeout() never goes beyond the call's deadline, and does not run a call whose deadline has passed", async () => {
  const world = setUp();
  await take(world, Array(20).fill(100));
  const until = world.clock.now() + 40;
  const watched = world.call("question", callContext({ deadline: until }));
  assert.equal(world.calls.at(-1)!.context.deadline, until);
  await world.clock.advance(40);
  assert.equal(watched.code, "deadline-exceeded");
  const made = world.calls.length;
  const after = world.call("question", callContext({ deadline: until }));
  await settle();
  assert.equal((after.error as TransportError).processed, "no");
  assert.equal(world.calls.length, made);
});

Deno.test("adaptiveTimeout() leaves a deadline alone that another one sees to", async () => {
  const world = setUp();
  await take(world, Array(20).fill(100));
  const call = chain(world.guarded, timeout({ ms: 50, clock: world.clock }));
  void call("question").catch(() => {});
  assert.equal(world.queue.size, 1, "of timeout() alone");
  await world.clock.advance(50);
  assert.equal(world.queue.size, 0);
});

Deno.test("adaptiveTimeout() does not measure further attempts (Karn's rule)", async () => {
  const world = setUp();
  await take(world, Array(30).fill(1), callContext().set(attempt, 2));
  assert.equal(world.limit.stats().samples, 0);
});

Deno.test("adaptiveTimeout() does not measure failures, nor calls that were cancelled", async () => {
  const world = setUp();
  for (let i = 0; i < 30; i++) {
    world.call();
    world.calls.at(-1)!.reject(new TransportError("remote", "broken", { remote: true }));
    const { abort } = world.abortable();
    await abort();
    world.calls.at(-1)!.reject(new TransportError("deadline-exceeded", "because of the cancel"));
    world.call();
    world.calls.at(-1)!.reject(new TransportError("deadline-exceeded", "not sent", { processed: "no" }));
    await settle();
  }
  assert.equal(world.limit.stats().samples, 0);
});

Deno.test("adaptiveTimeout() counts timeouts as calls that took longer: the time does not ratchet down", async () => {
  const world = setUp({ percentile: 0.9, factor: 1.5, windowMs: 10_000, minMs: 1 });
  await take(world, Array(20).fill(100));
  // One in four takes longer than the time there is.
  const found: number[] = [];
  for (let round = 0; round < 200; round++) {
    const watched = world.call();
    await world.clock.advance(round % 4 === 0 ? 400 : 100);
    if (watched.settled === 0) world.calls.at(-1)!.resolve("answer");
    await settle();
    found.push(world.limit.stats().timeoutMs);
  }
  assert.ok(found.every((ms) => ms >= 100), `down to ${Math.min(...found)} ms`);
  assert.ok(found.at(-1)! >= 390, `${found.at(-1)} ms: it has learned of the slow ones`);
});

Deno.test("adaptiveTimeout() grows where everything has become slower, and shrinks again with time", async () => {
  const world = setUp({ windowMs: 10_000 });
  await take(world, Array(30).fill(20));
  assertNear(world.limit.stats().timeoutMs, 40);
  const slow = async (): Promise<void> => {
    const watched = world.call();
    await world.clock.advance(200);
    if (watched.settled === 0) world.calls.at(-1)!.resolve("answer");
    await settle();
  };
  for (let i = 0; i < 8; i++) await slow();
  assert.ok(world.limit.stats().timeoutMs >= 200, `${world.limit.stats().timeoutMs} ms`);
  await take(world, Array(600).fill(20));
  assertNear(world.limit.stats().timeoutMs, 40);
});

Deno.test("adaptiveTimeout() takes nothing from calls whose own deadline was shorter", async () => {
  const world = setUp();
  await take(world, Array(20).fill(100));
  for (let i = 0; i < 50; i++) {
    world.call("question", callContext({ deadline: world.clock.now() + 5 }));
    await world.clock.advance(5);
  }
  assert.equal(world.limit.stats().samples, 20);
  assertNear(world.limit.stats().timeoutMs, 200);
});

Deno.test("adaptiveTimeout() by rtt: SRTT + 4·RTTVAR, doubled with each timeout, and not by a retried answer", async () => {
  const world = setUp({ strategy: "rtt", minSamples: 1 });
  await take(world, [100]);
  assert.equal(world.limit.stats().timeoutMs, 300, "100 + 4 · 50");
  await take(world, [200]);
  assert.equal(world.limit.stats().timeoutMs, 362.5, "112.5 + 4 · 62.5");
  world.call();
  await world.clock.advance(400);
  assert.equal(world.limit.stats().timeoutMs, 725);
  await take(world, [1], callContext().set(attempt, 2));
  assert.equal(world.limit.stats().timeoutMs, 725);
  await take(world, [112.5]);
  assert.equal(world.limit.stats().timeoutMs, 300, "112.5 + 4 · 46.875");
});

Deno.test("adaptiveTimeout() measures each key by itself, and knows a bounded number of them", async () => {
  const world = setUp({ key: (request) => request, maxKeys: 2 });
  await take(world, Array(20).fill(100), background, "slow");
  await take(world, Array(20).fill(20), background, "quick");
  assertNear(world.limit.stats("slow").timeoutMs, 200);
  assertNear(world.limit.stats("quick").timeoutMs, 40);
  assert.deepEqual(world.limit.stats("other"), { timeoutMs: Infinity, samples: 0 });
  await take(world, [1], background, "third");
  assert.equal(world.limit.stats("slow").samples, 0, "forgotten");
});

Deno.test("adaptiveTimeout() tells of times that have changed by a quarter", async () => {
  const world = setUp({ name: "patience", initialMs: 1000 });
  await take(world, Array(22).fill(100));
  await take(world, [101]);
  const [event, ...more] = world.events;
  assert.deepEqual(more, []);
  assert.ok(event.type === "limit-changed" && event.policy === "patience" && event.from === 1000);
  assertNear(event.to, 200);
});

Deno.test("adaptiveTimeout() fixed is a timeout; wrong options and keys are refused", async () => {
  const world = setUp({ strategy: "fixed", initialMs: 30 });
  await take(world, Array(30).fill(1));
  const watched = world.call();
  await world.clock.advance(30);
  assert.equal(watched.code, "deadline-exceeded");
  const wrong: unknown[] = [{ strategy: "fixed" }, { strategy: "best" }, { minMs: 10, maxMs: 5 }, { percentile: 99 }];
  for (const options of wrong) {
    assert.throws(() => adaptiveTimeout(options as AdaptiveTimeoutOptions), { code: "invalid-option" });
  }
  const fault = new TypeError("no route");
  const keyed = adaptiveTimeout({
    clock: new ManualClock(),
    key: () => {
      throw fault;
    },
  });
  await assert.rejects(keyed(() => Promise.resolve(""))("question"), fault);
});
