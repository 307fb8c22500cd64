/**
 * The HTTP status that says what an error does.
 *
 * @module
 */

import type { ErrorCode, TransportError } from "./errors.ts";

const statuses: Partial<Record<ErrorCode, number>> = {
  "invalid-request": 400,
  "message-too-large": 413,
  "rate-limited": 429,
  "unsupported": 501,
  "remote": 502,
  "connection-lost": 502,
  "connect-failed": 502,
  "connect-timeout": 504,
  "deadline-exceeded": 504,
  "too-many-calls": 503,
  "overloaded": 503,
  "circuit-open": 503,
  "acquire-timeout": 503,
  "draining": 503,
  "closed": 503,
  "cancelled": 503,
};

/** The status that says what an error does; 500 where there is none. */
export function statusOf(error: TransportError): number {
  return statuses[error.code] ?? 500;
}

/** The Retry-After field that says so many milliseconds, in whole seconds; undefined where there is no end to the wait. */
export function retryAfterField(retryAfterMs: number | undefined): string | undefined {
  if (retryAfterMs === undefined || !Number.isFinite(retryAfterMs)) return undefined;
  return String(Math.max(0, Math.ceil(retryAfterMs / 1000)));
}
