/**
 * The whole chain of resilient() through thousands of random orders of events.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type CallContext, callContext, idempotent, type Processed, TransportError } from "../mod.ts";
import { type ResilientSetUp, resilientSetUp } from "./_resilient_set_up.ts";
import type { SessionCall } from "./endpoint/_script.ts";
import { settle, type Watched } from "./support/calls.ts";
import { Random } from "./support/random.ts";

interface Caller {
  readonly watched: Watched<number>;
  readonly controller: AbortController;
  readonly repeatable: boolean;
  /** When it must be over. */
  readonly dueAt: number;
  cancelled: boolean;
}

/** How an attempt that reached a session ended; undefined while it has not. */
interface Sent {
  readonly id: number;
  ended: "replied" | Processed | undefined;
}

/** What the runs have seen, so that the test knows that they went everywhere. */
interface Seen {
  retried: number;
  opened: number;
  closed: number;
  waited: number;
  lost: number;
  late: number;
}

const timeoutMs = 300;

class Model {
  readonly #random: Random;
  readonly #seed: number;
  readonly #max: number;
  readonly #seen: Seen;
  readonly #set: ResilientSetUp;
  readonly #callers: Caller[] = [];
  readonly #sent: Sent[] = [];
  readonly #known = new Map<SessionCall, Sent>();
  #closing: Promise<void> | undefined = undefined;
  #steps = "";

  constructor(seed: number, seen: Seen) {
    const random = this.#random = new Random(seed);
    this.#seed = seed;
    this.#seen = seen;
    this.#max = random.between(1, 4);
    this.#set = resilientSetUp({
      timeoutMs,
      maxConnections: this.#max,
      random: () => random.below(1000) / 1000,
      observer: (event) => {
        if (event.type === "call-retried") seen.retried++;
        if (event.type === "state-changed" && event.to === "open") seen.opened++;
        if (event.type === "state-changed" && event.to === "closed") seen.closed++;
      },
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
    const { transport, client } = this.#set;
    const session = transport.alive.length > 0 ? random.pick(transport.alive) : undefined;
    const call = session !== undefined && session.calls.length > 0 ? random.pick(session.calls) : undefined;
    const dial = transport.dials.length > 0 ? random.pick(transport.dials) : undefined;
    const action = random.below(100);
    this.#steps += ` ${action}`;
    if (action < 35) this.#call();
    else if (action < 50) this.#reply(call);
    else if (action < 64) this.#fail(call, random.pick<Processed>(["no", "maybe", "yes"]));
    else if (action < 70) this.#cancel();
    else if (action < 82) dial?.succeed(random.between(1, 4));
    else if (action < 85) dial?.fail();
    else if (action < 88 && session !== undefined) {
      for (const one of [...session.calls]) this.#mark(one, "maybe");
      this.#seen.lost++;
      session.lose();
    } else if (action < 90) session?.drain();
    else if (action < 99 || random.below(8) > 0) await this.#advance(random.below(random.oneIn(8) ? 1500 : 60));
    else this.#closing ??= client.close();
  }

