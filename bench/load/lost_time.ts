/**
 * What a machine takes from a process that never waits: other programs, and the
 * host of a virtual machine. No percentile of latencies can be better than that
 * allows.
 *
 * @module
 */

/** Less than this between two looks at the clock is the looking itself, in milliseconds. */
const noticedMs = 0.1;

/** See the module. */
export interface LostTime {
  /** How much of the time the process did not run, from 0 to 1. */
  share: number;
  /** The longest time at once, in milliseconds. */
  longestMs: number;
}

/** Does nothing but look at the clock, `now`, for so many milliseconds. */
export function lostTime(forMs: number, now: () => number = () => performance.now()): LostTime {
  const startedAt = now();
  let lostMs = 0;
  let longestMs = 0;
  let at = startedAt;
  while (at - startedAt < forMs) {
    const before = at;
    at = now();
    const gapMs = at - before;
    if (gapMs <= noticedMs) continue;
    lostMs += gapMs;
    if (gapMs > longestMs) longestMs = gapMs;
  }
  return { share: lostMs / (at - startedAt), longestMs };
}
