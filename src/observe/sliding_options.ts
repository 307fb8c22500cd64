/**
 * How far back a window looks, and in which steps it moves.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { duration, given, integer, invalidOption, readOptions } from "../core/options.ts";

/**
 * Options of sliding windows.
 *
 * @example
 * ```ts
 * import { SlidingHistogram, type SlidingOptions } from "@wireway/wireway";
 * const options: SlidingOptions = { windowMs: 10_000 };
 * new SlidingHistogram(options);
 * ```
 */
export interface SlidingOptions {
  /** How far back it looks, in milliseconds. @default {60000} */
  windowMs?: number;
  /** The steps in which the window moves. @default {12} */
  slices?: number;
  /** Measures the time. @default {systemClock} */
  clock?: Clock;
}

/** The options of a window, checked and complete. */
export function readSliding(owner: string, options: SlidingOptions): Required<SlidingOptions> {
  const settings = readOptions(owner, options, {
    windowMs: duration(60_000, 1),
    slices: integer(12, 2, 1000),
    clock: given<Clock>(systemClock, "an object"),
  });
  const { windowMs } = settings;
  if (windowMs === Infinity) throw invalidOption(owner, "windowMs", windowMs, "a time in milliseconds that ends");
  return settings;
}
