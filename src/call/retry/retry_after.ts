/**
 * What the far side says of when to come again.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";

/**
 * How long the far side asks to wait, in milliseconds: of an error its
 * `retryAfterMs`, of a response of 429 or 503 its `Retry-After` field (RFC
 * 9110, section 10.2.3). Undefined where it says nothing; `Infinity` where what
 * it says is no time, which gRPC takes for a wish not to be asked again.
 */
export function retryAfterOf(result: unknown): number | undefined {
  if (result instanceof TransportError) {
    return result.retryAfterMs === undefined ? undefined : timeOf(result.retryAfterMs);
  }
  if (!(result instanceof Response) || (result.status !== 429 && result.status !== 503)) return undefined;
  const field = result.headers.get("retry-after")?.trim();
  if (field === undefined) return undefined;
  if (/^\d+$/.test(field)) return Number(field) * 1000;
  // The platform takes much for a date that is none; those of HTTP begin with a day of the week.
  if (!/^[A-Za-z]{3}/.test(field)) return Infinity;
  // It is one of the far side's clock, and so measured against that.
  const said = Date.parse(result.headers.get("date") ?? "");
  return timeOf(Math.max(0, Date.parse(field) - (Number.isNaN(said) ? Date.now() : said)));
}

function timeOf(ms: number): number {
  return ms >= 0 ? ms : Infinity;
}
