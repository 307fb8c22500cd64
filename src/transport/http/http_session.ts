/**
 * What the forms of the calling end have in common.
 *
 * @module
 */

import { Cancellation } from "../../core/cancellation.ts";
import type { Address } from "../../core/channel.ts";
import type { Clock } from "../../core/clock.ts";
import type { CallContext } from "../../core/context.ts";
import { contextRefusal } from "../../core/context_refusal.ts";
import { TransportError } from "../../core/errors.ts";
import { notSent } from "../../core/not_sent.ts";
import type { CloseOptions, Session } from "../../core/session.ts";

/** Time for calls in flight to finish when a session is closed, in milliseconds. */
const closeTimeoutMs = 30_000;

/** A session whose responses are streams. */
export interface StreamingSession extends Pick<Session<Request, Response>, "abort" | "finished"> {
  /** Gives up the responses that nobody has begun to read. */
  cutUnread(reason: TransportError): void;
}

/** Resolves when a session that takes no more calls is over: it is cut off where that takes too long. */
export function overWithin(session: StreamingSession, clock: Clock, options: CloseOptions): Promise<void> {
  const { graceMs = closeTimeoutMs, unreadGraceMs = graceMs } = options;
  const cutOff = clock.schedule(() => {
    const why = `Connection closed: its calls were not finished within ${graceMs} ms`;
    session.abort(new TransportError("closed", why, { processed: "maybe" }));
  }, graceMs);
  const unread = unreadGraceMs >= graceMs ? undefined : clock.schedule(() => {
    const why = `Response cut off: its client was closed, and nobody began to read its body within ${unreadGraceMs} ms`;
    session.cutUnread(new TransportError("closed", why, { processed: "yes" }));
  }, unreadGraceMs);
  return session.finished.then(() => {
    cutOff.cancel();
    unread?.cancel();
  });
}

/** Where an origin is. */
export function addressOf(origin: string): Address {
  const url = new URL(origin);
  return {
    transport: url.protocol.slice(0, -1),
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port),
  };
}

/** Why a session to `origin` can't send a request, if it can't. */
export function refusalOf(
  request: Request,
  context: CallContext,
  origin: string,
  { state, load, capacity }: Session<Request, Response>,
  clock: Clock,
): TransportError | undefined {
  if (state !== "open") {
    return new TransportError("closed", `Cannot call ${origin}: the session is closed`);
  }
  if (load >= capacity) {
    return new TransportError("too-many-calls", `Call refused: ${load} are in flight, ${capacity} are allowed`);
  }
  const url: unknown = (request as Request | null | undefined)?.url;
  if (typeof url !== "string") return noRequest(origin, request);
  if (!url.startsWith(origin) || url[origin.length] !== "/") {
    const named = /^[^/]*\/\/[^/]*@/.test(url);
    // What is secret in it is not repeated.
    const why = named ? "with a name or a password in its URL" : `for ${url}: the session goes to ${origin}`;
    return new TransportError("invalid-request", `Cannot send request ${why}`);
  }
  if (request.bodyUsed) {
    return new TransportError("invalid-request", "Cannot send request: its body has been used already");
  }
  const reason = context.cancellation?.reason;
  if (reason !== undefined) return notSent(reason);
  if (context.deadline === Infinity) return undefined;
  if (context.deadline <= clock.now()) {
    return new TransportError("deadline-exceeded", "Call not sent: its deadline has passed", { processed: "no" });
  }
  return contextRefusal(context);
}

/** Without types to say so, a text is a likely thing to be given to what stands for `fetch`. */
function noRequest(origin: string, given: unknown): TransportError {
  const url = typeof given === "string" || given instanceof URL ? JSON.stringify(given) : undefined;
  const instead = url === undefined ? String(given) : `${url}, for which there is httpRequest(${url})`;
  return new TransportError("invalid-request", `Cannot call ${origin}: it takes a Request, this is ${instead}`);
}

/** Why a request can't be sent, or need not be any more. */
export function unfitness({ body, signal }: Request): TransportError | undefined {
  if (body?.locked) {
    return new TransportError("invalid-request", "Cannot send request: its body is being read elsewhere");
  }
  return abortedBefore(signal);
}

/** Why a request with this signal need not be sent any more. */
export function abortedBefore(signal: AbortSignal): TransportError | undefined {
  return signal.aborted ? notSent(reasonOf(signal)) : undefined;
}

/** What a request's own signal says. */
export function reasonOf(signal: AbortSignal): TransportError {
  return new Cancellation(undefined, signal).reason!;
}
