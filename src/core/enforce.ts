/**
 * Ends a call at its deadline: the one way that all middleware does it.
 *
 * @module
 */

import { Cancellation } from "./cancellation.ts";
import { discardReply, endsLater, whenComplete } from "./completion.ts";
import type { CallContext } from "./context.ts";
import { contextRefusal } from "./context_refusal.ts";
import type { DeadlineEntry, DeadlineQueue } from "./deadline_queue.ts";
import { TransportError } from "./errors.ts";
import type { Service } from "./service.ts";

/**
 * Calls `inner`, and at `deadline`, which is still to come, cancels it and
 * rejects: with `processed: "no"` where the inner call says that at once, else
 * with `maybe`. `describe` says in the error which limit it was.
 */
export function enforceDeadline<Req, Res>(
  inner: Service<Req, Res>,
  request: Req,
  context: CallContext,
  deadline: number,
  deadlines: DeadlineQueue,
  describe: () => string,
): Promise<Res> {
  const refusal = contextRefusal(context);
  if (refusal !== undefined) return Promise.reject(refusal);
  const call = new BoundedCall<Res>(context, deadline, deadlines, describe);
  try {
    inner(request, context.bounded(deadline, call.cancellation)).then(call.onReply, call.onError);
  } catch (error) {
    call.onError(error);
  }
  return call.promise;
}

/**
 * How many turns of the queue of microtasks a call that was cancelled has to
 * say that nothing of it was sent. Each layer takes one to three; one that
 * takes longer is taken for one that may have been sent.
 */
const listeningTurns = 32;

class BoundedCall<Res> implements DeadlineEntry {
  readonly promise: Promise<Res>;
  readonly cancellation: Cancellation;
  readonly dueAt: number;
  position = -1;
  readonly holds = true;
  readonly #deadlines: DeadlineQueue;
  readonly #describe: () => string;
  readonly #reject: (error: unknown) => void;
  readonly onReply: (reply: Res) => void;
  readonly onError: (error: unknown) => void;
  /** What the call ends with, once its time is over. */
  #expired: TransportError | undefined = undefined;

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
      if (this.#expired !== undefined) return discardReply(reply);
      resolve(this.#passOn(reply));
    };
    this.onError = (error) => {
      this.#end();
      if (this.#expired === undefined) reject(error);
      else this.#learn(this.#expired, error);
    };
    deadlines.add(this);
  }

  expire(): void {
    const error = new TransportError("deadline-exceeded", `Call ended: ${this.#describe()}`, { processed: "maybe" });
    // Whatever the inner call ends with in this turn, this is the reason.
    this.#expired = error;
    this.cancellation.cancel(error);
    this.#rejectIn(listeningTurns, error);
  }

  /** The inner call says how it ended. Where it waited and nothing was sent, nobody else knows that. */
  #learn(expired: TransportError, error: unknown): void {
    if (!(error instanceof TransportError) || error.processed !== "no") return this.#reject(expired);
    this.#reject(new TransportError(expired.code, expired.message, { processed: "no", cause: error }));
  }

  /** Rejects after so many turns of the queue of microtasks, unless the inner call has ended by then. */
  #rejectIn(turns: number, error: TransportError): void {
    if (turns === 0) this.#reject(error);
    else queueMicrotask(() => this.#rejectIn(turns - 1, error));
  }

  /** What follows the first word may last, but whoever can cancel the call still can, where somebody listens for it. */
  #passOn(reply: Res): Res {
    this.#deadlines.remove(this);
    if (this.cancellation.heard && endsLater(reply)) return whenComplete(reply, () => this.cancellation.release());
    this.cancellation.release();
    return reply;
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
