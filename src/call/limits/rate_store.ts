/**
 * Where a rate limit keeps what was spent.
 *
 * @module
 */

/**
 * So many calls in so much time.
 *
 * @example
 * ```ts
 * import { rateLimit, type RateWindow } from "@wireway/wireway";
 * const window: RateWindow = { calls: 10, perMs: 1000, burst: 20 };
 * rateLimit({ windows: [window] });
 * ```
 */
export interface RateWindow {
  /** How many calls are earned, evenly, in each `perMs`. */
  calls: number;
  /** The time, in milliseconds. */
  perMs: number;
  /** How many may be saved up, and then be made at once. @default {calls} */
  burst?: number;
}

/**
 * Keeps what was spent: in this process by default, elsewhere where several
 * processes share a limit.
 *
 * @example A limit that several processes share, in a store that runs a script
 * ```ts
 * import { rateLimit, type RateStore } from "@wireway/wireway";
 * declare const redis: { run(script: string, key: string, ...args: number[]): Promise<number> };
 * const store: RateStore = {
 *   take: (key, cost, windows) =>
 *     redis.run("gcra", key, cost, ...windows.flatMap(({ calls, perMs, burst }) => [calls, perMs, burst])),
 * };
 * rateLimit({ windows: [{ calls: 100, perMs: 1000 }], store });
 * ```
 */
export interface RateStore {
  /**
   * Spends `cost` of all windows of a key, or of none of them. Gives 0 where it
   * was spent, else how long to wait until it can be, in milliseconds. What it
   * throws or rejects with is the call's own error.
   */
  take(key: string, cost: number, windows: readonly Required<RateWindow>[]): number | Promise<number>;
  /**
   * How long until `cost` could have been spent bit by bit, in milliseconds.
   * Where a store can't say it, calls behind a first that waits are not refused
   * beforehand, but when they have waited for `maxWaitMs`.
   */
  waitMs?(key: string, cost: number, windows: readonly Required<RateWindow>[]): number;
}
