/**
 * circuitBreaker(): leaves a peer alone that fails.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callContext,
  chain,
  circuitBreaker,
  deadlinesOf,
  type Service,
  timeout,
  TransportError,
} from "../../../mod.ts";
import { failure, settle, Watched } from "../../support/calls.ts";
import { breakerWorld, broken, world } from "../_policy.ts";

Deno.test("a closed breaker passes replies and errors on, with request and context untouched", async () => {
  const { breaker, service, calls } = breakerWorld();
  const guarded = breaker(service);
  const context = callContext({ metadata: { tenant: "acme" } });
  const reply = guarded("question", context);
  assert.equal(calls[0].request, "question");
  assert.equal(calls[0].context, context);
  calls[0].resolve("answer");
  assert.equal(await reply, "answer");
  const error = broken();
  const failed = guarded("question");
  calls[1].reject(error);
  await assert.rejects(failed, error);
});

Deno.test("a breaker opens with so many failures in a row, and refuses calls without making them", async () => {
  const { breaker, fail, call, calls, clock } = breakerWorld();
  await fail(2);
  assert.equal(breaker.state, "closed");
  await fail(1);
  assert.equal(breaker.state, "open");
  await clock.advance(400);
  const refused = call();
  await settle();
  const { error } = refused;
  assert.equal(calls.length, 3);
  assert.equal(refused.code, "circuit-open");
  assert.ok(error instanceof TransportError);
  assert.equal(error.processed, "no");
  assert.equal(error.remote, false);
  assert.equal(error.retryAfterMs, 600);
});

Deno.test("a success ends a row of failures", async () => {
  const { breaker, fail, end } = breakerWorld();
  await fail(2);
  await end();
  await fail(2);
  assert.equal(breaker.state, "closed");
  await fail(1);
  assert.equal(breaker.state, "open");
});

Deno.test("nodeshift/opossum#613: a breaker opens after 5 failures for up to 30 s and closes after 2 successes, if nothing else is said", async () => {
  const { service, calls, clock } = world();
  const breaker = circuitBreaker({ clock });
  const guarded = breaker(service);
  const end = async (fails: boolean): Promise<void> => {
    const watched = new Watched(guarded("question"));
    if (fails) calls.at(-1)!.reject(broken());
    else calls.at(-1)!.resolve("answer");
    await settle(10);
    assert.equal(watched.settled, 1);
  };
  for (let i = 0; i < 4; i++) await end(true);
  assert.equal(breaker.state, "closed");
  await end(true);
  assert.equal(breaker.state, "open");
  const { retryAfterMs } = await failure(guarded("question"), "circuit-open", "no");
  assert.ok(retryAfterMs! > 24_000 - 1 && retryAfterMs! <= 30_000, `${retryAfterMs}`);
  await clock.advance(30_000);
  await end(false);
  assert.equal(breaker.state, "half-open");
  await end(false);
  assert.equal(breaker.state, "closed");
});

Deno.test("an open breaker lets so many calls probe when its time is over, and refuses the others", async () => {
  const { breaker, fail, call, calls, clock } = breakerWorld({ maxProbes: 2 });
  await fail(3);
  await clock.advance(999);
  assert.equal(breaker.state, "open");
  await clock.advance(1);
  assert.equal(breaker.state, "half-open");
  const made = [call(), call(), call(), call()];
  await settle();
  assert.equal(calls.length, 5);
  assert.equal(breaker.probes, 2);
  assert.deepEqual(made.map(({ code }) => code), [undefined, undefined, "circuit-open", "circuit-open"]);
  calls[3].resolve("answer");
  calls[4].resolve("answer");
  await settle();
  assert.equal(breaker.probes, 0);
  assert.equal(breaker.state, "closed");
});

Deno.test("a probe that fails opens the breaker again, whatever succeeded before it", async () => {
  const { breaker, fail, end, clock } = breakerWorld();
  await fail(3);
  await clock.advance(1000);
  await end();
  await end(broken());
  assert.equal(breaker.state, "open");
  await clock.advance(2000);
  await end();
  assert.equal(breaker.state, "half-open");
  await end();
  assert.equal(breaker.state, "closed");
});

Deno.test("each opening lasts twice as long as the one before, up to a limit", async () => {
  const { breaker, fail, clock } = breakerWorld({ maxOpenMs: 5000 });
  await fail(3);
  for (const ms of [1000, 2000, 4000, 5000, 5000]) {
    await clock.advance(ms - 1);
    assert.equal(breaker.state, "open", `before ${ms}`);
    await clock.advance(1);
    assert.equal(breaker.state, "half-open", `after ${ms}`);
    await fail(1);
  }
});

Deno.test("time spent closed makes the next opening shorter again", async () => {
  const { breaker, fail, end, clock } = breakerWorld();
  const openFor = () => breaker.snapshot().openForMs;
  await fail(3);
  await clock.advance(1000);
  await fail(1);
  await clock.advance(2000);
  await fail(1);
  assert.equal(openFor(), 4000);
  await clock.advance(4000);
  await end();
  await end();
  // Two times openMs take two of the three doublings back.
  await clock.advance(2500);
  await fail(3);
  assert.equal(openFor(), 2000);
});

Deno.test("the time open is drawn from the share that jitter leaves to chance", async () => {
  for (const [random, ms] of [[0, 1000], [0.5, 900], [1, 800]]) {
    const { breaker, fail } = breakerWorld({ jitter: 0.2, random: () => random });
    await fail(3);
    assert.equal(breaker.snapshot().openForMs, ms);
  }
});

Deno.test("several chains through one breaker share its state", async () => {
  const { breaker, service, fail, calls } = breakerWorld();
  const other = chain(service, breaker);
  await fail(3);
  await failure(other("question"), "circuit-open", "no");
  assert.equal(calls.length, 3);
});

Deno.test("a service that throws instead of rejecting counts as one that fails, as a probe too", async () => {
  const { clock } = world();
  const breaker = circuitBreaker({ failures: 1, openMs: 100, jitter: 0, clock });
  const guarded = breaker((): Promise<string> => {
    throw new RangeError("broken");
  });
  await assert.rejects(guarded("question"), RangeError);
  assert.equal(breaker.state, "open");
  await clock.advance(100);
  await assert.rejects(guarded("question"), RangeError);
  assert.equal(breaker.state, "open");
  assert.equal(breaker.probes, 0);
});

Deno.test("what counts can be said: an error that is none, a reply that is one", async () => {
  const { breaker, end } = breakerWorld({
    failures: 1,
    countsAs: (outcome, result) =>
      result instanceof RangeError
        ? "neutral"
        : result === "sorry"
        ? "failure"
        : outcome === "success"
        ? outcome
        : "failure",
  });
  await end(new RangeError("not there"));
  assert.equal(breaker.state, "closed");
  await end("answer");
  assert.equal(breaker.state, "closed");
  await end("sorry");
  assert.equal(breaker.state, "open");
});

Deno.test("HTTP statuses of 500 and above and 429 count as failures, others do not", async () => {
  const { service, calls, clock } = world<string, Response>();
  const breaker = circuitBreaker({ failures: 1, clock });
  const guarded = breaker(service);
  const answer = async (status: number): Promise<void> => {
    const reply = guarded("question");
    calls.at(-1)!.resolve(new Response(null, { status }));
    assert.equal((await reply).status, status);
  };
  for (const status of [200, 204, 304, 400, 404, 499]) await answer(status);
  assert.equal(breaker.state, "closed");
  for (const status of [429, 500, 502, 503]) {
    await answer(status);
    assert.equal(breaker.state, "open", `${status}`);
    breaker.reset();
  }
});

Deno.test("a timeout inside of the breaker counts as a failure, and so does one around it", async () => {
  for (const order of ["inside", "around"]) {
    const { service, calls, clock } = world();
    const breaker = circuitBreaker({ failures: 1, clock });
    const heeding: Service<string, string> = (request, context) => {
      const reply = service(request, context);
      context!.cancellation!.subscribe({ cancelled: (reason) => calls.at(-1)!.reject(reason) });
      return reply;
    };
    const bound = timeout({ ms: 50, clock });
    const call = order === "inside" ? chain(heeding, bound, breaker) : chain(heeding, breaker, bound);
    const watched = new Watched(call("question"));
    await clock.advance(50);
    assert.equal(watched.code, "deadline-exceeded");
    assert.equal(breaker.state, "open", order);
    assert.equal(deadlinesOf(clock).size, 0);
  }
});
