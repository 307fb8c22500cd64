/**
 * One turn of the event loop, for clients that begin or end something in the
 * next one and tell nobody.
 *
 * @module
 */

import { systemClock } from "../../mod.ts";

/** Resolves in the next turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void systemClock.schedule(resolve, 0));
}
