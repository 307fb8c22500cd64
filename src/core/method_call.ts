/**
 * Calls by name.
 *
 * @module
 */

import type { Streamed } from "./streamed.ts";

/**
 * A call of a method: what travels under protocols that know methods by name,
 * such as JSON-RPC.
 *
 * @example
 * ```ts
 * import type { Handler, MethodCall } from "@wireway/wireway";
 * const handler: Handler<MethodCall, unknown> = ({ method, params }) => `${method} of ${JSON.stringify(params)}`;
 * ```
 */
export interface MethodCall {
  /** The name of the method. */
  readonly method: string;
  /** Its arguments; absent where it takes none. */
  readonly params?: unknown;
}

/**
 * What is asked for under such a protocol: a call, or one whose arguments a
 * stream of items follows. The reply is any value, or a {@linkcode Streamed}.
 *
 * @example
 * ```ts
 * import { type MethodRequest, Streamed } from "@wireway/wireway";
 * declare const lines: AsyncIterable<string>;
 * const upload: MethodRequest = new Streamed({ method: "upload", params: { name: "log" } }, lines);
 * ```
 */
export type MethodRequest = MethodCall | Streamed<MethodCall, unknown>;
