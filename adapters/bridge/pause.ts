/**
 * A pause between two attempts, which ends early with whoever makes them.
 *
 * @module
 */

import { systemClock } from "../../mod.ts";

/** Resolves after so many milliseconds, and at once when the signal aborts. Never rejects. */
export function pause(ms: number, ending: AbortSignal): Promise<void> {
  if (ending.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = systemClock.schedule(end, ms);
    function end(): void {
      timer.cancel();
      ending.removeEventListener("abort", end);
      resolve();
    }
    ending.addEventListener("abort", end);
  });
}
