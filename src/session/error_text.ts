/**
 * Errors as text, for protocols that name the code of an error beside a JSON
 * body.
 *
 * @module
 */

import { type ErrorCode, errorCodes, type Processed, TransportError } from "../core/errors.ts";

/** All of an error but its code, as JSON. */
export function describeError({ message, processed, retryAfterMs, details }: TransportError): string {
  const error = { message, processed, retryAfterMs };
  try {
    return JSON.stringify({ ...error, details });
  } catch {
    // Details that are not JSON must not keep the error itself from being told.
    return JSON.stringify(error);
  }
}

/** The error of the far side that a code and a text stand for. A code of a later version is at least the far side's. */
export function readError(code: string, text: string): TransportError {
  const { message, processed, retryAfterMs, details } = parse(text);
  return new TransportError(
    errorCodes.includes(code as ErrorCode) ? code as ErrorCode : "remote",
    String(message ?? text),
    {
      processed: processed === "no" || processed === "yes" ? processed satisfies Processed : "maybe",
      retryAfterMs: typeof retryAfterMs === "number" ? retryAfterMs : undefined,
      details: typeof details === "object" && details !== null ? details as Record<string, unknown> : undefined,
      remote: true,
    },
  );
}

function parse(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
