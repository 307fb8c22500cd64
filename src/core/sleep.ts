/**
 * A pause that ends early with whoever makes it.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { type DeadlineEntry, deadlinesOf } from "./deadline_queue.ts";

/**
 * Resolves after so many milliseconds, and at once when the signal aborts. Never
 * rejects. `holds` says whether the pause keeps the process alive.
 */
export function sleep(clock: Clock, ms: number, signal: AbortSignal, holds = true): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const queue = deadlinesOf(clock);
  return new Promise((resolve) => {
    const entry: DeadlineEntry = { dueAt: clock.now() + ms, position: -1, holds, expire: end };
    function end(): void {
      queue.remove(entry);
      queue.trim();
      signal.removeEventListener("abort", end);
      resolve();
    }
    signal.addEventListener("abort", end);
    queue.add(entry);
  });
}
