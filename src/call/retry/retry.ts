/**
 * retry(): makes a failed call again, where that is safe and may help.
 *
 * @module
 */

import { attempt } from "../../core/attempt.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { background, type CallContext } from "../../core/context.ts";
import { contextRefusal } from "../../core/context_refusal.ts";
import { named } from "../../core/describe.ts";
import { counted, current } from "../../core/figures.ts";
import { type ErrorCode, TransportError } from "../../core/errors.ts";
import type { Idempotence } from "../../core/idempotent.ts";
import { liveSettings } from "../../core/live_settings.ts";
import type { Observer } from "../../core/observer.ts";
import { duration, given, integer, label, readOptions } from "../../core/options.ts";
import type { Outcome } from "../../core/outcome.ts";
import { RetryBudget } from "../../core/retry_budget.ts";
import type { CallMiddleware, Service } from "../../core/service.ts";
import { Streamed } from "../../core/streamed.ts";
import { idempotence } from "./idempotence.ts";
import { replayOf } from "./replay.ts";
import { RetriedCall, type RetrySettings } from "./retried_call.ts";

/**
 * Options of {@linkcode retry}.
 *
 * @example
 * ```ts
 * import { retry, type RetryOptions } from "@wireway/wireway";
 * const options: RetryOptions = { maxAttempts: 4, idempotent: true };
 * retry(options);
 * ```
 */
export interface RetryOptions {
  /** Attempts for a call, the first one included. @default {3} */
  maxAttempts?: number;
  /** The longest wait after a first failed attempt, in milliseconds. @default {50} */
  initialBackoffMs?: number;
  /** The longest wait between attempts, in milliseconds. @default {1000} */
  maxBackoffMs?: number;
  /** The longest wait that the far side may ask for, in milliseconds: where it asks for more, there is no retry. @default {10000} */
  maxRetryAfterMs?: number;
  /** Time that must be left for an attempt before the deadline, in milliseconds. @default {1} */
  minAttemptMs?: number;
  /** How much of an HTTP request's body is kept to be sent again, in bytes; 0 sends a body once only. @default {65536} */
  maxReplayBytes?: number;
  /** Whether calls may be made more than once, where their context does not say. By default HTTP methods say it. */
  idempotent?: Idempotence;
  /**
   * Which ends of a call are worth another attempt, where that is safe. The call
   * is rejected with what it throws. By default, see {@linkcode retry}.
   */
  retryOn?: (outcome: Outcome, result: unknown) => boolean;
  /** What attempts are paid from. @default {a budget of its own} */
  budget?: RetryBudget;
  /** What it is called in events. @default {"retry"} */
  name?: string;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Draws the jitter, from 0 to 1. @default {Math.random} */
  random?: () => number;
  /** Hears `call-retried`. */
  observer?: Observer;
}

/**
 * Makes a call again that failed, after an exponential back-off with full
 * jitter.
 *
 * Only where that is safe: the far side certainly did not work on it (the error
 * says `processed: "no"`), or the call may be made more than once. That is said
 * by its context ({@linkcode idempotent}), else by the option, else for HTTP by
 * its method or an `idempotency-key`. An HTTP request with a body is sent again
 * as long as what was read of the body is no more than `maxReplayBytes`; such a
 * body is sent as a stream. One of {@linkcode httpRequest} stays whole, and is
 * sent again whatever its size, unless that is 0. What a response's status says is acted on when its
 * head is there; once a response was passed on nothing is made again.
 *
 * A request with a stream is sent again as long as nobody has begun to read its
 * items. Once a streamed reply is there nothing is made again.
 *
 * Only where it may help: outcomes `failure` and `overload`, and what this side
 * refused for the moment (no connection free, a limit, an open breaker); never
 * a request that is wrong, what the caller gave up, or a reply of 501 or 505.
 *
 * Only where there is time and budget: the wait is as long as the far side asks
 * (`retryAfterMs`, or `Retry-After` of a 429 or 503) plus the back-off; where
 * that is beyond `maxRetryAfterMs`, or the wait and `minAttemptMs` go beyond
 * the deadline, the failure is passed on at once. So it is where the budget has
 * nothing left, and then no `retry()` further out takes it up either.
 *
 * A call whose caller gives up during a wait ends at once and leaves nothing.
 * The body of a response that is not passed on is cancelled. Attempts after the
 * first one carry their number in their context ({@linkcode attempt}). An error
 * that is passed on never says `processed: "no"` where an earlier attempt may
 * have been worked on.
 *
 * Place: outside of what tells of an attempt (a breaker, the timeout of an
 * attempt, a pool); inside of the deadline for all attempts.
 *
 * The number of attempts and the times can be changed while it works ({@linkcode adjustablesOf}).
 *
 * Errors: those of the last attempt; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, circuitBreaker, http, reconnect, retry, timeout } from "@wireway/wireway";
 * const call = chain(
 *   http({ origin: "https://orders.example" }),
 *   reconnect(),
 *   timeout({ ms: 300 }), // each attempt
 *   circuitBreaker(),
 *   retry({ maxAttempts: 3 }),
 *   timeout({ ms: 1000 }), // all of them
 * );
 * ```
 */
