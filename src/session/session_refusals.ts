/**
 * The errors of calls on sessions that take none, or have ended.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import type { SessionState } from "../core/session.ts";

/** The error for a call on a session that takes none. */
export function unusable(where: string, state: SessionState): TransportError {
  if (state === "closed") return new TransportError("closed", `Cannot call ${where}: the connection is closed`);
  return new TransportError("draining", `Cannot call ${where}: the connection takes no new calls`);
}

/** The error for a call whose connection has ended. */
export function callLost(where: string, error: TransportError | undefined): TransportError {
  const why = error === undefined ? "the peer ended it" : error.message;
  return new TransportError("connection-lost", `Call lost: the connection to ${where} is gone: ${why}`, {
    processed: "maybe",
    details: error?.details,
    cause: error,
  });
}
