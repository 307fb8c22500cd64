/**
 * A call whose first attempt has ended in a way that another may mend.
 *
 * @module
 */

import { attempt as attemptKey } from "../../core/attempt.ts";
import { Cancellation, type CancelListener } from "../../core/cancellation.ts";
import type { Clock } from "../../core/clock.ts";
import { discardReply } from "../../core/completion.ts";
import type { CallContext } from "../../core/context.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { type Processed, TransportError } from "../../core/errors.ts";
import { isFinal, markFinal } from "../../core/final_results.ts";
import { type Idempotence, isIdempotent } from "../../core/idempotent.ts";
import { notify, type Observer } from "../../core/observer.ts";
import { type Outcome, outcomeIn, outcomeOfReply } from "../../core/outcome.ts";
import type { RetryBudget } from "../../core/retry_budget.ts";
import type { Service } from "../../core/service.ts";
import { backoffMs } from "../../util/backoff.ts";
import { honest, processedAfter } from "../honest_error.ts";
import { isRepeatable, type Replay } from "./replay.ts";
import { retryAfterOf } from "./retry_after.ts";

/** Settings of retries. */
export interface RetrySettings {
  readonly maxAttempts: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly maxRetryAfterMs: number;
  readonly minAttemptMs: number;
  readonly maxReplayBytes: number;
  readonly idempotent: Idempotence | undefined;
  readonly retryOn: (outcome: Outcome, result: unknown) => boolean;
  readonly budget: RetryBudget;
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: Observer | undefined;
  /** Counts the further attempts. */
  readonly made: { count: number };
}

/** See the module. Between two attempts it waits, as an entry of the deadline queue. */
export class RetriedCall<Req, Res> implements DeadlineEntry, CancelListener {
  dueAt = 0;
  position = -1;
  readonly holds = true;
  readonly #inner: Service<Req, Res>;
  readonly #request: Req;
  readonly #context: CallContext;
  readonly #settings: RetrySettings;
  readonly #replay: Replay | undefined;
  readonly #settled = Promise.withResolvers<Res>();
  #attempts = 1;
  #processed: Processed = "no";
  /** What may end the wait. */
  #waking: Cancellation | undefined = undefined;

  constructor(
    inner: Service<Req, Res>,
    request: Req,
    context: CallContext,
    settings: RetrySettings,
    replay: Replay | undefined,
  ) {
    this.#inner = inner;
    this.#request = request;
    this.#context = context;
    this.#settings = settings;
    this.#replay = replay;
  }

  /** Goes on after a reply; returns what the call is to settle as. */
  afterReply(reply: Res): Res | Promise<Res> {
    let delayMs: number | undefined;
    try {
      delayMs = this.#delayAfter(outcomeOfReply(reply), reply);
    } catch (thrown) {
      discardReply(reply);
      throw thrown;
    }
    if (delayMs === undefined) return reply;
    discardReply(reply);
    if (this.#processed === "no") this.#processed = "maybe";
    this.#wait(delayMs, reply);
    return this.#settled.promise;
  }

  /** Goes on after an error; returns what the call is to settle as, or throws. */
  afterError(error: unknown): Promise<Res> {
    this.#processed = processedAfter(this.#processed, error);
    const delayMs = this.#delayAfter(outcomeIn(this.#context, this.#request, error), error);
    if (delayMs === undefined) throw honest(error, this.#processed);
    this.#wait(delayMs, error);
    return this.#settled.promise;
  }

  /** The wait is over: makes the next attempt. */
  expire(): void {
    this.#wake();
    const attempts = ++this.#attempts;
    const context = this.#context.set(attemptKey, this.#context.get(attemptKey) + attempts - 1);
    const request = this.#replay === undefined ? this.#request : this.#replay.next() as Req;
    const { resolve, reject } = this.#settled;
    // Whoever waits for the call waits for this one promise, through all attempts.
    const next = (make: () => Res | Promise<Res>): void => {
      try {
        const result = make();
        if (result !== this.#settled.promise) resolve(result);
      } catch (error) {
        reject(error);
      }
    };
    try {
      this.#inner(request, context).then(
        (reply) => next(() => this.afterReply(reply)),
        (error) => next(() => this.afterError(error)),
      );
    } catch (error) {
      next(() => this.afterError(error));
    }
  }

  /** The caller gave up during the wait. */
  cancelled(reason: TransportError): void {
    this.#wake();
    this.#replay?.end();
    const { code, message } = reason;
    this.#settled.reject(new TransportError(code, message, { processed: this.#processed, cause: reason }));
  }

  /** How long to wait before the next attempt; undefined where there is none: then the request is let go of. */
  #delayAfter(outcome: Outcome, result: unknown): number | undefined {
    let delayMs: number | undefined = undefined;
    try {
      return delayMs = this.#delayOf(outcome, result);
    } finally {
      if (delayMs === undefined) this.#replay?.end();
    }
  }

  #delayOf(outcome: Outcome, result: unknown): number | undefined {
    const { maxAttempts, retryOn, idempotent, maxRetryAfterMs, minAttemptMs, budget } = this.#settings;
    const context = this.#context;
    if (outcome === "cancelled" || outcome === "superseded" || context.cancellation?.reason !== undefined) {
      return undefined;
    }
    if (this.#attempts >= maxAttempts || isFinal(result) || !retryOn(outcome, result)) return undefined;
    const unseen = result instanceof TransportError && result.processed === "no";
    if (!unseen && !isIdempotent(this.#request, context, idempotent)) return undefined;
    if (!(this.#replay === undefined ? isRepeatable(this.#request) : this.#replay.possible)) return undefined;
    const asked = retryAfterOf(result) ?? 0;
    if (asked > maxRetryAfterMs) return undefined;
    const { initialBackoffMs: initialMs, maxBackoffMs: maxMs, random, clock } = this.#settings;
    // The jitter comes on top of what was asked for: not all are to come back in the same moment.
    const delayMs = asked + backoffMs(this.#attempts, { initialMs, maxMs }, random);
    if (context.timeLeftMs(clock) <= delayMs + minAttemptMs) return undefined;
    if (!budget.withdraw()) {
      markFinal(result);
      return undefined;
    }
    return delayMs;
  }

  #wait(delayMs: number, result: unknown): void {
    const { clock, name, observer } = this.#settings;
    const { cancellation } = this.#context;
    // The signal of a request is heard here, since nobody else hears it between attempts.
    const signal = this.#request instanceof Request ? this.#request.signal : undefined;
    const waking = this.#waking = new Cancellation(cancellation, signal);
    const reason = waking.reason;
    if (reason !== undefined) return this.cancelled(reason);
    waking.subscribe(this);
    this.dueAt = clock.now() + delayMs;
    deadlinesOf(clock).add(this);
    this.#settings.made.count++;
    if (observer === undefined) return;
    notify(observer, { type: "call-retried", policy: name, attempt: this.#attempts + 1, delayMs, error: result });
  }

  #wake(): void {
    deadlinesOf(this.#settings.clock).remove(this);
    this.#waking?.release();
  }
}
