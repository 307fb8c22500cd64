/**
 * The calls of one key that wait for their turn under a rate limit.
 *
 * @module
 */

import type { CallContext } from "../../core/context.ts";
import type { DeadlineEntry, DeadlineQueue } from "../../core/deadline_queue.ts";
import type { TransportError } from "../../core/errors.ts";
import { type Waiting, WaitingCall, type WaitingRoom } from "../../core/waiting_call.ts";
import { type Line, WaiterLine } from "../../util/waiters.ts";

/** What a queue is part of. */
export interface RateQueueOwner {
  readonly deadlines: DeadlineQueue;
  readonly settings: WaitingRoom<void>["settings"];
  /** Spends for the first of a queue: 0, or how long to wait, in milliseconds. */
  take(key: string, cost: number): number | Promise<number>;
  /** One has waited for too long. */
  timedOut(): TransportError;
  /** So many more wait. */
  grown(by: 1 | -1): void;
  /** Nobody waits any more. */
  ended(queue: RateQueue): void;
}

/** A call that waits, and what it costs. */
class PayingCall<Res> extends WaitingCall<void, Res> {
  readonly cost: number;

  constructor(queue: RateQueue, context: CallContext, use: () => Promise<Res>, cost: number) {
    super(queue, context, use);
    this.cost = cost;
  }
}

/** First come, first served. It has one entry in the deadline queue: when its first one's turn comes. */
export class RateQueue implements WaitingRoom<void>, DeadlineEntry, Line<Waiting<void>> {
  readonly key: string;
  readonly deadlines: DeadlineQueue;
  readonly settings: WaitingRoom<void>["settings"];
  readonly line = this;
  /** What those who wait cost. */
  cost = 0;
  dueAt: number;
  position = -1;
  readonly holds = true;
  readonly #owner: RateQueueOwner;
  readonly #line = new WaiterLine<PayingCall<unknown>>();

  constructor(owner: RateQueueOwner, key: string, dueAt: number) {
    this.#owner = owner;
    this.key = key;
    this.deadlines = owner.deadlines;
    this.settings = owner.settings;
    this.dueAt = dueAt;
    this.deadlines.add(this);
  }

  get size(): number {
    return this.#line.size;
  }

  /** Waits for its turn. */
  wait<Res>(context: CallContext, use: () => Promise<Res>, cost: number): Promise<Res> {
    return new PayingCall(this, context, use, cost).wait();
  }

  join(call: PayingCall<unknown>): void {
    this.#line.join(call);
    this.cost += call.cost;
    this.#owner.grown(1);
  }

  leave(call: PayingCall<unknown>): void {
    if (!call.waiting) return;
    this.#line.leave(call);
    this.cost -= call.cost;
    this.#owner.grown(-1);
    if (this.size > 0) return;
    this.deadlines.remove(this);
    this.#owner.ended(this);
  }

  timedOut(): TransportError {
    return this.#owner.timedOut();
  }

  /** The rates have changed: looks whether the first one's turn has come by them. A store that is asked already answers. */
  look(): void {
    if (this.position < 0) return;
    this.deadlines.remove(this);
    this.expire();
  }

  /** The first one's turn has come. */
  expire(): void {
    for (let first = this.#line.first; first !== undefined; first = this.#line.first) {
      const paying = first;
      let waitMs: number | Promise<number>;
      try {
        waitMs = this.#owner.take(this.key, paying.cost);
      } catch (error) {
        waitMs = Promise.reject(error);
      }
      if (typeof waitMs !== "number") {
        return void waitMs.then((waitMs) => this.#answered(paying, waitMs), (error) => {
          paying.refuse(error);
          this.expire();
        });
      }
      if (waitMs > 0) return this.#sleep(waitMs);
      paying.serve();
    }
  }

  /** A store that is elsewhere has answered. Who paid may have left, which is then lost. */
  #answered(paying: PayingCall<unknown>, waitMs: number): void {
    if (this.size === 0) return;
    if (waitMs > 0) return this.#sleep(waitMs);
    if (paying.waiting) paying.serve();
    this.expire();
  }

  #sleep(waitMs: number): void {
    const { clock, acquireTimeoutMs } = this.settings;
    this.dueAt = clock.now() + Math.min(waitMs, acquireTimeoutMs);
    this.deadlines.add(this);
  }
}
