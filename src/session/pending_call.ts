/**
 * One call that this end has made and that has not ended on the wire.
 *
 * @module
 */

import type { Cancellation, CancelListener } from "../core/cancellation.ts";
import type { DeadlineEntry, DeadlineQueue } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import { notSent } from "../core/not_sent.ts";
import type { CallStreams } from "./mux_call_streams.ts";

let madeResolve: (reply: never) => void;
let madeReject: (error: TransportError) => void;
// One executor for all promises: a closure per call would cost more than the rest of this object.
const capture = (resolve: (reply: never) => void, reject: (error: TransportError) => void): void => {
  madeResolve = resolve;
  madeReject = reject;
};

type Executor<Res> = (resolve: (reply: Res | PromiseLike<Res>) => void, reject: (error: unknown) => void) => void;

/** Who is told that a call's caller has given up. */
export interface CallOwner {
  /**
   * Tells the far side, which then ends the call on the wire; or takes the call
   * back that still waits to be sent. Says whether it had been sent.
   */
  gaveUp(id: number, reason: TransportError): boolean;
}

/**
 * Waits for its final frame. A caller that gives up gets its rejection at once;
 * the call's number stays taken until the far side has ended it, so that a late
 * reply can't be mistaken for that of another call.
 */
export class PendingCall<Res = Uint8Array> implements CancelListener, DeadlineEntry {
  /** Settles with the reply. */
  readonly promise: Promise<Res>;
  readonly #resolve: (reply: Res) => void;
  readonly #reject: (error: TransportError) => void;
  readonly #id: number;
  /** Streams of it, in either direction. */
  streams: CallStreams | undefined = undefined;
  /** Whether its caller has given up. */
  givenUp = false;
  #owner: CallOwner | undefined = undefined;
  #cancellation: Cancellation | undefined = undefined;
  #deadlines: DeadlineQueue | undefined = undefined;
  dueAt = Infinity;
  position = -1;
  readonly holds = true;

  constructor(id: number) {
    this.promise = new Promise<Res>(capture as Executor<Res>);
    this.#resolve = madeResolve as (reply: Res) => void;
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
  resolve(reply: Res): void {
    this.#resolve(reply);
    if (this.#owner !== undefined) this.#unwatch();
  }

  /** The first word of the reply has come: its caller may still give up, until the stream behind it has ended. */
  open(reply: Res): void {
    this.#resolve(reply);
  }

  /** The call has failed. One that was given up ends for that reason, whatever comes of it. */
  reject(error: TransportError): void {
    if (this.givenUp) return;
    this.#reject(error);
    if (this.#owner !== undefined) this.#unwatch();
  }

  cancelled(reason: TransportError): void {
    const owner = this.#owner!;
    this.givenUp = true;
    this.#unwatch();
    let sent = true;
    try {
      sent = owner.gaveUp(this.#id, reason);
    } finally {
      this.#reject(sent ? reason : notSent(reason));
    }
  }

  expire(): void {
    this.cancelled(
      new TransportError("deadline-exceeded", "Call ended: its deadline has passed", { processed: "maybe" }),
    );
  }

  /** Nobody may give up any more. */
  settled(): void {
    if (this.#owner !== undefined) this.#unwatch();
  }

  #unwatch(): void {
    this.#cancellation?.unsubscribe(this);
    this.#deadlines?.remove(this);
    this.#owner = undefined;
  }
}
