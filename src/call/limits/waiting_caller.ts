/**
 * A caller who waits for work that is not its alone.
 *
 * @module
 */

import type { CancelListener } from "../../core/cancellation.ts";
import type { CallContext } from "../../core/context.ts";
import { contextRefusal } from "../../core/context_refusal.ts";
import type { DeadlineEntry, DeadlineQueue } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import { expiredBefore } from "../../core/enforce.ts";
import { notSent } from "../../core/not_sent.ts";

/** What a caller waits for, as far as it must know of one who leaves. */
export interface Awaited<Caller> {
  /** The caller has gone, for this reason. Called at most once for each. */
  left(caller: Caller, reason: TransportError): void;
}

/** Waits until it is answered, until its deadline, or until it is cancelled: whichever comes first. */
export class WaitingCaller<Req, Res> implements CancelListener, DeadlineEntry {
  readonly request: Req;
  readonly context: CallContext;
  readonly promise: Promise<Res>;
  /** When it leaves by itself; `Infinity` where an outer layer sees to that. */
  readonly dueAt: number;
  position = -1;
  readonly holds = true;
  /** Whether it has not been settled yet. */
  waiting = true;
  readonly #deadlines: DeadlineQueue;
  readonly #work: Awaited<WaitingCaller<Req, Res>>;
  #resolve!: (reply: Res | PromiseLike<Res>) => void;
  #reject!: (error: unknown) => void;

  constructor(
    request: Req,
    context: CallContext,
    deadlines: DeadlineQueue,
    work: Awaited<WaitingCaller<Req, Res>>,
  ) {
    this.request = request;
    this.context = context;
    this.#deadlines = deadlines;
    this.#work = work;
    this.promise = new Promise<Res>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.dueAt = context.deadlineEnforced ? Infinity : context.deadline;
    if (this.dueAt !== Infinity) deadlines.add(this);
    context.cancellation?.subscribe(this);
  }

  /** Whether the work that it waits for may have begun. */
  get sent(): boolean {
    return true;
  }

  /** Answers it; does nothing where it has left. */
  resolve(reply: Res): void {
    this.#end();
    this.#resolve(reply);
  }

  /** Fails it; does nothing where it has left. */
  reject(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  /** Its own caller gave up. */
  cancelled(reason: TransportError): void {
    this.#leave(reason);
  }

  /** Its deadline has passed. */
  expire(): void {
    this.#leave(
      new TransportError("deadline-exceeded", "Call ended: its deadline has passed", { processed: "maybe" }),
    );
  }

  #leave(reason: TransportError): void {
    if (!this.waiting) return;
    this.reject(this.sent ? reason : notSent(reason));
    this.#work.left(this, reason);
  }

  #end(): void {
    this.waiting = false;
    if (this.dueAt !== Infinity) this.#deadlines.remove(this);
    this.context.cancellation?.unsubscribe(this);
  }
}

/** Why a call need not be begun: it is cancelled already, or its deadline has passed. Undefined where neither is so. */
export function overBefore(context: CallContext, now: () => number): TransportError | undefined {
  const reason = context.cancellation?.reason;
  if (reason !== undefined) return notSent(reason);
  if (context.deadline === Infinity) return undefined;
  return context.deadline <= now() ? expiredBefore() : contextRefusal(context);
}
