/**
 * Waiting for what lets a call go on: a connection, a slot, its turn.
 *
 * @module
 */

import type { CancelListener } from "./cancellation.ts";
import type { Clock } from "./clock.ts";
import type { CallContext } from "./context.ts";
import { contextRefusal } from "./context_refusal.ts";
import type { DeadlineEntry, DeadlineQueue } from "./deadline_queue.ts";
import { TransportError } from "./errors.ts";
import { notSent } from "./not_sent.ts";
import type { Line, Waiter } from "../util/waiters.ts";

/** Where calls wait for a carrier: a connection, an endpoint; `void` where they wait for leave to go on. */
export interface WaitingRoom<Carrier> {
  /** Those who wait. */
  readonly line: Line<Waiting<Carrier>>;
  readonly deadlines: DeadlineQueue;
  readonly settings: { readonly clock: Clock; readonly acquireTimeoutMs: number };
  /** Somebody has waited for too long: what they are told. */
  timedOut(): TransportError;
}

/** One who waits. */
export interface Waiting<Carrier> extends Waiter {
  /** Since when, in milliseconds on the clock. */
  readonly since: number;
  /** How urgent it is, from 0 (most urgent) to 7. */
  readonly priority: number;
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
  }

  get priority(): number {
    return this.#context.priority;
  }

  /** Begins to wait. Settles as what it waited to do does. */
  wait(): Promise<Res> {
    this.#room.line.join(this);
    this.#room.deadlines.add(this);
    this.#context.cancellation?.subscribe(this);
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
    this.refuse(notSent(reason));
  }

  expire(): void {
    if (this.dueAt === this.#context.deadline) {
      const why = "Call not sent: its deadline passed while it waited";
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

/** The error for a call that was cancelled before it could wait, or can't be made; undefined where neither is so. */
export function cancelledBefore(context: CallContext): TransportError | undefined {
  const refusal = contextRefusal(context);
  if (refusal !== undefined) return refusal;
  const reason = context.cancellation?.reason;
  return reason && notSent(reason);
}
