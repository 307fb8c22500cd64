/**
 * What an error says of the far side's work, said otherwise by who knows better.
 *
 * @module
 */

import { type Processed, TransportError } from "./errors.ts";

/** The same error with another `processed`, and all else that it carries; itself where it says so already. */
export function withProcessed(error: TransportError, processed: Processed): TransportError {
  if (error.processed === processed) return error;
  const { code, message, details, remote, retryAfterMs } = error;
  return new TransportError(code, message, { processed, details, remote, retryAfterMs, cause: error });
}
