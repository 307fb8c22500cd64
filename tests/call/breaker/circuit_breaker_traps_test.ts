/**
 * circuitBreaker(): what others got wrong, each by the name it is known by.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, circuitBreaker, type Outcome, outcomeOf, timeout, TransportError } from "../../../mod.ts";
import { failure, settle, Watched } from "../../support/calls.ts";
import { breakerWorld, broken, world } from "../_policy.ts";

Deno.test("nodeshift/opossum ESEMLOCKED: what this side refused opens no breaker", async () => {
  const { breaker, end } = breakerWorld({ failures: 1 });
  for (const code of ["too-many-calls", "overloaded", "rate-limited", "circuit-open", "acquire-timeout"] as const) {
    await end(new TransportError(code, "Refused here"));
    assert.equal(breaker.state, "closed", code);
  }
  await end(new TransportError("overloaded", "Refused there", { remote: true }));
  assert.equal(breaker.state, "open");
});

Deno.test("nodeshift/opossum#861: one call's end cancels none of its siblings", async () => {
  const { breaker, call, calls, end } = breakerWorld();
  const sibling = call(new AbortController().signal);
  await end(broken());
  await end(broken());
  await end(broken());
  assert.equal(breaker.state, "open");
  assert.equal(calls[0].cancelled, undefined);
  calls[0].resolve("answer");
  await settle();
  assert.equal(sibling.reply, "answer");
});

Deno.test("nodeshift/opossum#385: failures that come together open it once, for one full time", async () => {
  const { breaker, call, calls, clock, events } = breakerWorld();
  const together = Array.from({ length: 10 }, () => call());
  await clock.advance(5);
  for (const one of calls) one.reject(broken());
  await settle();
  assert.deepEqual(together.map(({ settled }) => settled), Array(10).fill(1));
  await clock.advance(999);
  assert.equal(breaker.state, "open");
  await clock.advance(1);
  assert.equal(breaker.state, "half-open");
  assert.equal(events.filter(({ type }) => type === "state-changed").length, 1);
});

Deno.test("nodeshift/opossum#719: a breaker has no timer, whatever its state", async () => {
  const { fail, end, clock, queue } = breakerWorld({ windows: [{ failureRate: 0.5 }] });
  const nothing = () => assert.deepEqual([clock.pending, queue.size], [0, 0]);
  await fail(3);
  nothing();
  await clock.advance(1000);
  await end();
  nothing();
  await end();
  nothing();
});

Deno.test("connor4312/cockatiel#64: failures from long ago do not open it", async () => {
  const { breaker, fail, clock } = breakerWorld();
  await fail(2);
  await clock.advance(600_000);
  await fail(1);
  assert.equal(breaker.state, "closed");
  await fail(2);
  assert.equal(breaker.state, "open");
});

Deno.test("connor4312/cockatiel#72, #99: an answered response ends with its body, for its own reason", async () => {
  const { service, calls, clock } = world<string, Response>();
  const breaker = circuitBreaker({ failures: 1, clock });
  const call = chain(service, breaker, timeout({ ms: 50, clock }));
  const reply = call("question");
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  calls[0].resolve(new Response(new ReadableStream({ start: (given) => void (controller = given) })));
  const response = await reply;
  await clock.advance(1000);
  assert.equal(breaker.state, "closed");
  const torn = new TransportError("connection-lost", "Connection lost in the body");
  controller.error(torn);
  await assert.rejects(response.text(), torn);
  assert.equal(breaker.state, "open");
});

Deno.test("connor4312/cockatiel, half open: a caller does not hang behind a probe that hangs", async () => {
  const { fail, call, calls, clock } = breakerWorld();
  await fail(3);
  await clock.advance(1000);
  call();
  const second = call();
  await settle();
  assert.equal(second.code, "circuit-open");
  assert.equal(calls.length, 4);
});

Deno.test("resilience4j#544, #935: a probe that never ends gives its place up after a time", async () => {
  const { breaker, fail, call, calls, clock, end } = breakerWorld({ probeLeaseMs: 500 });
  await fail(3);
  await clock.advance(1000);
  const hung = call();
  await clock.advance(499);
  assert.equal((await end()).code, "circuit-open");
  await clock.advance(1);
  assert.equal((await end()).reply, "answer");
  assert.equal(breaker.probes, 0);
  assert.equal(hung.settled, 0);
  // What it has to say at last is true of the same time half open.
  calls[3].resolve("late");
  await settle();
  assert.equal(breaker.state, "closed");
  assert.equal(breaker.probes, 0);
});

Deno.test("a probe that was answered with a stream without end succeeds when its lease is over", async () => {
  const { service, calls, clock } = world<string, Response>();
  const breaker = circuitBreaker({ failures: 1, successes: 2, openMs: 100, jitter: 0, probeLeaseMs: 500, clock });
  const call = breaker(service);
  const stream = async (): Promise<Response> => {
    const reply = call("question");
    calls.at(-1)!.resolve(new Response(new ReadableStream({})));
    return await reply;
  };
  const lost = call("question");
  calls[0].reject(broken());
  await assert.rejects(lost);
  await clock.advance(100);
  const streams = [await stream()];
  await failure(call("question"), "circuit-open");
  await clock.advance(500);
  streams.push(await stream());
  assert.equal(breaker.state, "half-open");
  await clock.advance(500);
  streams.push(await stream());
  assert.equal(breaker.state, "closed");
  for (const one of streams) await one.body!.cancel();
  assert.equal(breaker.state, "closed");
});

Deno.test("denoland/std#7306: what began before the last change of state changes nothing", async () => {
  const { breaker, fail, call, calls, end, clock } = breakerWorld({ maxProbes: 2 });
  const early = [call(), call(), call()];
  await fail(3);
  await clock.advance(1000);
  await end();
  assert.equal(breaker.state, "half-open");
  // A success and a failure of the time when it was closed.
  calls[0].resolve("answer");
  calls[1].reject(broken());
  await settle();
  assert.equal(breaker.state, "half-open");
  const probe = call();
  await end(broken());
  assert.equal(breaker.state, "open");
  await clock.advance(2000);
  await end();
  // A probe of the last time half open succeeds now.
  calls[calls.length - 3].resolve("answer");
  calls[2].resolve("answer");
  await settle();
  assert.equal(probe.reply, "answer");
  assert.equal(breaker.state, "half-open");
  assert.deepEqual(early.map(({ settled }) => settled), [1, 1, 1]);
});

Deno.test("denoland/std#7097: the time open counts from the failure, not from the beginning of its call", async () => {
  const { breaker, fail, call, calls, clock } = breakerWorld();
  await fail(2);
  call();
  await clock.advance(5000);
  calls[2].reject(broken());
  await settle();
  assert.equal(breaker.snapshot().openForMs, 1000);
});

Deno.test("safe-global/safe-client-gateway#3442: a thousand callers half open make no more than the probes allowed", async () => {
  const { fail, call, calls, clock } = breakerWorld({ maxProbes: 3 });
  await fail(3);
  await clock.advance(1000);
  for (let i = 0; i < 1000; i++) call();
  await settle();
  assert.equal(calls.length, 3 + 3);
});

Deno.test("App-vNext/Polly: a probe that its caller gives up closes nothing, and gives its place to another", async () => {
  for (const heeds of [true, false]) {
    const { breaker, fail, call, calls, clock } = breakerWorld({ successes: 1 });
    await fail(3);
    await clock.advance(1000);
    const gone = AbortSignal.abort();
    const before = call(gone);
    const controller = new AbortController();
    const during = call(controller.signal);
    await settle();
    assert.equal(calls.length, 4);
    controller.abort();
    if (heeds) calls[3].reject(calls[3].cancelled);
    await settle();
    assert.deepEqual([breaker.state, breaker.probes], ["half-open", 0]);
    assert.deepEqual([before.code, during.code], ["cancelled", heeds ? "cancelled" : undefined]);
    call();
    assert.equal(calls.length, 5);
    // The first one's reply comes too late to speak for anything.
    calls[3].resolve("late");
    await settle();
    assert.equal(breaker.state, "half-open");
    calls[4].resolve("answer");
    await settle();
    assert.equal(breaker.state, "closed");
  }
});

Deno.test("an error that its caller's cancelling brought forth is the caller's, whatever its class", async () => {
  const { breaker, call, calls } = breakerWorld({ failures: 1 });
  const controller = new AbortController();
  const watched = call(controller.signal);
  controller.abort();
  calls[0].reject(new DOMException("The signal has been aborted", "AbortError"));
  await settle();
  assert.equal(watched.settled, 1);
  assert.equal(breaker.state, "closed");
});

Deno.test("an HTTP request whose own signal was aborted says nothing about the peer, one whose signal timed out does", async () => {
  const reasons = [new DOMException("Aborted", "AbortError"), "enough", new DOMException("Too late", "TimeoutError")];
  for (const [index, reason] of reasons.entries()) {
    for (const headFirst of [false, true]) {
      const { service, calls, clock } = world<Request, Response>();
      const breaker = circuitBreaker({ failures: 1, clock });
      const controller = new AbortController();
      const reply = breaker(service)(new Request("http://localhost/", { signal: controller.signal }));
      if (headFirst) {
        let stream!: ReadableStreamDefaultController<Uint8Array>;
        calls[0].resolve(new Response(new ReadableStream({ start: (given) => void (stream = given) })));
        const response = await reply;
        controller.abort(reason);
        stream.error(reason);
        await assert.rejects(response.text());
      } else {
        controller.abort(reason);
        calls[0].reject(reason);
        await assert.rejects(reply);
      }
      assert.equal(breaker.state, index === 2 ? "open" : "closed", `${reason}, ${headFirst}`);
    }
  }
});

Deno.test("an attempt that another one superseded says nothing about the peer", async () => {
  const outcomes: Outcome[] = [];
  const { breaker, end } = breakerWorld({
    failures: 1,
    countsAs: (outcome) => {
      outcomes.push(outcome);
      return outcome === "failure" ? "failure" : outcome === "success" ? "success" : "neutral";
    },
  });
  const error = new TransportError("superseded", "Another attempt won");
  assert.equal(outcomeOf(error), "superseded");
  await end(error);
  assert.equal(breaker.state, "closed");
  assert.deepEqual(outcomes, ["superseded"]);
});

Deno.test("a probe that times out opens the breaker at once, though its service hears nothing", async () => {
  const { breaker, service, fail, clock } = breakerWorld();
  const call = chain(service, breaker, timeout({ ms: 50, clock }));
  await fail(3);
  await clock.advance(1000);
  const hung = new Watched(call("question"));
  await clock.advance(50);
  assert.equal(hung.code, "deadline-exceeded");
  assert.equal(breaker.state, "open");
});
