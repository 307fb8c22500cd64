/**
 * retry() and hedge(), alone and together, through thousands of random orders
 * of events.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  attempt,
  callContext,
  chain,
  deadlinesOf,
  hedge,
  idempotent,
  ManualClock,
  type Processed,
  retry,
  RetryBudget,
  type Service,
  TransportError,
} from "../../../mod.ts";
import { scripted, settle, Watched } from "../../support/calls.ts";
import { Random } from "../../support/random.ts";

interface Caller {
  readonly watched: Watched<number>;
  readonly controller: AbortController;
  readonly deadline: number;
  readonly repeatable: boolean;
  cancelled: boolean;
}

interface Attempt {
  readonly caller: number;
  readonly number: number;
  ended: "replied" | "failed" | undefined;
  processed: Processed;
}

class World {
  readonly #random: Random;
  readonly #clock = new ManualClock();
  readonly #script = scripted<number, number>();
  readonly #callers: Caller[] = [];
  readonly #attempts: Attempt[] = [];
  readonly #budget: RetryBudget;
  readonly #call: Service<number, number>;
  readonly #most: number;
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #hedged: boolean;
  #trace: string;

  constructor(seed: number) {
    const random = this.#random = new Random(seed);
    this.#trace = `seed ${seed}`;
    const clock = this.#clock;
    this.#ratio = random.pick([0, 0.5, 2]);
    this.#reserve = random.between(0, 4);
    // A window that is longer than the test: what is spent is bounded by all that was earned.
    this.#budget = new RetryBudget({
      ratio: this.#ratio,
      minPerSecond: this.#reserve / 1000,
      windowMs: 1_000_000,
      clock,
    });
    const heeds = random.oneIn(2);
    const inner: Service<number, number> = (request, context) => {
      const made: Attempt = { caller: request, number: context!.get(attempt), ended: undefined, processed: "maybe" };
      this.#checkBegin(made);
      this.#attempts.push(made);
      const reply = this.#script.service(request, context);
      const call = this.#script.calls.at(-1)!;
      if (heeds) context!.cancellation?.subscribe({ cancelled: (reason) => call.reject(reason) });
      const reason = context!.cancellation?.reason;
      if (heeds && reason !== undefined) call.reject(reason);
      return reply;
    };
    const budget = this.#budget;
    const maxAttempts = random.between(1, 4);
    const maxHedges = random.between(1, 2);
    const again = retry({
      budget,
      clock,
      maxAttempts,
      initialBackoffMs: random.below(40),
      random: () => random.below(100) / 100,
    });
    const ahead = hedge({ budget, clock, maxHedges, delayMs: random.below(30) });
    const shape = random.below(3);
    this.#hedged = shape > 0;
    this.#call = shape === 0 ? chain(inner, again) : shape === 1 ? chain(inner, ahead) : chain(inner, ahead, again);
    this.#most = (shape === 1 ? 1 : maxAttempts) * (shape === 0 ? 1 : 1 + maxHedges);
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.#step();
      this.#check();
    }
    await this.#end();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const open = this.#attempts.flatMap((one, index) => one.ended === undefined ? [index] : []);
    const action = random.below(100);
    this.#trace += ` ${action}`;
    if (action < 30 || open.length === 0) this.#begin();
    else if (action < 45) this.#reply(random.pick(open));
    else if (action < 70) this.#fail(random.pick(open));
    else if (action < 78) {
      const caller = random.pick(this.#callers);
      caller.cancelled = true;
      caller.controller.abort();
    } else await this.#clock.advance(random.below(40));
    if (!random.oneIn(3)) await settle(12);
  }

  #begin(): void {
    const random = this.#random;
    const controller = new AbortController();
    const deadline = random.oneIn(3) ? this.#clock.now() + random.below(100) : Infinity;
    const repeatable = !random.oneIn(4);
    // The service is called at once, and looks its caller up.
    const late = Promise.withResolvers<number>();
    this.#callers.push({ watched: new Watched(late.promise), controller, deadline, repeatable, cancelled: false });
    const context = callContext({ signal: controller.signal, deadline }).set(idempotent, repeatable);
    late.resolve(this.#call(this.#callers.length - 1, context));
  }

  #reply(index: number): void {
    this.#attempts[index].ended = "replied";
    this.#script.calls[index].resolve(this.#attempts[index].caller);
  }

  #fail(index: number): void {
    const processed = this.#random.pick<Processed>(["no", "maybe", "yes"]);
    Object.assign(this.#attempts[index], { ended: "failed", processed });
    this.#script.calls[index].reject(new TransportError("connection-lost", "The script cuts it", { processed }));
  }

  #checkBegin(made: Attempt): void {
    const caller = this.#callers[made.caller];
    const before = this.#attempts.filter((one) => one.caller === made.caller);
    assert.equal(caller.watched.settled, 0, `${this.#trace}: no attempt for a call that is over`);
    assert.ok(before.length < this.#most, `${this.#trace}: no more attempts than allowed`);
    if (before.length === 0) return assert.equal(made.number, 1, this.#trace);
    assert.ok(!caller.cancelled, `${this.#trace}: no further attempt for a caller that has gone`);
    assert.ok(this.#clock.now() < caller.deadline, `${this.#trace}: no further attempt after the deadline`);
    if (caller.repeatable) return;
    for (const one of before) {
      assert.equal(one.ended, "failed", `${this.#trace}: what may be made once is not made twice at once`);
      assert.equal(one.processed, "no", `${this.#trace}: what may be made once is not made again after maybe`);
    }
  }

  #check(): void {
    const balance = this.#budget.balance;
    const { further } = this;
    // Both of a chain count each call.
    const earned = this.#ratio * this.#callers.length * (this.#hedged ? 2 : 1);
    assert.ok(balance >= 0, `${this.#trace}: the budget is never negative`);
    assert.ok(further <= earned + this.#reserve + 1e-6, `${this.#trace}: ${further} further attempts`);
    for (const [index, { caller, ended }] of this.#attempts.entries()) {
      if (ended !== undefined || this.#callers[caller].watched.settled === 0) continue;
      assert.ok(this.#script.calls[index].cancelled !== undefined, `${this.#trace}: attempt ${index} is abandoned`);
    }
  }

  async #end(): Promise<void> {
    // Ends what has begun, and what begins while that ends.
    for (let index = 0; index < this.#attempts.length || this.#callers.some(({ watched }) => watched.settled === 0);) {
      for (; index < this.#attempts.length; index++) {
        if (this.#attempts[index].ended === undefined) this.#reply(index);
      }
      await this.#clock.advance(10);
    }
    for (const [id, { watched, repeatable }] of this.#callers.entries()) {
      const what = `${this.#trace}: call ${id}`;
      assert.equal(watched.settled, 1, `${what} settles exactly once`);
      const own = this.#attempts.filter(({ caller }) => caller === id);
      if (watched.reply !== undefined) assert.equal(watched.reply, id, `${what} has its own reply`);
      else if (!repeatable || this.#most === 1) continue;
      else if (watched.error instanceof TransportError && watched.error.processed === "no") {
        const done = own.filter(({ ended, processed }) => ended === "failed" && processed !== "no");
        if (!this.#hedged) assert.equal(done.length, 0, `${what} does not deny what was done`);
      }
    }
    assert.equal(deadlinesOf(this.#clock).size, 0, `${this.#trace}: nothing is waited for`);
  }

  /** Attempts after the first ones. */
  get further(): number {
    return this.#attempts.length - new Set(this.#attempts.map(({ caller }) => caller)).size;
  }
}

async function repeat(from: number, to: number, steps: number): Promise<void> {
  let further = 0;
  for (let seed = from; seed <= to; seed++) {
    const world = new World(seed);
    await world.run(steps);
    further += world.further;
  }
  assert.ok(further > to - from, `${further} further attempts`);
}

Deno.test("retry() and hedge() keep their promises in 8000 random orders of events", async () => {
  await repeat(1, 8000, 25);
});

Deno.test("retry() and hedge() keep their promises in 200 long random orders of events", async () => {
  await repeat(20_001, 20_200, 400);
});
