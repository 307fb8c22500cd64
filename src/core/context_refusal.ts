/**
 * Telling what is no context of a call.
 *
 * @module
 */

import type { CallContext } from "./context.ts";
import { TransportError } from "./errors.ts";

/**
 * Why a context is none, as a program without types may give it: undefined for one. Asked where a call with a deadline
 * goes another way anyway, since what is no context has no deadline either, not even `Infinity`.
 */
export function contextRefusal(context: CallContext): TransportError | undefined {
  // By what it can do: another copy of this module has a class of its own.
  if (typeof (context as Partial<CallContext> | null)?.bounded === "function") return undefined;
  const why =
    "Call not made: what it was given for a context is none; use callContext({ timeoutMs, signal, metadata })";
  return new TransportError("invalid-request", why);
}
