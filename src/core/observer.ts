/**
 * The observer: what a program injects to hear of what happens inside.
 *
 * @module
 */

import { looking } from "../util/looking.ts";
import type { Address } from "./channel.ts";
import type { TransportError } from "./errors.ts";

/**
 * Something that happened to a connection, to what keeps connections, or in a
 * policy around calls. `policy` is the name of the middleware, or the one that
 * its options gave it.
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
  | { type: "session-draining"; remote: Address; by: "local" | "remote"; reason: string }
  | { type: "call-rejected"; policy: string; error: TransportError }
  | { type: "call-retried"; policy: string; attempt: number; delayMs: number; error: unknown }
  | { type: "call-hedged"; policy: string; attempt: number; delayMs: number }
  | { type: "call-answered"; policy: string; from: string }
  | { type: "cache-failed"; policy: string; error: unknown }
  | { type: "state-changed"; policy: string; from: string; to: string; reason: string }
  | { type: "limit-changed"; policy: string; from: number; to: number }
  | { type: "endpoint-ejected"; policy: string; endpoint: string; forMs: number; reason: string }
  | { type: "endpoint-readmitted"; policy: string; endpoint: string };

/**
 * Hears of events. What it throws, as a promise too, is ignored, so it can't break a call.
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
  looking(observer, event);
}
