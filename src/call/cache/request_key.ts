/**
 * What makes two requests the same.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { CallContext } from "../../core/context.ts";

/**
 * Says what a request is the same as: requests of one key share a reply.
 * `undefined` is a request that shares none.
 *
 * @example Replies depend on the tenant, and only reads may be shared
 * ```ts
 * import { coalesce, type KeyOf } from "@wireway/wireway";
 * const key: KeyOf<string> = (request, context) =>
 *   request.startsWith("get ") ? `${context.metadata.tenant} ${request}` : undefined;
 * coalesce({ key });
 * ```
 */
export type KeyOf<Req> = (request: Req, context: CallContext) => string | undefined;

/** The methods of HTTP that only read (RFC 9110, section 9.2.1) and whose replies are worth sharing. */
const reading = new Set(["GET", "HEAD"]);

/**
 * The key of a request that says itself what it is: text or bytes. Throws
 * `unsupported` for anything else, on behalf of `owner`.
 */
export function valueKey(owner: string, request: unknown): string {
  // Text is its own key. What begins with NUL is marked, so that it can't be taken for bytes.
  if (typeof request === "string") return request.charCodeAt(0) === 0 ? `\0s${request}` : request;
  if (request instanceof Uint8Array) return `\0b${latin1(request)}`;
  const what = request === null ? "null" : typeof request === "object" ? request.constructor?.name : typeof request;
  const why = `Cannot make a key of the request for ${owner}: it is ${what}, not text or bytes; give ${owner} a key`;
  throw new TransportError("unsupported", why, { processed: "no" });
}

/** The key of a request for HTTP: its method, address and all its fields; undefined where it does not only read. */
export function httpKey(request: Request): string | undefined {
  if (!reading.has(request.method) || request.body !== null) return undefined;
  let key = `${request.method} ${request.url}`;
  // Fields come in the order of their names.
  for (const [name, value] of request.headers) key += `\n${name}:${value}`;
  return key;
}

/** How many bytes are made text at once: each is an argument of a function. */
const pieceBytes = 8192;

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    text += String.fromCharCode(...bytes.subarray(start, start + pieceBytes));
  }
  return text;
}