  #call(): void {
    const { clock, client } = this.#set;
    const random = this.#random;
    const controller = new AbortController();
    const repeatable = random.oneIn(2);
    const ownMs = random.oneIn(4) ? random.between(1, 200) : Infinity;
    const context: CallContext = callContext({ signal: controller.signal, timeoutMs: ownMs, clock })
      .set(idempotent, repeatable);
    const id = this.#callers.length;
    const dueAt = clock.now() + Math.min(ownMs, timeoutMs);
    this.#callers.push({ watched: this.#set.call(id, context), controller, repeatable, dueAt, cancelled: false });
    if (client.stats().pool.waiting > 0) this.#seen.waited++;
    this.#look();
  }

  #cancel(): void {
    if (this.#callers.length === 0) return;
    const caller = this.#random.pick(this.#callers);
    caller.cancelled = true;
    caller.controller.abort();
  }

  #reply(call: SessionCall | undefined): void {
    if (call === undefined) return;
    this.#mark(call, "replied");
    call.reply();
  }

  #fail(call: SessionCall | undefined, processed: Processed): void {
    if (call === undefined) return;
    this.#mark(call, processed);
    call.fail(new TransportError("remote", "The script fails it", { processed, remote: true }));
  }

  #mark(call: SessionCall, ended: Sent["ended"]): void {
    this.#look();
    this.#known.get(call)!.ended ??= ended;
  }

  async #advance(ms: number): Promise<void> {
    // In pieces, so that what comes and goes is seen.
    for (let left = ms; left > 0; left -= 20) {
      await this.#set.clock.advance(Math.min(left, 20));
      this.#look();
    }
  }

  /** Takes note of attempts that have come, and checks that they may. */
  #look(): void {
    for (const call of this.#set.transport.sessions.flatMap(({ calls }) => calls)) {
      if (this.#known.has(call)) continue;
      const sent: Sent = { id: call.request, ended: undefined };
      const before = this.#sent.filter(({ id }) => id === sent.id);
      const what = `seed ${this.#seed}, steps${this.#steps}: call ${sent.id}`;
      assert.ok(before.length < 3, `${what} has three attempts at the most`);
      if (!this.#callers[sent.id].repeatable) {
        for (const { ended } of before) assert.equal(ended, "no", `${what} may not be sent again`);
      }
      this.#sent.push(sent);
      this.#known.set(call, sent);
    }
  }

  /** What must hold whenever nothing more can happen by itself. */
  #check(): void {
    this.#look();
    const { transport, clock, client } = this.#set;
    const what = `seed ${this.#seed}, steps${this.#steps}`;
    const { pool } = client.stats();
    if (this.#closing === undefined) {
      assert.ok(transport.open.length + transport.dials.length <= this.#max, `${what}: no more connections than max`);
    } else {
      assert.equal(pool.waiting, 0, `${what}: nobody waits after close()`);
    }
    for (const { load, capacity } of transport.alive) assert.ok(load <= capacity, `${what}: no more than it takes`);
    for (const { calls } of transport.alive) {
      for (const { request } of calls) {
        assert.equal(this.#callers[request].watched.settled, 0, `${what}: attempt of call ${request} is abandoned`);
      }
    }
    for (const [id, { watched, dueAt, cancelled }] of this.#callers.entries()) {
      assert.ok(watched.settled <= 1, `${what}: call ${id} settles once`);
      const over = cancelled || dueAt <= clock.now();
      if (over) assert.equal(watched.settled, 1, `${what}: call ${id} is over in time`);
    }
  }

  /** Lets everything end, and checks that nothing was forgotten. */
  async #end(): Promise<void> {
    const { transport, clock, client, queue } = this.#set;
    const what = `seed ${this.#seed}, steps${this.#steps}`;
    await this.#advance(timeoutMs);
    for (const [id, { watched, cancelled }] of this.#callers.entries()) {
      assert.equal(watched.settled, 1, `${what}: call ${id} is settled exactly once`);
      const attempts = transport.received.filter((other) => other === id).length;
      assert.ok(attempts <= 3, `${what}: call ${id} was sent ${attempts} times`);
      if (watched.reply !== undefined) {
        assert.equal(watched.reply, id, `${what}: call ${id} has its own reply`);
        continue;
      }
      assert.ok(watched.error instanceof TransportError, `${what}: call ${id} fails with an error of ours`);
      if (watched.code === "cancelled") assert.ok(cancelled, `${what}: nobody gave call ${id} up`);
      if (watched.code === "deadline-exceeded") this.#seen.late++;
      if (watched.error.processed !== "no") continue;
      for (const sent of this.#sent.filter((sent) => sent.id === id)) {
        assert.equal(sent.ended, "no", `${what}: call ${id} does not deny what was done`);
      }
    }
    assert.equal(client.stats().pool.active, 0, `${what}: no slot is left`);
    const closing = client.close();
    for (const dial of [...transport.dials]) dial.fail();
    await settle();
    await closing;
    assert.equal(transport.alive.length, 0, `${what}: no connection is left`);
    assert.equal(queue.size, 0, `${what}: no deadline is left`);
    // One timer may stand for what was waited for before.
    await clock.advance(20_000);
    assert.equal(clock.pending, 0, `${what}: no timer is left`);
  }
}

/** Runs models of these seeds; each thing must have happened so often. */
async function repeat(from: number, to: number, steps: number, least: number): Promise<void> {
  const seen: Seen = { retried: 0, opened: 0, closed: 0, waited: 0, lost: 0, late: 0 };
  for (let seed = from; seed <= to; seed++) await new Model(seed, seen).run(steps);
  for (const [what, times] of Object.entries(seen)) assert.ok(times >= least, `${what}: ${times} times`);
}

Deno.test("resilient() keeps its promises in 3000 random orders of events", async () => {
  await repeat(1, 3000, 60, 1);
});

Deno.test("resilient() keeps its promises in 100 long random orders of events", async () => {
  await repeat(10_001, 10_100, 1000, 10);
});
