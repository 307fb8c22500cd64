/**
 * Which endpoints of a balancer carry calls at this moment.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import { isOwnRefusal } from "../core/own_refusals.ts";

/** How long an endpoint is passed over that refuses calls and doesn't say until when, in milliseconds. */
const refusedForMs = 100;

/** One endpoint, as far as this matters here. */
export interface Available {
  readonly ejection: { readonly ejectedUntil: number };
  readonly healthy: boolean;
  /** Until when calls would be refused on this side: its breaker is open, or a connection can't be made. */
  readonly refusesUntil: number;
  available: boolean;
}

/** Whether nothing speaks against an endpoint. */
export function isLeft({ ejection, healthy }: Pick<Available, "ejection" | "healthy">): boolean {
  return healthy && ejection.ejectedUntil === 0;
}

/**
 * Works out who carries calls: all, where too few are left. One that would
 * refuse them is passed over while another one would not: to be refused sooner
 * than served, a call would only have to draw it. Returns when to look again.
 */
export function decideAvailable(endpoints: readonly Available[], panicThreshold: number, now: number): number {
  const panic = endpoints.filter(isLeft).length < panicThreshold * endpoints.length;
  let willing = false;
  let lookAgainAt = Infinity;
  for (const endpoint of endpoints) {
    endpoint.available = panic || isLeft(endpoint);
    if (endpoint.refusesUntil <= now) willing ||= endpoint.available;
    else lookAgainAt = Math.min(lookAgainAt, endpoint.refusesUntil);
  }
  if (willing) { for (const endpoint of endpoints) endpoint.available &&= endpoint.refusesUntil <= now; }
  return lookAgainAt;
}

/** For how long whoever refused a call with `error` will refuse others, in milliseconds; 0 where that is not said. */
export function refusesForMs(error: unknown): number {
  if (!(error instanceof TransportError) || error.remote || error.processed !== "no") return 0;
  if (error.code === "circuit-open") return error.retryAfterMs ?? refusedForMs;
  const unconnected = error.code === "connect-failed" || error.code === "connect-timeout" || isOwnRefusal(error);
  return unconnected ? error.retryAfterMs ?? 0 : 0;
}
