/**
 * A call that waits for a connection.
 *
 * @module
 */

import type { CancelListener } from "../core/cancellation.ts";
import type { CallContext } from "../core/context.ts";
import type { DeadlineEntry, DeadlineQueue } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import type { Session } from "../core/session.ts";
import type { Waiter, WaiterLine } from "../util/waiters.ts";

/** Leaves its line when it is served, when it has waited long enough, and when its caller gives up. */
export class WaitingCall<Req, Res> implements Waiter, CancelListener, DeadlineEntry {
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  waiting = false;
  readonly dueAt: number;
  position = -1;
  readonly holds = true;
  readonly #request: Req;
  readonly #context: CallContext;
  readonly #line: WaiterLine<WaitingCall<Req, Res>>;
  readonly #deadlines: DeadlineQueue;
  readonly #settled = Promise.withResolvers<Res>();
  readonly #timeoutError: () => TransportError;

  constructor(
    request: Req,
    context: CallContext,
    line: WaiterLine<WaitingCall<Req, Res>>,
    deadlines: DeadlineQueue,
    acquireBy: number,
    timeoutError: () => TransportError,
  ) {
    this.#request = request;
    this.#context = context;
    this.#line = line;
    this.#deadlines = deadlines;
    this.#timeoutError = timeoutError;
    this.dueAt = Math.min(acquireBy, context.deadline);
    line.join(this);
    deadlines.add(this);
    context.cancellation?.subscribe(this);
  }

  /** Settles as the call does. */
  get promise(): Promise<Res> {
    return this.#settled.promise;
  }

  /** A connection is there. */
  serve(session: Session<Req, Res>): void {
    this.#leave();
    this.#settled.resolve(session.call(this.#request, this.#context));
  }

  /** There will be none. */
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
    this.refuse(this.#timeoutError());
  }

  #leave(): void {
    this.#line.leave(this);
    this.#deadlines.remove(this);
    this.#context.cancellation?.unsubscribe(this);
  }
}
