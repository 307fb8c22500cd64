/**
 * Errors of ours as HTTP answers, and failures of `fetch` as errors of ours.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { retryAfterField, statusOf } from "../../core/http_status.ts";

/**
 * The answer that says what an error does, as `http()` gives it where a handler
 * throws: its status (429 for `rate-limited`, 503 for `overloaded`, 504 for
 * `deadline-exceeded` …), `Retry-After` where the error says when, and code and
 * message as text.
 *
 * @example
 * ```ts
 * import { errorResponse, TransportError } from "@wireway/wireway";
 * errorResponse(new TransportError("rate-limited", "Too many calls", { retryAfterMs: 2000 })).status; // 429
 * ```
 */
export function errorResponse(error: TransportError): Response {
  const headers = new Headers({ "content-type": "text/plain; charset=utf-8" });
  const retryAfter = retryAfterField(error.retryAfterMs);
  if (retryAfter !== undefined) headers.set("retry-after", retryAfter);
  return new Response(`${error.code}: ${error.message}\n`, { status: statusOf(error), headers });
}

/** What a failed `fetch` means. Its detail is only in the text of its cause. */
export function fetchError(origin: string, error: unknown): TransportError {
  if (error instanceof TransportError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = cause instanceof Error ? cause.message : String(cause);
  if (
    // `Connect` is the platform's word for all that goes wrong before anything was sent.
    /client error \(Connect\)|connect error|dns error|ConnectionRefused|Connection refused|UnknownIssuer|invalid peer certificate/i
      .test(why)
  ) {
    return new TransportError("connect-failed", `Cannot connect to ${origin}: ${why}`, { cause: error });
  }
  return new TransportError("connection-lost", `Call to ${origin} lost: ${why}`, { cause: error });
}
