/**
 * Whether a call may be made more than once.
 *
 * @module
 */

import { type CallContext, type ContextKey, contextKey } from "./context.ts";

/**
 * Whether a call may be made more than once without harm: said by its caller,
 * read by what sends calls again. Where nothing is said, the options of that
 * middleware decide, and for HTTP the method.
 *
 * @example
 * ```ts
 * import { background, idempotent, type Service } from "@wireway/wireway";
 * declare const call: Service<string, string>;
 * await call("what is the balance", background.set(idempotent, true));
 * ```
 */
export const idempotent: ContextKey<boolean | undefined> = contextKey<boolean | undefined>("idempotent", undefined);

/**
 * What says whether a call may be made more than once where its context does
 * not: an answer for all, or for each.
 *
 * @example
 * ```ts
 * import { type Idempotence, retry } from "@wireway/wireway";
 * const reads: Idempotence = (request) => typeof request === "string" && request.startsWith("get ");
 * retry({ idempotent: reads });
 * ```
 */
export type Idempotence = boolean | ((request: unknown, context: CallContext) => boolean);

/** Methods that may be sent twice without harm (RFC 9110, section 9.2.2). */
const methods = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]);

/**
 * Whether a call may be made more than once: by its context, else by the
 * option, else for an HTTP request by its method and whether it carries an
 * `idempotency-key`. Anything else may not.
 */
export function isIdempotent(request: unknown, context: CallContext, option: Idempotence | undefined): boolean {
  const said = context.get(idempotent);
  if (said !== undefined) return said;
  if (typeof option === "function") return option(request, context);
  if (option !== undefined) return option;
  return request instanceof Request && (methods.has(request.method) || request.headers.has("idempotency-key"));
}
