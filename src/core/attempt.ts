/**
 * Which attempt of a call this is.
 *
 * @module
 */

import { type ContextKey, contextKey } from "./context.ts";

/**
 * Which attempt of a call this is, counted from 1: set by what makes further
 * ones (retries, hedges), read by what must tell them apart (measurements).
 *
 * @example
 * ```ts
 * import { attempt, type CallMiddleware } from "@wireway/wireway";
 * const loggingRetries: CallMiddleware = (inner) => (request, context) => {
 *   if (context !== undefined && context.get(attempt) > 1) console.log("again");
 *   return inner(request, context);
 * };
 * ```
 */
export const attempt: ContextKey<number> = contextKey("attempt", 1);
