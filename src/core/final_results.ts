/**
 * Results that no layer further out may answer with another attempt.
 *
 * @module
 */

const finals = new WeakSet<object>();

/**
 * Says of an error, or of a reply that reports one, that it is not to be
 * retried: whoever paid for attempts has nothing left, and what lies outside
 * would only multiply the load. Returns it.
 *
 * {@linkcode retry} marks what it gives up for want of budget.
 *
 * @example
 * ```ts
 * import { isFinal, markFinal } from "@wireway/wireway";
 * const error = markFinal(new Error("Out of stock"));
 * isFinal(error); // true
 * ```
 */
export function markFinal<T>(result: T): T {
  if ((typeof result === "object" && result !== null) || typeof result === "function") finals.add(result);
  return result;
}

/**
 * Whether {@linkcode markFinal} was said of it.
 *
 * @example
 * ```ts
 * import { isFinal } from "@wireway/wireway";
 * isFinal(new Error("Anything")); // false
 * ```
 */
export function isFinal(result: unknown): boolean {
  return typeof result === "object" && result !== null ? finals.has(result) : false;
}
