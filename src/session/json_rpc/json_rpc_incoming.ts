/**
 * What streams that come in have in common: each ends with the call that it
 * belongs to.
 *
 * @module
 */

import type { Cancellation, CancelListener } from "../../core/cancellation.ts";
import type { Clock } from "../../core/clock.ts";
import type { CallContext } from "../../core/context.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";

/** See the module. */
export abstract class IncomingStream
  implements AsyncIterableIterator<unknown, undefined>, CancelListener, DeadlineEntry {
  dueAt = Infinity;
  position = -1;
  readonly holds = true;
  /** Whether nothing more is to come. */
  protected over = false;
  readonly #clock: Clock;
  #cancellation: Cancellation | undefined = undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  abstract next(): Promise<IteratorResult<unknown, undefined>>;
  abstract return(): Promise<IteratorResult<unknown, undefined>>;
  abstract cancelled(reason: TransportError): void;

  /** Ends with the call that it belongs to: when that is cancelled, and at its deadline. */
  follow({ cancellation, deadline, deadlineEnforced }: CallContext): void {
    if (this.over) return;
    this.#cancellation = cancellation;
    cancellation?.subscribe(this);
    if (deadlineEnforced) return;
    this.dueAt = deadline;
    deadlinesOf(this.#clock).add(this);
  }

  expire(): void {
    const why = "Stream ended: the deadline of its call has passed";
    this.cancelled(new TransportError("deadline-exceeded", why, { processed: "maybe" }));
  }

  /** Nothing more is to come: the call is not followed any more. Returns whether that is new. */
  protected finished(): boolean {
    if (this.over) return false;
    this.over = true;
    this.#cancellation?.unsubscribe(this);
    deadlinesOf(this.#clock).remove(this);
    return true;
  }
}