export function retry(options: RetryOptions = {}): CallMiddleware {
  const { retryOn, budget: shared, ...rest } = readOptions("retry()", options, rules);
  const budget = shared ?? new RetryBudget({ clock: rest.clock });
  const settings: RetrySettings = {
    ...rest,
    retryOn: retryOn ?? isWorthAnother,
    budget,
    made: { count: 0 },
  };
  const { maxReplayBytes, clock: _, random: __, observer: ___, ...shown } = rest;
  /** Whether a reply says by itself that it is no failure, so that no call needs to be kept for it. */
  const isDone = (reply: unknown): boolean =>
    reply instanceof Streamed ||
    (retryOn === undefined && (typeof reply !== "object" || !(reply instanceof Response) || reply.status < 429));
  return named(
    "retry",
    { ...shown, maxReplayBytes, budget: shared && "shared" },
    <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> =>
      function retry(request: Req, context: CallContext = background): Promise<Res> {
        try {
          // A further attempt of a call is no call of its own.
          if (context.get(attempt) === 1) budget.deposit();
        } catch (error) {
          return Promise.reject(contextRefusal(context) ?? error);
        }
        const replay = replayOf(request, maxReplayBytes);
        const onReply = (reply: Res): Res | Promise<Res> => {
          if (!isDone(reply)) return new RetriedCall(inner, request, context, settings, replay).afterReply(reply);
          replay?.end();
          return reply;
        };
        const onError = (error: unknown): Promise<Res> =>
          new RetriedCall(inner, request, context, settings, replay).afterError(error);
        try {
          return inner(replay === undefined ? request : replay.next() as Req, context).then(onReply, onError);
        } catch (error) {
          return Promise.reject(error).catch(onError);
        }
      },
    () => [
      counted("retries", settings.made.count),
      current("budget left", Math.floor(budget.balance)),
      counted("budget refused", budget.refused),
    ],
    liveSettings("retry()", settings, rules, liveNames),
  );
}

/** What can be changed while it works: it holds for the next attempt. */
const liveNames = ["maxAttempts", "initialBackoffMs", "maxBackoffMs", "maxRetryAfterMs", "minAttemptMs"] as const;

const rules = {
  maxAttempts: integer(3, 1, 1000),
  initialBackoffMs: duration(50),
  maxBackoffMs: duration(1000),
  maxRetryAfterMs: duration(10_000),
  minAttemptMs: duration(1),
  maxReplayBytes: integer(65_536, 0, 2 ** 30),
  idempotent: idempotence,
  retryOn: given<RetryOptions["retryOn"]>(undefined, "a function"),
  budget: given<RetryBudget | undefined>(undefined, "an object"),
  name: label("retry"),
  clock: given<Clock>(systemClock, "an object"),
  random: given<() => number>(Math.random, "a function"),
  observer: given<Observer | undefined>(undefined, "a function"),
};

/** Errors that another attempt would only bring forth again. */
const lasting = new Set<ErrorCode>([
  "protocol",
  "version-mismatch",
  "message-too-large",
  "invalid-request",
  "invalid-reply",
  "invalid-option",
  "unsupported",
  "address-in-use",
]);

/** Refusals of this side that may be over in a moment. */
const passing = new Set<ErrorCode>([
  "too-many-calls",
  "overloaded",
  "rate-limited",
  "circuit-open",
  "acquire-timeout",
  "draining",
]);

function isWorthAnother(outcome: Outcome, result: unknown): boolean {
  if (outcome === "rejected") return result instanceof TransportError && passing.has(result.code);
  if (outcome !== "failure" && outcome !== "overload") return false;
  if (result instanceof Response) return result.status !== 501 && result.status !== 505;
  return !(result instanceof TransportError && lasting.has(result.code));
}
