/**
 * The one verdict on a call that every controller (breaker, balancer, limiter,
 * budget) reads, so that they can't disagree on what a failure is.
 *
 * @module
 */

import type { CallContext } from "./context.ts";
import { TransportError } from "./errors.ts";
import { isOwnRefusal } from "./own_refusals.ts";

/**
 * How a call ended:
 *
 * - `success`: it was answered;
 * - `failure`: the far side or the network failed it;
 * - `overload`: the far side refused it because it has too much to do;
 * - `rejected`: this side refused it before sending; says nothing about the peer;
 * - `cancelled`: the caller gave up; says nothing about the peer;
 * - `superseded`: another attempt of the same call won.
 *
 * @example
 * ```ts
 * import { type Outcome, outcomeOf } from "@wireway/wireway";
 * const counts = (outcome: Outcome): boolean => outcome === "failure" || outcome === "overload";
 * console.log(counts(outcomeOf(new Error("boom")))); // true
 * ```
 */
export type Outcome = "success" | "failure" | "overload" | "rejected" | "cancelled" | "superseded";

/**
 * The verdict on a call that was rejected with `error`. An error that is not a
 * {@linkcode TransportError} is a `failure`.
 *
 * @example
 * ```ts
 * import { outcomeOf, TransportError } from "@wireway/wireway";
 * outcomeOf(new TransportError("connection-lost", "Connection reset")); // "failure"
 * outcomeOf(new TransportError("too-many-calls", "Limit reached: 10")); // "rejected"
 * ```
 */
export function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof TransportError)) return "failure";
  if (isOwnRefusal(error)) return "rejected";
  switch (error.code) {
    case "cancelled":
      return "cancelled";
    case "superseded":
      return "superseded";
    case "too-many-calls":
    case "overloaded":
    case "rate-limited":
    case "circuit-open":
      return error.remote ? "overload" : "rejected";
    case "acquire-timeout":
    case "closed":
    case "draining":
    case "invalid-request":
    case "invalid-option":
    case "message-too-large":
    case "unsupported":
      return error.remote ? "failure" : "rejected";
    case "deadline-exceeded":
      // Expired before it was sent: the peer never saw it.
      return error.processed === "no" && !error.remote ? "rejected" : "failure";
    default:
      return "failure";
  }
}

/**
 * The verdict on a call that was answered: what a reply itself says. A
 * `Response` of 429 or 503 is an `overload`, any other of 500 and above a
 * `failure`; all else is a `success`.
 *
 * @example
 * ```ts
 * import { outcomeOfReply } from "@wireway/wireway";
 * outcomeOfReply(new Response("busy", { status: 503 })); // "overload"
 * outcomeOfReply("hello"); // "success"
 * ```
 */
export function outcomeOfReply(reply: unknown): Outcome {
  if (!(reply instanceof Response) || reply.status < 429) return "success";
  if (reply.status === 429 || reply.status === 503) return "overload";
  return reply.status >= 500 ? "failure" : "success";
}

/**
 * The verdict on a call that was rejected with `error`, where the call itself is
 * at hand: one that was cancelled, through its context or through the signal of
 * an HTTP request, ended for the reason of that, whatever error the cancelling
 * brought forth.
 */
export function outcomeIn(context: CallContext, request: unknown, error: unknown): Outcome {
  const reason = context.cancellation?.reason;
  if (reason !== undefined) return outcomeOf(reason);
  if (!(request instanceof Request) || !request.signal.aborted) return outcomeOf(error);
  const said: unknown = request.signal.reason;
  if (said instanceof TransportError) return outcomeOf(said);
  return said instanceof DOMException && said.name === "TimeoutError" ? "failure" : "cancelled";
}
