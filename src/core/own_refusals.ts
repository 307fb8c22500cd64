/**
 * Refusals of this side that have the code of what went wrong before.
 *
 * @module
 */

import type { TransportError } from "./errors.ts";

const refusals = new WeakSet<object>();

/**
 * Says of an error that nothing was tried for this call: it tells its caller of
 * an earlier failure, which was counted then, and is no new one of the peer's.
 * Returns it.
 */
export function ownRefusal(error: TransportError): TransportError {
  refusals.add(error);
  return error;
}

/** Whether that was said of it. */
export function isOwnRefusal(error: object): boolean {
  return refusals.has(error);
}
