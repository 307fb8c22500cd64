/**
 * One call that this end has made and that has not ended on the wire.
 *
 * @module
 */

import type { Cancellation, CancelListener } from "../core/cancellation.ts";
import type { DeadlineEntry, DeadlineQueue } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";

let madeResolve: (reply: never) => void;
let madeReject: (error: TransportError) => void;
// One executor for all promises: a closure per call would cost more than the rest of this object.
const capture = (resolve: (reply: never) => void, reject: (error: TransportError) => void): void => {
  madeResolve = resolve;
  madeReject = reject;
};

/** Who is told that a call's caller has given up. */
export interface CallOwner {
  /** Tells the far side, which then ends the call on the wire. */
  gaveUp(id: number): void;
}

/**
 * Waits for its final frame. A caller that gives up gets its rejection at once;
 * the call's number stays taken until the far side has ended it, so that a late
 * reply can't be mistaken for that of another call.
 */
export class PendingCall<Reply = Uint8Array> implements CancelListener, DeadlineEntry {
  /** Settles with the reply. */
  readonly promise: Promise<Reply>;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: TransportError) => void;
  readonly #id: number;
  #owner: CallOwner | undefined = undefined;
  #cancellation: Cancellation | undefined = undefined;
  #deadlines: DeadlineQueue | undefined = undefined;
  dueAt = Infinity;
  position = -1;
  readonly holds = true;

  constructor(id: number) {
    this.promise = new Promise<Reply>(
      capture as (resolve: (reply: Reply) => void, reject: (error: TransportError) => void) => void,
    );
    this.#resolve = madeResolve as (reply: Reply) => void;
    this.#reject = madeReject;
    this.#id = id;
  }

  /** Listens for the caller giving up, and for a deadline that nobody else watches. */
  watch(owner: CallOwner, cancellation: Cancellation | undefined, dueAt: number, deadlines: DeadlineQueue): void {
    this.#owner = owner;
    if (cancellation !== undefined) {
      this.#cancellation = cancellation;
      cancellation.subscribe(this);
    }
    if (dueAt !== Infinity) {
      this.dueAt = dueAt;
      this.#deadlines = deadlines;
      deadlines.add(this);
    }
  }

  /** The reply has come. */
  resolve(reply: Reply): void {
    this.#resolve(reply);
    if (this.#owner !== undefined) this.#unwatch();
  }

  /** The call has failed. */
  reject(error: TransportError): void {
    this.#reject(error);
    if (this.#owner !== undefined) this.#unwatch();
  }

  cancelled(reason: TransportError): void {
    const owner = this.#owner!;
    this.reject(reason);
    owner.gaveUp(this.#id);
  }

  expire(): void {
    this.cancelled(
      new TransportError("deadline-exceeded", "Call ended: its deadline has passed", { processed: "maybe" }),
    );
  }

  #unwatch(): void {
    this.#cancellation?.unsubscribe(this);
    this.#deadlines?.remove(this);
    this.#owner = undefined;
  }
}
