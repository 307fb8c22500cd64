/**
 * The observer: what a program injects to hear of what happens inside.
 *
 * @module
 */

import type { Address } from "./channel.ts";
import type { TransportError } from "./errors.ts";

/**
 * Something that happened to a connection or to what keeps connections.
 *
 * @example
 * ```ts
 * import type { TransportEvent } from "@wireway/wireway";
 * const isTrouble = (event: TransportEvent): boolean => event.type === "dial-failed";
 * ```
 */
export type TransportEvent =
  | { type: "connection-opened"; side: "client" | "server"; local: Address; remote: Address }
  | { type: "connection-refused"; remote: Address | undefined; error: TransportError }
  | { type: "connection-closed"; side: "client" | "server"; remote: Address; error: TransportError | undefined }
  | { type: "dial-failed"; error: TransportError; attempt: number; retryInMs: number | undefined }
  | { type: "session-draining"; remote: Address; by: "local" | "remote"; reason: string };

/**
 * Hears of events. What it throws is ignored, so it can't break a call.
 *
 * @example
 * ```ts
 * import { type Observer, tcp } from "@wireway/wireway";
 * const observer: Observer = (event) => console.log(event.type);
 * tcp({ port: 9000, observer });
 * ```
 */
export type Observer = (event: TransportEvent) => void;

/**
 * Tells an observer. Callers check for `undefined` first, so that an event that
 * nobody hears is never built.
 */
export function notify(observer: Observer, event: TransportEvent): void {
  try {
    observer(event);
  } catch {
    // A listener's own fault is not the connection's.
  }
}
