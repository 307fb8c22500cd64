/**
 * fallback(): answers in another way where a call fails.
 *
 * @module
 */

import { discardReply } from "../core/completion.ts";
import { background, type CallContext } from "../core/context.ts";
import { named } from "../core/describe.ts";
import { counted } from "../core/figures.ts";
import { notify, type Observer } from "../core/observer.ts";
import { given, invalidOption, label, type OptionRule, readOptions } from "../core/options.ts";
import { type Outcome, outcomeIn, outcomeOfReply } from "../core/outcome.ts";
import type { Middleware, Service } from "../core/service.ts";
import { Streamed } from "../core/streamed.ts";
import { honest, processedAfter } from "./honest_error.ts";

/**
 * Options of {@linkcode fallback}: `to` or `value`.
 *
 * @example
 * ```ts
 * import { fallback, type FallbackOptions } from "@wireway/wireway";
 * const options: FallbackOptions<string, string> = { to: (request, _context, cause) => `no ${request}: ${cause}` };
 * fallback(options);
 * ```
 */
export interface FallbackOptions<Req, Res> {
  /** What answers instead: another service, or a function that is also given the error or the reply in question. */
  to?: (request: Req, context: CallContext, cause: unknown) => Res | Promise<Res>;
  /** The answer instead. For a `Response` use `to`, since one can be read only once. */
  value?: Res;
  /** Which ends of a call are answered in another way. @default {failure, overload and rejected} */
  when?: (outcome: Outcome, result: unknown) => boolean;
  /** What it is called in events. @default {"fallback"} */
  name?: string;
  /** Hears `call-answered`. */
  observer?: Observer;
}

/**
 * Answers a failed call in another way: by another service, or with a value.
 *
 * By default it does so for outcomes `failure` and `overload`, of errors and of
 * HTTP statuses alike, and for `rejected`, what this side refused to send. It
 * never does for a call whose caller has given up, whatever `when` says, since
 * nobody would read the answer; nor for an attempt that another one superseded.
 *
 * Another service is given the same request and context. An HTTP request whose
 * body was sent already can't be sent to it, nor one whose stream was begun: then
 * the failure is passed on. The body of a response that is replaced is cancelled,
 * and so is a stream. What fails behind a reply that was passed on is its
 * reader's. Where the other service
 * fails too, its error is the call's.
 *
 * Place: outside of retries and breakers, inside of what measures. Outside of a
 * timeout it answers what timed out, inside of it the timeout bounds the other
 * service too.
 *
 * Errors: those of the other service; `invalid-option`.
 *
 * @example The last known answer is better than none
 * ```ts
 * import { chain, circuitBreaker, fallback, mux, reconnect, tcp, text } from "@wireway/wireway";
 * const last = new Map<string, string>();
 * await using call = chain(
 *   chain(tcp({ port: 9000 }), mux(), text(), reconnect()),
 *   circuitBreaker(),
 *   fallback({ to: (request) => last.get(request) ?? "unknown" }),
 * );
 * ```
 */
export function fallback<Req, Res>(options: FallbackOptions<Req, Res>): Middleware<Service<Req, Res>> {
  const { to, value, when, name, observer } = readOptions("fallback()", options, {
    to: given<FallbackOptions<Req, Res>["to"]>(undefined, "a function"),
    value: anything<Res>(),
    when: given<NonNullable<FallbackOptions<Req, Res>["when"]>>(isTrouble, "a function"),
    name: label("fallback"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  if ((to === undefined) === (value === undefined)) {
    throw invalidOption("fallback()", "to", to, "a function, or a value in its place");
  }
  const answer = to ?? ((): Res => value as Res);

  const counts = { calls: 0, used: 0, failed: 0 };

  function answered(request: Req, context: CallContext, outcome: Outcome, cause: unknown): Promise<Res> | undefined {
    if (outcome === "cancelled" || outcome === "superseded" || isGivenUp(context)) return undefined;
    try {
      if (!when(outcome, cause)) return undefined;
    } catch (thrown) {
      discardReply(cause);
      return Promise.reject(thrown);
    }
    if (to !== undefined && isUsedUp(request)) return undefined;
    counts.used++;
    if (observer !== undefined) notify(observer, { type: "call-answered", policy: name, from: "fallback" });
    discardReply(cause);
    // As a promise in any case: what the function throws is the call's error.
    const answering = new Promise<Res>((resolve) => resolve(answer(request, context, cause)));
    return answering.catch((error) => {
      counts.failed++;
      throw honest(error, processedAfter("no", cause));
    });
  }

  return named(
    "fallback",
    { to: to && "(function)", value },
    (inner: Service<Req, Res>): Service<Req, Res> =>
      function fallback(request: Req, context: CallContext = background): Promise<Res> {
        counts.calls++;
        const onReply = (reply: Res): Res | Promise<Res> =>
          answered(request, context, outcomeOfReply(reply), reply) ?? reply;
        const onError = (error: unknown): Promise<Res> =>
          answered(request, context, outcomeIn(context, request, error), error) ?? Promise.reject(error);
        try {
          return inner(request, context).then(onReply, onError);
        } catch (error) {
          return onError(error);
        }
      },
    () => [counted("calls", counts.calls), counted("used", counts.used), counted("failed", counts.failed)],
  );
}

function isTrouble(outcome: Outcome): boolean {
  return outcome === "failure" || outcome === "overload" || outcome === "rejected";
}

function isUsedUp(request: unknown): boolean {
  if (request instanceof Streamed) return request.begun;
  return request instanceof Request && (request.bodyUsed || request.body?.locked === true);
}

/** Whether nobody waits any more. A call that ran out of time may be answered, where its caller still listens. */
function isGivenUp({ cancellation }: CallContext): boolean {
  return cancellation?.reason !== undefined;
}

function anything<T>(): OptionRule<T | undefined> {
  return {
    allowed: "a value that can be given more than once",
    fallback: undefined,
    accepts: (value) =>
      !(value instanceof Response) && !(value instanceof ReadableStream) && !(value instanceof Streamed),
  };
}
