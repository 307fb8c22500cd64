/**
 * Ends a call at its deadline: the one way that all middleware does it.
 *
 * @module
 */

import { Cancellation } from "./cancellation.ts";
import { discardReply } from "./completion.ts";
import type { CallContext } from "./context.ts";
import type { DeadlineEntry, DeadlineQueue } from "./deadline_queue.ts";
import { TransportError } from "./errors.ts";
import type { Service } from "./service.ts";
import { Streamed } from "./streamed.ts";

/**
 * Calls `inner`, and at `deadline`, which is still to come, cancels it and
 * rejects. `describe` says in the error which limit it was.
 */
export function enforceDeadline<Req, Res>(
  inner: Service<Req, Res>,
  request: Req,
  context: CallContext,
  deadline: number,
  deadlines: DeadlineQueue,
  describe: () => string,
): Promise<Res> {
  const call = new BoundedCall<Res>(context, deadline, deadlines, describe);
  try {
    inner(request, context.bounded(deadline, call.cancellation)).then(call.onReply, call.onError);
  } catch (error) {
    call.onError(error);
  }
  return call.promise;
}

class BoundedCall<Res> implements DeadlineEntry {
  readonly promise: Promise<Res>;
  readonly cancellation: Cancellation;
  readonly dueAt: number;
  position = -1;
  readonly holds = true;
  #expired = false;
  readonly #deadlines: DeadlineQueue;
  readonly #describe: () => string;
  readonly #reject: (error: unknown) => void;
  readonly onReply: (reply: Res) => void;
  readonly onError: (error: unknown) => void;

  constructor(context: CallContext, deadline: number, deadlines: DeadlineQueue, describe: () => string) {
    this.cancellation = new Cancellation(context.cancellation);
    this.dueAt = deadline;
    this.#deadlines = deadlines;
    this.#describe = describe;
    const { promise, resolve, reject } = Promise.withResolvers<Res>();
    this.promise = promise;
    this.#reject = reject;
    this.onReply = (reply) => {
      // Too late: what stands behind it is read by nobody.
      if (this.#expired) return discardReply(reply);
      if (reply instanceof Streamed) this.#endWith(reply);
      else this.#end();
      resolve(reply);
    };
    this.onError = (error) => {
      this.#end();
      reject(error);
    };
    deadlines.add(this);
  }

  expire(): void {
    this.#expired = true;
    const error = new TransportError("deadline-exceeded", `Call ended: ${this.#describe()}`, { processed: "maybe" });
    // Rejected first: an inner call that ends in the same turn with another error must not hide the reason.
    this.#reject(error);
    this.cancellation.cancel(error);
  }

  /** The stream may last, but whoever can cancel the call still can. */
  #endWith(reply: Streamed<unknown, unknown>): void {
    this.#deadlines.remove(this);
    reply.whenEnded(() => this.cancellation.release());
  }

  #end(): void {
    this.#deadlines.remove(this);
    this.cancellation.release();
  }
}

/** The error for a call whose deadline had passed before it was made. */
export function expiredBefore(): TransportError {
  return new TransportError("deadline-exceeded", "Call not run: its deadline has passed", { processed: "no" });
}
