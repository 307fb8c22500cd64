/**
 * What a request is, once it has been looked at: shared by the answering ends
 * on channels and over HTTP.
 *
 * @module
 */

import { background } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import type { MethodCall } from "../../core/method_call.ts";
import { type Extension, hasExtension, readExtension } from "./json_rpc_extension.ts";
import { type Envelope, exactId, type Fault, type Id, invalidRequest, isId } from "./json_rpc_parse.ts";

/** Why a message is no request; undefined for one that is. */
export function faultOf({ jsonrpc, id, method, params }: Envelope): Fault | undefined {
  if (jsonrpc !== "2.0") return invalidRequest('it has no "jsonrpc": "2.0"');
  if (typeof method !== "string") return invalidRequest("its method is not a name");
  if (id !== undefined && !isId(id)) return invalidRequest("its id is neither a text, nor a number, nor null");
  if (params !== undefined && (typeof params !== "object" || params === null)) {
    return invalidRequest("its params are neither an array nor an object");
  }
  return undefined;
}

/** The id that an answer has; undefined for a notification. */
export function answerId({ id }: Envelope, text: string, index?: number): Id | undefined {
  return id === undefined ? undefined : isId(id) ? exactId(id, text, index) : null;
}

/** What the member `wireway` says; undefined where there is none. Throws `invalid-request`. */
export function extensionOf({ wireway }: Envelope): Extension | undefined {
  return hasExtension(wireway) ? readExtension(wireway) : undefined;
}

/** The call of a request. */
export function callOf({ method, params }: Envelope, extension: Extension | undefined): MethodCall {
  if (params === undefined) return { method: method as string };
  const bare = extension !== undefined && extension.bare && Array.isArray(params);
  return { method: method as string, params: bare ? params[0] : params };
}

/** When a call must have ended. Throws `deadline-exceeded` where that has passed. */
export function deadlineOf(extension: Extension | undefined, now: () => number): number {
  if (extension?.timeLeftMs === undefined) return Infinity;
  if (extension.timeLeftMs === 0) {
    throw new TransportError("deadline-exceeded", "Call refused: its deadline has passed", { processed: "no" });
  }
  return now() + extension.timeLeftMs;
}

/** How urgent a call is. */
export function priorityOf(extension: Extension | undefined): number {
  return extension === undefined ? background.priority : extension.priority;
}

/** Whether a value is a promise, or behaves as one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as PromiseLike<unknown>).then === "function";
}
