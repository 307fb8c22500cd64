/**
 * What the error of a call says of all its attempts together.
 *
 * @module
 */

import { type Processed, TransportError } from "../core/errors.ts";
import { isFinal, markFinal } from "../core/final_results.ts";

/** How much of a call the far side may have worked on, from nothing to all. */
const degrees: readonly Processed[] = ["no", "maybe", "yes"];

/** How much the far side may have worked on after an attempt that ended with `error`, and others before. */
export function processedAfter(before: Processed, error: unknown): Processed {
  const processed = error instanceof TransportError ? error.processed : "maybe";
  return degrees.indexOf(processed) > degrees.indexOf(before) ? processed : before;
}

/** An error must not say that nothing was done where another attempt may have done something. */
export function honest(error: unknown, processed: Processed): unknown {
  if (!(error instanceof TransportError) || error.processed !== "no" || processed === "no") return error;
  const { code, message, remote, details, retryAfterMs } = error;
  const told = new TransportError(code, message, { processed, remote, details, retryAfterMs, cause: error });
  return isFinal(error) ? markFinal(told) : told;
}
