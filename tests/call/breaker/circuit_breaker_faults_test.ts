/**
 * circuitBreaker() with a function of its user's that throws.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, type CircuitBreaker, circuitBreaker, concurrencyLimit } from "../../../mod.ts";
import { settle, Watched } from "../../support/calls.ts";
import { broken, world } from "../_policy.ts";

const fault = new Error("countsAs is broken");

/** A half-open breaker whose countsAs() throws from now on. */
async function halfOpen() {
  const made = world<string, unknown>();
  let works = true;
  const breaker: CircuitBreaker = circuitBreaker({
    ...made.common,
    failures: 1,
    openMs: 1000,
    jitter: 0,
    countsAs: (outcome) => {
      if (works) return outcome === "success" ? "success" : "failure";
      throw fault;
    },
  });
  const call = breaker(made.service);
  new Watched(call("opens it"));
  made.calls[0].reject(broken());
  await settle();
  await made.clock.advance(1000);
  return { ...made, breaker, call, breaks: () => works = false };
}

Deno.test("what countsAs() throws the call is rejected with, and its probe gives its place to another", async () => {
  for (const ends of ["reply", "error"] as const) {
    const { breaker, call, calls, breaks } = await halfOpen();
    const probe = new Watched(call("probes"));
    breaks();
    let cancelled = false;
    if (ends === "error") calls[1].reject(broken());
    else calls[1].resolve(new Response(new ReadableStream({ cancel: () => void (cancelled = true) })));
    await settle();
    assert.deepEqual([probe.error, breaker.probes, breaker.state], [fault, 0, "half-open"], ends);
    assert.equal(cancelled, ends === "reply", "a response that is not passed on is let go of");
  }
});

Deno.test("a probe that is cancelled gives its place back although countsAs() throws, and its caller hears why", async () => {
  const { breaker, call, calls, breaks } = await halfOpen();
  const controller = new AbortController();
  const probe = new Watched(call("probes", callContext({ signal: controller.signal })));
  breaks();
  controller.abort();
  assert.deepEqual([breaker.probes, breaker.state], [0, "half-open"]);
  calls[1].reject(broken());
  await settle();
  assert.equal(probe.settled, 1);
});

Deno.test("a body that fails gives all of its places back although countsAs() throws", async () => {
  const limit = concurrencyLimit({ max: 1 });
  let asked = 0;
  const breaker = circuitBreaker({
    countsAs: () => {
      if (++asked === 1) return "success";
      throw fault;
    },
  });
  const torn = new ReadableStream({ pull: (controller) => controller.error(broken()) }, { highWaterMark: 0 });
  const call = chain((_: string) => new Response(torn), breaker, limit);
  const reply = await call("question");
  await assert.rejects(reply.text());
  await settle();
  assert.deepEqual([asked, limit.stats().inFlight, breaker.state], [2, 0, "closed"]);
});
