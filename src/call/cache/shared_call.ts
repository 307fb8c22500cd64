/**
 * One call that several callers wait for.
 *
 * @module
 */

import { Cancellation } from "../../core/cancellation.ts";
import type { CallContext } from "../../core/context.ts";
import type { DeadlineQueue } from "../../core/deadline_queue.ts";
import type { TransportError } from "../../core/errors.ts";
import { type Awaited, WaitingCaller } from "../limits/waiting_caller.ts";

/** What a shared call tells its owner. */
export interface SharedCallOwner<Req, Res> {
  /** Nobody waits for it any more: it has been cancelled. */
  abandoned(call: SharedCall<Req, Res>): void;
}

/**
 * One call under way, and those who wait for it. Each has its own deadline and
 * may leave by itself; when the last one has left, the call is cancelled.
 */
export class SharedCall<Req, Res> implements Awaited<WaitingCaller<Req, Res>> {
  /** What the calls are the same in. */
  readonly key: string;
  /** Cancels the call itself. */
  readonly cancellation: Cancellation = new Cancellation();
  /** Whether it has ended, or was given up. */
  over = false;
  readonly #deadlines: DeadlineQueue;
  readonly #owner: SharedCallOwner<Req, Res>;
  readonly #callers = new Set<WaitingCaller<Req, Res>>();

  constructor(key: string, deadlines: DeadlineQueue, owner: SharedCallOwner<Req, Res>) {
    this.key = key;
    this.#deadlines = deadlines;
    this.#owner = owner;
  }

  /** How many wait. */
  get size(): number {
    return this.#callers.size;
  }

  /** Waits for it. The caller must not have been cancelled before, and its deadline not have passed. */
  join(request: Req, context: CallContext): Promise<Res> {
    const caller = new WaitingCaller<Req, Res>(request, context, this.#deadlines, this);
    this.#callers.add(caller);
    return caller.promise;
  }

  /**
   * The context of the call itself. It has the first caller's metadata and
   * priority. It has no deadline: one who comes later may have more time than
   * the first, and when the last one's time is over the call is cancelled.
   */
  contextFor(first: CallContext): CallContext {
    return first.bounded(Infinity, this.cancellation);
  }

  /** Takes out all who still wait, to be settled by whoever asked. */
  takeAll(): WaitingCaller<Req, Res>[] {
    this.over = true;
    return Array.from(this.#callers);
  }

  /** Answers all who wait. */
  resolve(reply: Res): void {
    if (this.over) return;
    for (const caller of this.takeAll()) caller.resolve(reply);
    this.#release();
  }

  /** Fails all who wait. */
  reject(error: unknown): void {
    if (this.over) return;
    for (const caller of this.takeAll()) caller.reject(error);
    this.#release();
  }

  /** One caller has left. */
  left(caller: WaitingCaller<Req, Res>, reason: TransportError): void {
    this.#callers.delete(caller);
    if (this.#callers.size > 0 || this.over) return;
    this.over = true;
    this.#owner.abandoned(this);
    this.cancellation.cancel(reason);
  }

  #release(): void {
    this.#callers.clear();
    this.cancellation.release();
  }
}
