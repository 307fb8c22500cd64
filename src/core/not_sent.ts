/**
 * What a call ends with that was given up before it was sent.
 *
 * @module
 */

import { TransportError } from "./errors.ts";

/** The reason for which it was given up, with `processed: "no"`. */
export function notSent(reason: TransportError): TransportError {
  const { code, message } = reason;
  return new TransportError(code, message, { processed: "no", cause: reason });
}
