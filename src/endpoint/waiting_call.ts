/**
 * Waiting for something that carries a call.
 *
 * @module
 */

import type { CancelListener } from "../core/cancellation.ts";
import type { Clock } from "../core/clock.ts";
import type { CallContext } from "../core/context.ts";
import type { DeadlineEntry, DeadlineQueue } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import type { Waiter, WaiterLine } from "../util/waiters.ts";

/** Where calls wait for a carrier: a connection, an endpoint. */
export interface WaitingRoom<Carrier> {
  /** Those who wait. */
  readonly line: WaiterLine<Waiting<Carrier>>;
  readonly deadlines: DeadlineQueue;
  readonly settings: { readonly clock: Clock; readonly acquireTimeoutMs: number };
  /** Somebody has waited for too long: what they are told. */
  timedOut(): TransportError;
}

/** One who waits. */
export interface Waiting<Carrier> extends Waiter {
  /** Since when, in milliseconds on the clock. */
  readonly since: number;
  /** A carrier is there. */
  serve(carrier: Carrier): void;
  /** There will be none. */
  refuse(error: TransportError): void;
}

/** Leaves its line when it is served, when it has waited long enough, and when its caller gives up. */
export class WaitingCall<Carrier, Res> implements Waiting<Carrier>, CancelListener, DeadlineEntry {
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  waiting = false;
  readonly since: number;
  readonly dueAt: number;
  position = -1;
  readonly holds = true;
  readonly #room: WaitingRoom<Carrier>;
  readonly #context: CallContext;
  readonly #use: (carrier: Carrier) => Res | Promise<Res>;
  readonly #settled = Promise.withResolvers<Res>();

  constructor(room: WaitingRoom<Carrier>, context: CallContext, use: (carrier: Carrier) => Res | Promise<Res>) {
    this.#room = room;
    this.#context = context;
    this.#use = use;
    const { clock, acquireTimeoutMs } = room.settings;
    this.since = clock.now();
    this.dueAt = Math.min(this.since + acquireTimeoutMs, context.deadline);
    room.line.join(this);
    room.deadlines.add(this);
    context.cancellation?.subscribe(this);
  }

  /** Settles as what it waited to do does. */
  get promise(): Promise<Res> {
    return this.#settled.promise;
  }

  serve(carrier: Carrier): void {
    this.#leave();
    try {
      this.#settled.resolve(this.#use(carrier));
    } catch (error) {
      this.#settled.reject(error);
    }
  }

  refuse(error: TransportError): void {
    this.#leave();
    this.#settled.reject(error);
  }

  cancelled(reason: TransportError): void {
    this.refuse(new TransportError(reason.code, reason.message, { processed: "no", cause: reason }));
  }

  expire(): void {
    if (this.dueAt === this.#context.deadline) {
      const why = "Call not sent: its deadline passed while it waited for a connection";
      return this.refuse(new TransportError("deadline-exceeded", why, { processed: "no" }));
    }
    this.refuse(this.#room.timedOut());
  }

  #leave(): void {
    this.#room.line.leave(this);
    this.#room.deadlines.remove(this);
    this.#context.cancellation?.unsubscribe(this);
  }
}

/** The error for a call that was cancelled before it could wait; undefined where it was not. */
export function cancelledBefore({ cancellation }: CallContext): TransportError | undefined {
  const reason = cancellation?.reason;
  return reason && new TransportError(reason.code, reason.message, { processed: "no", cause: reason });
}
