/**
 * Redirects, as the Fetch standard has them ("HTTP-redirect fetch").
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { ResponseHead } from "../../framing/http1/http1_head.ts";
import type { OutgoingRequest } from "./http_request.ts";

/** How many redirects are followed. */
const maxRedirects = 20;

const statuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Fields that say what a body is. */
const ofBody: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-language",
  "content-location",
  "content-type",
]);

/**
 * Fields that are for the first origin only. The standard names the first; the
 * others no page can set, but a server can.
 */
const ofOrigin: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization"]);

/** Whether a status is that of a redirect, wherever it leads. */
export function isRedirect({ status }: ResponseHead): boolean {
  return statuses.has(status);
}

/** Where the response sends its caller; undefined where it is no redirect, or leads nowhere. */
export function redirectOf(head: ResponseHead): string | undefined {
  return isRedirect(head) ? head.fields.get("location") : undefined;
}

/** A request, and whether it takes the body of the one before. */
export interface RedirectedRequest {
  readonly request: OutgoingRequest;
  readonly keepsBody: boolean;
}

/**
 * The request that follows the `count`th redirect.
 *
 * Throws `invalid-reply` where there is none.
 */
export function redirected(
  request: OutgoingRequest,
  { status }: ResponseHead,
  location: string,
  count: number,
): RedirectedRequest {
  if (count > maxRedirects) throw refused(request, `it is number ${count}, ${maxRedirects} are followed`);
  // Bytes past ASCII stay what they are: read as characters, each would become two (whatwg/fetch#883).
  const ascii = location.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  if (!URL.canParse(ascii, request.url)) throw refused(request, `it goes to ${JSON.stringify(location)}`);
  const url = new URL(ascii, request.url);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw refused(request, `it goes to ${url.protocol}`);
  url.hash = url.username = url.password = "";
  const { method } = request;
  const get = status === 303 ? method !== "GET" && method !== "HEAD" : status < 303 && method === "POST";
  const moved = url.origin !== request.origin;
  const fields = request.fields.filter(([name]) => !(get && ofBody.has(name)) && !(moved && ofOrigin.has(name)));
  return {
    keepsBody: !get,
    request: {
      ...request,
      method: get ? "GET" : method,
      url: url.href,
      origin: url.origin,
      fields,
      host: moved ? undefined : request.host,
      expectsContinue: request.expectsContinue && !get,
      declaredLength: get ? undefined : request.declaredLength,
      encoded: undefined,
    },
  };
}

/** The error for a redirect that is not followed. */
export function refused({ url }: OutgoingRequest, why: string): TransportError {
  return new TransportError("invalid-reply", `Cannot follow redirect from ${url}: ${why}`);
}
