/**
 * circuitBreaker() beside a plain model of it, through thousands of random
 * orders of events.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type BreakerState, callContext, type Isolation, TransportError } from "../../../mod.ts";
import { settle, Watched } from "../../support/calls.ts";
import { Random } from "../../support/random.ts";
import { breakerWorld, broken } from "../_policy.ts";

const openMs = 100;
const maxOpenMs = 400;
const forgetAfterMs = 300;
const probeLeaseMs = 80;

/** What a breaker is to do, without regard to anything but being plain. */
class Model {
  state: "closed" | "open" | "half-open" = "closed";
  generation = 0;
  isolations = 0;
  readonly leases = new Map<number, number>();
  #row = 0;
  #lastFailureAt = -Infinity;
  #successes = 0;
  #doublings = 0;
  #openUntil = 0;
  #closedAt = 0;

  constructor(readonly failures: number, readonly successes: number, readonly maxProbes: number) {}

  stateAt(now: number): BreakerState {
    if (this.isolations > 0) return "isolated";
    return this.state === "open" && now >= this.#openUntil ? "half-open" : this.state;
  }

  /** The generation of a call that is let through; undefined where it is refused. */
  admit(id: number, now: number): number | undefined {
    if (this.isolations > 0) return undefined;
    if (this.state === "open" && now < this.#openUntil) return undefined;
    if (this.state === "open") this.enter("half-open", now);
    for (const [other, endsAt] of this.leases) if (endsAt <= now) this.leases.delete(other);
    if (this.state === "half-open") {
      if (this.leases.size >= this.maxProbes) return undefined;
      this.leases.set(id, now + probeLeaseMs);
    }
    return this.generation;
  }

  end(id: number, generation: number, result: "success" | "failure" | "neutral", now: number): void {
    this.leases.delete(id);
    if (generation !== this.generation || result === "neutral") return;
    if (this.state === "half-open") {
      if (result === "failure") this.#open(now);
      else if (++this.#successes >= this.successes) this.enter("closed", now);
    } else if (result === "success") {
      this.#row = 0;
    } else {
      this.#row = now - this.#lastFailureAt >= forgetAfterMs ? 1 : this.#row + 1;
      this.#lastFailureAt = now;
      if (this.#row >= this.failures) this.#open(now);
    }
  }

  enter(state: Model["state"], now: number): void {
    this.state = state;
    this.generation++;
    this.leases.clear();
    this.#row = this.#successes = 0;
    if (state === "closed") this.#closedAt = now;
  }

  reset(now: number): void {
    this.#doublings = 0;
    this.enter("closed", now);
  }

  #open(now: number): void {
    if (this.state === "closed") {
      this.#doublings = Math.max(0, this.#doublings - Math.floor((now - this.#closedAt) / openMs));
    }
    this.#openUntil = now + Math.min(maxOpenMs, openMs * 2 ** this.#doublings);
    this.#doublings = Math.min(2, this.#doublings + 1);
    this.enter("open", now);
  }
}

interface Made {
  readonly watched: Watched<string>;
  readonly controller: AbortController;
  /** Which of the scripted calls it is, and of which generation; undefined where it was refused. */
  readonly through: { index: number; generation: number } | undefined;
  ended: boolean;
  given: boolean;
}

async function interleave(seed: number, steps: number): Promise<void> {
  const random = new Random(seed);
  const model = new Model(random.between(1, 4), random.between(1, 3), random.between(1, 3));
  const { failures, successes, maxProbes } = model;
  const limits = { openMs, maxOpenMs, forgetAfterMs, probeLeaseMs };
  const { breaker, service, calls, clock, queue } = breakerWorld({ failures, successes, maxProbes, ...limits });
  const guarded = breaker(service);
  const made: Made[] = [];
  const isolations: Isolation[] = [];
  let trace = `seed ${seed}`;

  const begin = (): void => {
    const id = made.length;
    const controller = new AbortController();
    const before = calls.length;
    const watched = new Watched(guarded(`${id}`, callContext({ signal: controller.signal })));
    const generation = model.admit(id, clock.now());
    assert.equal(calls.length > before, generation !== undefined, `${trace}: let through or not`);
    const through = generation === undefined ? undefined : { index: before, generation };
    made.push({ watched, controller, through, ended: through === undefined, given: false });
  };
  const end = async (id: number, result: "success" | "failure" | "neutral"): Promise<void> => {
    const { through } = made[id];
    made[id].ended = true;
    if (!made[id].given) model.end(id, through!.generation, result, clock.now());
    const call = calls[through!.index];
    if (result === "success") call.resolve("answer");
    else call.reject(result === "failure" ? broken() : new TransportError("superseded", "Another attempt won"));
    await settle(6);
  };
  /** The caller gives up. A probe gives its lease back at once; any other call ends when its service says so. */
  const cancel = async (id: number): Promise<void> => {
    const one = made[id];
    one.controller.abort();
    const lease = one.through !== undefined && model.leases.has(id);
    if (lease) model.end(id, one.through!.generation, "neutral", clock.now());
    if (lease) one.given = true;
    if (random.oneIn(2)) {
      one.ended = true;
      calls[one.through!.index].reject(new Error("aborted"));
    }
    await settle(6);
  };

  for (let step = 0; step < steps; step++) {
    const open = made.flatMap((one, id) => one.ended || one.controller.signal.aborted ? [] : [id]);
    const action = random.below(100);
    trace += ` ${action}`;
    if (action < 40 || open.length === 0) begin();
    else if (action < 55) await end(random.pick(open), "success");
    else if (action < 75) await end(random.pick(open), "failure");
    else if (action < 79) await end(random.pick(open), "neutral");
    else if (action < 86) await cancel(random.pick(open));
    else if (action < 97) await clock.advance(random.below(60));
    else if (action < 98) {
      breaker.reset();
      model.reset(clock.now());
    } else if (isolations.length > 0 && random.oneIn(2)) {
      isolations.pop()!.end();
      if (--model.isolations === 0) model.enter("closed", clock.now());
    } else {
      isolations.push(breaker.isolate());
      if (model.isolations++ === 0) model.enter("closed", clock.now());
    }
    assert.equal(breaker.state, model.stateAt(clock.now()), trace);
    assert.equal(breaker.probes, model.leases.size, `${trace}: probes`);
    assert.ok(breaker.probes <= maxProbes, `${trace}: no more probes than allowed`);
    assert.equal(clock.pending + queue.size, 0, `${trace}: no timer`);
  }
  for (const one of made) {
    if (!one.ended) calls[one.through!.index].resolve("answer");
  }
  await settle(6);
  assert.equal(breaker.probes, 0, `${trace}: no lease is left`);
  for (const [id, { watched, through }] of made.entries()) {
    assert.equal(watched.settled, 1, `${trace}: call ${id} settles exactly once`);
    assert.equal(watched.code === "circuit-open", through === undefined, `${trace}: call ${id} is refused or made`);
  }
}

Deno.test("a breaker does as its model, in 5000 random orders of events", async () => {
  for (let seed = 1; seed <= 5000; seed++) await interleave(seed, 40);
});

Deno.test("a breaker does as its model, in 100 long random orders of events", async () => {
  for (let seed = 10_001; seed <= 10_100; seed++) await interleave(seed, 1000);
});
