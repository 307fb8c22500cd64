/**
 * What calls hear that get no connection.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";

/** The client was closed before. */
export function closedBefore(): TransportError {
  return new TransportError("closed", "Call not sent: the client is closed");
}

/** There is no room to wait. */
export function tooManyWait(waiting: number, allowed: number): TransportError {
  const why = `Call not sent: ${waiting} calls wait for a connection already, ${allowed} are allowed`;
  return new TransportError("overloaded", why);
}

/** It has waited long enough. */
export function noneFree(withinMs: number, dialling: number, cause: TransportError | undefined): TransportError {
  const opening = dialling === 0 ? "" : "; one is still being opened, its peer has not answered yet";
  const why = `Call not sent: no connection was free within ${withinMs} ms${opening}`;
  return new TransportError("acquire-timeout", why, { cause });
}

/** The connection that it waited for could not be made. */
export function notConnected(cause: TransportError, retryAfterMs: number): TransportError {
  const { code, message, details } = cause;
  return new TransportError(code, message, { processed: "no", retryAfterMs, details, cause });
}

/** A connection that could not be used for anything. */
export function closedAtOnce(): TransportError {
  const why = "Connection lost: it was closed as soon as it was open";
  return new TransportError("connection-lost", why, { processed: "no" });
}
