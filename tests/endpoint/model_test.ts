/**
 * pool() through thousands of random orders of events, with what must hold
 * after each of them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, TransportError } from "../../mod.ts";
import { settle, type Watched } from "../support/calls.ts";
import { Random } from "../support/random.ts";
import { pooled, type PoolSetUp } from "./_set_up.ts";

interface Caller {
  readonly watched: Watched<number>;
  readonly controller: AbortController;
}

class Model {
  readonly #random: Random;
  readonly #seed: number;
  readonly #max: number;
  readonly #min: number;
  readonly #maxWaiting: number;
  readonly #set: PoolSetUp;
  readonly #callers: Caller[] = [];
  #closing: Promise<void> | undefined = undefined;
  #steps = "";

  constructor(seed: number) {
    const random = this.#random = new Random(seed);
    this.#seed = seed;
    this.#max = random.between(1, 4);
    this.#min = random.below(this.#max + 1);
    this.#maxWaiting = random.between(1, 20);
    this.#set = pooled({
      max: this.#max,
      min: this.#min,
      maxWaiting: this.#maxWaiting,
      callsPerConnection: random.between(1, 3),
      waitForReady: random.oneIn(2),
      prewarm: random.oneIn(3),
      acquireTimeoutMs: random.between(10, 300),
      idleTimeoutMs: random.between(20, 500),
      maxLifetimeMs: random.oneIn(2) ? Infinity : random.between(50, 1000),
      initialBackoffMs: random.between(1, 50),
      random: () => random.below(1000) / 1000,
    });
  }

  async run(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) {
      await this.#step();
      // Sometimes several things happen in one turn.
      if (this.#random.oneIn(3)) continue;
      await settle();
      this.#check();
    }
    await this.#end();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const { transport, clock, client } = this.#set;
    const session = transport.alive.length > 0 ? random.pick(transport.alive) : undefined;
    const call = session !== undefined && session.calls.length > 0 ? random.pick(session.calls) : undefined;
    const dial = transport.dials.length > 0 ? random.pick(transport.dials) : undefined;
    const action = random.below(100);
    this.#steps += ` ${action}`;
    if (action < 35) this.#call();
    else if (action < 55) call?.reply();
    else if (action < 60) call?.fail(new TransportError("remote", "The script fails it"));
    else if (action < 66) {
      if (this.#callers.length > 0) random.pick(this.#callers).controller.abort();
    } else if (action < 78) dial?.succeed(random.between(1, 4));
    else if (action < 82) dial?.fail();
    else if (action < 83) dial?.succeed(2).drain();
    else if (action < 87) session?.lose();
    else if (action < 90) session?.drain();
    else if (action < 99 || random.below(4) > 0) await clock.advance(random.below(80));
    else this.#closing ??= client.close();
  }

  #call(): void {
    const controller = new AbortController();
    const deadline = this.#random.oneIn(3) ? this.#set.clock.now() + this.#random.below(100) : Infinity;
    const context = callContext({ signal: controller.signal, deadline });
    this.#callers.push({ watched: this.#set.call(this.#callers.length, context), controller });
  }

  /** What must hold whenever nothing more can happen by itself. */
  #check(): void {
    const { transport, client } = this.#set;
    const what = `seed ${this.#seed}, steps${this.#steps}`;
    const stats = client.stats();
    const open = transport.open;
    if (this.#closing === undefined) {
      assert.ok(open.length + transport.dials.length <= this.#max, `${what}: no more connections than max`);
      assert.ok(transport.alive.length <= 3 * this.#max + 1, `${what}: no more connections that drain than allowed`);
      const inFlight = open.filter(({ load }) => load > 0).length;
      const { total, active, dialling, draining } = stats;
      assert.deepEqual(
        { total, active, dialling, draining },
        {
          total: open.length,
          active: inFlight,
          dialling: transport.dials.length,
          draining: transport.alive.length - open.length,
        },
        what,
      );
      // Whoever waits does so because there is no room, and somebody sees to it that there will be.
      if (stats.waiting > 0) assert.ok(open.every(({ load, capacity }) => load === capacity), `${what}: room is used`);
    } else {
      assert.equal(stats.waiting, 0, `${what}: nobody waits after close()`);
    }
    assert.ok(stats.waiting <= this.#maxWaiting, `${what}: no more wait than may`);
    const unsettled = this.#callers.filter(({ watched }) => watched.settled === 0).length;
    const carried = transport.alive.reduce((sum, { load }) => sum + load, 0);
    assert.equal(unsettled, carried + stats.waiting, `${what}: every call is on a connection, waits, or is settled`);
    assert.ok(
      transport.received.every((id, i, all) => i === 0 || id > all[i - 1]),
      `${what}: first come, first served: ${transport.received}`,
    );
  }

  /** Lets everything end, and checks that nothing was forgotten. */
  async #end(): Promise<void> {
    const { transport, clock, client, queue } = this.#set;
    const what = `seed ${this.#seed}, steps${this.#steps}`;
    // Long enough for all who wait: they are served or give up.
    await clock.advance(500);
    assert.equal(client.stats().waiting, 0, `${what}: nobody waits for ever`);
    const closing = client.close();
    for (const dial of [...transport.dials]) dial.fail();
    for (const session of transport.alive) for (const call of [...session.calls]) call.reply();
    await settle();
    await closing;
    for (const [id, { watched }] of this.#callers.entries()) {
      assert.equal(watched.settled, 1, `${what}: call ${id} is settled exactly once`);
      if (watched.reply !== undefined) assert.equal(watched.reply, id, `${what}: call ${id} has its own reply`);
      const seen = transport.received.filter((other) => other === id).length;
      assert.ok(seen <= 1, `${what}: call ${id} was sent once at most`);
      if (watched.error instanceof TransportError && watched.error.processed === "no") assert.equal(seen, 0, what);
    }
    assert.equal(transport.alive.length, 0, `${what}: no connection is left`);
    assert.equal(queue.size, 0, `${what}: no deadline is left`);
    assert.equal(clock.pending, 0, `${what}: no timer is left`);
  }
}

Deno.test("pool() keeps its promises in 4000 random orders of events", async () => {
  for (let seed = 1; seed <= 4000; seed++) await new Model(seed).run(40);
});

Deno.test("pool() keeps its promises in 200 long random orders of events", async () => {
  for (let seed = 10_001; seed <= 10_200; seed++) await new Model(seed).run(800);
});
