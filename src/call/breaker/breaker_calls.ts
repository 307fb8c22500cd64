/**
 * How a circuit breaker hears of the ends of calls.
 *
 * @module
 */

import type { CancelListener } from "../../core/cancellation.ts";
import { discardReply, endsLater, whenComplete } from "../../core/completion.ts";
import { background, type CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import { notSent } from "../../core/not_sent.ts";
import { type Outcome, outcomeIn, outcomeOf, outcomeOfReply } from "../../core/outcome.ts";
import type { Service } from "../../core/service.ts";
import type { Breaker, BreakerSettings, Lease, Period, Verdict } from "./breaker.ts";

/** Makes a call through the breaker. */
export type Guard = <Req, Res>(inner: Service<Req, Res>, request: Req, context: CallContext) => Promise<Res>;

/** Makes calls through one breaker. */
export function guarding(breaker: Breaker): Guard {
  let closed = new ClosedCalls(breaker, breaker.period);
  return function guard(inner, request, context) {
    const period = breaker.passing;
    if (period === undefined) return probe(breaker, inner, request, context);
    if (breaker.timesCalls || (typeof request === "object" && request instanceof Request)) {
      return new GuardedCall(breaker, period, undefined, context, request).run(inner);
    }
    if (closed.period !== period) closed = new ClosedCalls(breaker, period);
    const calls = closed;
    // What cancels a call says why it failed, so such a call's end is told with its context.
    const onError = context.cancellation === undefined ? calls.onError : (error: unknown) => calls.fail(error, context);
    try {
      return inner(request, context).then(calls.onReply, onError);
    } catch (error) {
      return Promise.reject(error).catch(onError);
    }
  };
}

function probe<Req, Res>(
  breaker: Breaker,
  inner: Service<Req, Res>,
  request: Req,
  context: CallContext,
): Promise<Res> {
  const reason = context.cancellation?.reason;
  // A call that its caller gave up before is no probe.
  if (reason !== undefined) return Promise.reject(notSent(reason));
  const lease = breaker.admit();
  if (lease instanceof TransportError) return Promise.reject(lease);
  return new GuardedCall(breaker, lease.period, lease, context, request).run(inner);
}

function verdictOf({ countsAs }: BreakerSettings, outcome: Outcome, result: unknown): Verdict {
  if (countsAs !== undefined) return countsAs(outcome, result);
  if (outcome === "success") return "success";
  return outcome === "failure" || outcome === "overload" ? "failure" : "neutral";
}

/** The calls of one closed period. They share two functions, so that a call needs none of its own. */
class ClosedCalls {
  readonly period: Period;
  readonly #breaker: Breaker;
  readonly onReply: <Res>(reply: Res) => Res;
  readonly onError: (error: unknown) => never;

  constructor(breaker: Breaker, period: Period) {
    this.period = period;
    this.#breaker = breaker;
    const judged = breaker.settings.countsAs !== undefined;
    this.onReply = (reply) => {
      if (judged || endsLater(reply)) {
        return new GuardedCall(breaker, period, undefined, background, undefined).replied(reply);
      }
      breaker.record(period, "success", 0);
      return reply;
    };
    this.onError = (error) => this.fail(error, background);
  }

  fail(error: unknown, context: CallContext): never {
    const breaker = this.#breaker;
    breaker.record(this.period, verdictOf(breaker.settings, outcomeIn(context, undefined, error), error), 0);
    throw error;
  }
}

/** A call of HTTP, or that is timed, or has a lease, or whose reply must be looked at. */
class GuardedCall<Req> implements CancelListener {
  readonly #breaker: Breaker;
  readonly #period: Period;
  readonly #lease: Lease | undefined;
  readonly #context: CallContext;
  readonly #request: Req;
  readonly #startedAt: number;
  #over = false;

  constructor(breaker: Breaker, period: Period, lease: Lease | undefined, context: CallContext, request: Req) {
    this.#breaker = breaker;
    this.#period = period;
    this.#lease = lease;
    this.#context = context;
    this.#request = request;
    this.#startedAt = breaker.timesCalls ? breaker.settings.clock.now() : 0;
  }

  run<Res>(inner: Service<Req, Res>): Promise<Res> {
    // A probe that is given up gives its lease back now, whenever its service notices.
    if (this.#lease !== undefined) this.#context.cancellation?.subscribe(this);
    try {
      return inner(this.#request, this.#context).then((reply) => this.replied(reply), (error) => this.failed(error));
    } catch (error) {
      return Promise.reject(error).catch((error) => this.failed(error));
    }
  }

  replied<Res>(reply: Res): Res {
    let verdict: Verdict;
    try {
      verdict = verdictOf(this.#breaker.settings, outcomeOfReply(reply), reply);
    } catch (thrown) {
      this.#end("neutral");
      discardReply(reply);
      throw thrown;
    }
    if (verdict !== "success" || !endsLater(reply)) {
      this.#end(verdict);
      return reply;
    }
    if (this.#lease !== undefined) this.#lease.answered = true;
    return whenComplete(reply, (error) => {
      if (error === undefined) this.#end("success");
      else this.#endQuietly(outcomeIn(this.#context, this.#request, error), error);
    });
  }

  failed(error: unknown): never {
    try {
      this.#end(verdictOf(this.#breaker.settings, outcomeIn(this.#context, this.#request, error), error));
    } catch (thrown) {
      this.#end("neutral");
      throw thrown;
    }
    throw error;
  }

  cancelled(reason: TransportError): void {
    this.#endQuietly(outcomeOf(reason), reason);
  }

  /** Where the caller has its answer, nobody is left to be told what a user's function throws. */
  #endQuietly(outcome: Outcome, error: unknown): void {
    let verdict: Verdict = "neutral";
    try {
      verdict = verdictOf(this.#breaker.settings, outcome, error);
    } catch {
      // It counts as nothing.
    }
    this.#end(verdict);
  }

  #end(verdict: Verdict): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#lease !== undefined) {
      this.#context.cancellation?.unsubscribe(this);
      this.#breaker.giveBack(this.#lease);
    }
    const { timesCalls, settings: { clock } } = this.#breaker;
    this.#breaker.record(this.#period, verdict, timesCalls ? clock.now() - this.#startedAt : 0);
  }
}
