/**
 * A limit for the time that somebody else takes to decide on a client.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { type DeadlineEntry, deadlinesOf } from "../core/deadline_queue.ts";
import type { TransportError } from "../core/errors.ts";

/**
 * What `asked` comes to; rejects with `late()` where that is not known within
 * `limitMs`. Whoever is asked whether to let a client in may never answer: it
 * has its place no longer than this.
 */
export function inTime<T>(
  asked: T | Promise<T>,
  limitMs: number,
  clock: Clock,
  late: () => TransportError,
): Promise<T> {
  const tooLate = Promise.withResolvers<never>();
  const deadlines = deadlinesOf(clock);
  const entry: DeadlineEntry = {
    dueAt: clock.now() + limitMs,
    position: -1,
    holds: false,
    expire: () => tooLate.reject(late()),
  };
  deadlines.add(entry);
  return Promise.race([asked, tooLate.promise]).finally(() => {
    deadlines.remove(entry);
    deadlines.trim();
  });
}
