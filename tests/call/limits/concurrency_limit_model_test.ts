/**
 * concurrencyLimit() through thousands of random orders of
 * events.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callContext,
  type CallQueue,
  type ConcurrencyLimit,
  concurrencyLimit,
  deadlinesOf,
  ManualClock,
  TransportError,
} from "../../../mod.ts";
import { scripted, type ScriptedCall, settle, Watched } from "../../support/calls.ts";
import { Random } from "../../support/random.ts";
import { streamed } from "./_limited.ts";

type Reply = string | Response;

/** One call, and what the test knows of it. */
interface Tracked {
  readonly watched: Watched<Reply>;
  readonly controller: AbortController;
}

/** A call in flight, and how its place is given back. */
interface Held {
  readonly call: ScriptedCall<number, Reply>;
  body?: { end(): void; fail(error: unknown): void };
}

/** A limit under random events. */
class Model {
  readonly random: Random;
  readonly clock = new ManualClock();
  readonly tracked: Tracked[] = [];
  readonly inner = scripted<number, Reply>();
  readonly limit: ConcurrencyLimit;
  readonly #call: (request: number, context: ReturnType<typeof callContext>) => Promise<Reply>;
  readonly #held = new Map<ScriptedCall<number, Reply>, Held>();
  readonly #maxWaiting: number;
  #seen = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    const { random, clock } = this;
    this.#maxWaiting = random.below(5);
    this.limit = concurrencyLimit({
      max: random.between(1, 4),
      algorithm: random.pick(["fixed", "fixed", "aimd", "vegas", "gradient2"]),
      initial: 1,
      min: 1,
      maxWaiting: this.#maxWaiting,
      acquireTimeoutMs: random.between(1, 60),
      queue: random.pick<CallQueue>(["fifo", "adaptive-lifo", "priority"]),
      clock,
      random: () => 0.5,
    });
    this.#call = this.limit(this.inner.service);
  }

  /** Sees which calls have come through. */
  look(what: string): void {
    const { calls } = this.inner;
    for (; this.#seen < calls.length; this.#seen++) this.#held.set(calls[this.#seen], { call: calls[this.#seen] });
    const { limit, inFlight, waiting } = this.limit.stats();
    assert.equal(inFlight, this.#held.size, `${what}: every place is held by a call that is not over`);
    assert.ok(waiting <= this.#maxWaiting, `${what}: ${waiting} wait`);
    assert.ok(waiting === 0 || inFlight >= limit, `${what}: ${waiting} wait at ${inFlight} of ${limit}`);
  }

  async step(): Promise<void> {
    const { random, clock } = this;
    const before = this.limit.stats();
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        this.#begin();
        assert.ok(this.limit.stats().inFlight <= Math.max(before.inFlight, before.limit), "never more than allowed");
        break;
      case 3:
        if (this.tracked.length > 0) random.pick(this.tracked).controller.abort();
        break;
      case 4:
        await clock.advance(random.between(0, 25));
        break;
      case 5:
        this.limit.setMax(random.between(1, 4));
        break;
      default:
        await this.#end();
    }
    if (random.oneIn(2)) await settle(12);
  }

  /** Ends all that is left. */
  async finish(): Promise<void> {
    await this.clock.advance(200);
    this.look("in the end");
    while (this.#held.size > 0) {
      await this.#end();
      await settle(20);
      this.look("in the end");
    }
  }

  #begin(): void {
    const { random, clock } = this;
    const controller = new AbortController();
    const deadline = random.oneIn(3) ? clock.now() + random.between(0, 40) : Infinity;
    const context = callContext({ signal: controller.signal, deadline, priority: random.below(8) });
    this.tracked.push({ watched: new Watched(this.#call(this.tracked.length, context)), controller });
  }

  /** Brings one call that is in flight nearer to its end. */
  async #end(): Promise<void> {
    const { random } = this;
    if (this.#held.size === 0) return;
    const held = random.pick([...this.#held.values()]);
    const { call } = held;
    if (held.body !== undefined) {
      if (random.oneIn(2)) held.body.end();
      else held.body.fail(new Error("cut"));
      await (this.tracked[call.request].watched.reply as Response).text().catch(() => {});
      this.#held.delete(call);
      return;
    }
    const way = random.below(4);
    if (way === 0) call.reject(new Error("broken"));
    else if (way === 1) call.reject(new TransportError("overloaded", "busy", { remote: true }));
    else if (way === 2) call.resolve("answer");
    else {
      const { response, ...body } = streamed();
      call.resolve(response);
      held.body = body;
      await settle(12);
      return;
    }
    this.#held.delete(call);
    await settle(12);
  }
}

Deno.test("concurrencyLimit() never exceeds its limit, loses no waiter and no place, in 6000 random orders of events", async () => {
  for (let seed = 1; seed <= 6000; seed++) {
    const model = new Model(seed);
    for (let step = 0; step < 16; step++) {
      await model.step();
      await settle(12);
      model.look(`seed ${seed}, step ${step}`);
    }
    await model.finish();
    for (const [id, { watched }] of model.tracked.entries()) {
      assert.equal(watched.settled, 1, `seed ${seed}, call ${id} settles exactly once`);
    }
    const { inFlight, waiting } = model.limit.stats();
    assert.deepEqual([inFlight, waiting], [0, 0], `seed ${seed}: nothing is left`);
    assert.equal(deadlinesOf(model.clock).size, 0, `seed ${seed}: nothing is left in the queue`);
  }
});
