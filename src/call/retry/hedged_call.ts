/**
 * A call of which several attempts may run at once.
 *
 * @module
 */

import { attempt as attemptKey } from "../../core/attempt.ts";
import { Cancellation, type CancelListener } from "../../core/cancellation.ts";
import type { Clock } from "../../core/clock.ts";
import { discardReply, whenComplete } from "../../core/completion.ts";
import type { CallContext } from "../../core/context.ts";
import { type DeadlineEntry, type DeadlineQueue, deadlinesOf } from "../../core/deadline_queue.ts";
import { type Processed, TransportError } from "../../core/errors.ts";
import { notify, type Observer } from "../../core/observer.ts";
import { type Outcome, outcomeIn, outcomeOfReply } from "../../core/outcome.ts";
import type { RetryBudget } from "../../core/retry_budget.ts";
import type { Service } from "../../core/service.ts";
import { honest, processedAfter } from "../honest_error.ts";

/** What hedged calls share. */
export interface HedgeSettings {
  readonly maxHedges: number;
  readonly budget: RetryBudget;
  readonly name: string;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
  /** Counts the further attempts. */
  readonly made: { count: number };
  /** Hears how long the first attempt took, or has taken at least. */
  readonly measured: (now: number, latencyMs: number) => void;
}

/** How an attempt ended without an answer that can be passed on. */
interface Loss {
  readonly outcome: Outcome;
  settle(): void;
  /** Lets go of what it holds, where another one is passed on. */
  discard(): void;
}

/** See the module. */
export class HedgedCall<Req, Res> implements DeadlineEntry, CancelListener {
  readonly promise: Promise<Res>;
  dueAt: number;
  position = -1;
  readonly holds = true;
  readonly #inner: Service<Req, Res>;
  readonly #request: Req;
  readonly #context: CallContext;
  readonly #settings: HedgeSettings;
  readonly #deadlines: DeadlineQueue;
  readonly #startedAt: number;
  readonly #delayMs: number;
  readonly #resolve: (reply: Res) => void;
  readonly #reject: (error: unknown) => void;
  /** The cancellations of the attempts under way. */
  readonly #running = new Set<Cancellation>();
  #attempts = 0;
  /** How much of it the attempts that failed may have had done. */
  #processed: Processed = "no";
  #loss: Loss | undefined = undefined;
  #over = false;

  constructor(
    inner: Service<Req, Res>,
    request: Req,
    context: CallContext,
    settings: HedgeSettings,
    now: number,
    delayMs: number,
  ) {
    this.#inner = inner;
    this.#request = request;
    this.#context = context;
    this.#settings = settings;
    this.#deadlines = deadlinesOf(settings.clock);
    this.#startedAt = now;
    this.#delayMs = delayMs;
    this.dueAt = now + delayMs;
    const { promise, resolve, reject } = Promise.withResolvers<Res>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Makes the first attempt, and waits to make another. */
  start(): Promise<Res> {
    const { cancellation, deadline } = this.#context;
    // What would come after the deadline is not waited for.
    if (this.dueAt < deadline && cancellation?.reason === undefined) {
      this.#deadlines.add(this);
      cancellation?.subscribe(this);
    }
    this.#attempt();
    return this.promise;
  }

  /** The delay is over: makes a further attempt. */
  expire(): void {
    const { budget, maxHedges, name, observer } = this.#settings;
    // Paid for when it is sent, so that a call that needs none costs none.
    if (!budget.withdraw()) return this.#waitNoMore();
    const attempt = this.#attempts + 1;
    const delayMs = this.#delayMs;
    this.#settings.made.count++;
    if (observer !== undefined) notify(observer, { type: "call-hedged", policy: name, attempt, delayMs });
    // Whoever was told may have ended the call.
    if (this.#over) return;
    this.dueAt += delayMs;
    if (attempt <= maxHedges && this.dueAt < this.#context.deadline) this.#deadlines.add(this);
    else this.#waitNoMore();
    this.#attempt();
  }

  /** The caller gave up: the attempts hear it by themselves, and there are no more. */
  cancelled(): void {
    this.#waitNoMore();
  }

  #attempt(): void {
    const number = ++this.#attempts;
    const cancellation = new Cancellation(this.#context.cancellation);
    this.#running.add(cancellation);
    let context = this.#context.cancellable(cancellation);
    if (number > 1) context = context.set(attemptKey, context.get(attemptKey) + number - 1);
    try {
      this.#inner(this.#request, context).then(
        (reply) => this.#replied(reply, number, cancellation),
        (error) => this.#failed(error, cancellation),
      );
    } catch (error) {
      this.#failed(error, cancellation);
    }
  }

  #replied(reply: Res, number: number, cancellation: Cancellation): void {
    if (this.#over) return discard(reply, cancellation);
    const outcome = outcomeOfReply(reply);
    if (outcome !== "success") {
      this.#processed = processedAfter(this.#processed, undefined);
      return this.#lost({
        outcome,
        settle: () => this.#resolve(letGo(reply, cancellation)),
        discard: () => discard(reply, cancellation),
      }, cancellation);
    }
    this.#running.delete(cancellation);
    this.#end();
    // The first attempt's time is what counts: a hedge's would make the delay shorter and shorter. One that was
    // overtaken has taken this long at least. A failure says nothing, since it may have been quick.
    if (number === 1 || this.#loss === undefined) {
      const now = this.#settings.clock.now();
      this.#settings.measured(now, now - this.#startedAt);
    }
    this.#resolve(letGo(reply, cancellation));
    this.#loss?.discard();
    if (this.#running.size === 0) return;
    const reason = new TransportError("superseded", `Attempt cancelled: attempt ${number} was faster`);
    for (const loser of this.#running) loser.cancel(reason);
  }

  #failed(error: unknown, cancellation: Cancellation): void {
    cancellation.release();
    if (this.#over) return;
    const outcome = outcomeIn(this.#context, this.#request, error);
    this.#processed = processedAfter(this.#processed, error);
    const settle = (): void => this.#reject(honest(error, this.#processed));
    this.#lost({ outcome, settle, discard: () => {} }, cancellation);
  }

  /** An attempt failed: the call does where no other is under way. */
  #lost(loss: Loss, cancellation: Cancellation): void {
    this.#running.delete(cancellation);
    const kept = this.#loss;
    // The first that failed tells best, unless it is only this side that refused it.
    if (kept === undefined || (kept.outcome === "rejected" && loss.outcome !== "rejected")) {
      kept?.discard();
      this.#loss = loss;
    } else {
      loss.discard();
    }
    if (this.#running.size > 0) return;
    this.#end();
    this.#loss!.settle();
  }

  #end(): void {
    this.#over = true;
    this.#waitNoMore();
  }

  #waitNoMore(): void {
    this.#deadlines.remove(this);
    this.#context.cancellation?.unsubscribe(this);
  }
}

/** Passes a reply on, whose attempt can be cancelled until it is whole. */
function letGo<Res>(reply: Res, cancellation: Cancellation): Res {
  return whenComplete(reply, () => cancellation.release());
}

/** Nobody will read it. */
function discard(reply: unknown, cancellation: Cancellation): void {
  discardReply(reply);
  cancellation.release();
}
