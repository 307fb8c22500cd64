/**
 * Whether a later series of rounds is worse than an earlier one.
 *
 * @module
 */

import { spread } from "./floor/table.ts";

/** What two series say. */
export interface Comparison {
  /** The middle of the earlier ratios. */
  before: number;
  /** The middle of the later ones. */
  now: number;
  /** `now / before − 1`: 0.07 is 7 % slower. */
  change: number;
  /** How sure it is that it became slower by more than `tolerance`, from 0 to 1. */
  slower: number;
  /** How sure it is that it became faster by more than that. */
  faster: number;
}

/**
 * Compares ratios to the floor of the same round. How sure it is comes from the
 * exact test of Mann and Whitney (1947), which takes nothing for granted about
 * how the ratios are spread: one minus the chance that two series that do not
 * differ are ordered like these, or more clearly. The later series is set
 * against the earlier one times 1 + `tolerance`, so that the question is not
 * whether it became slower but whether by more than that.
 */
export function compareRounds(before: number[], now: number[], tolerance: number): Comparison {
  const [middleBefore, middleNow] = [before, now].map((ratios) => spread(ratios)[1]);
  return {
    before: middleBefore,
    now: middleNow,
    change: middleNow / middleBefore - 1,
    slower: 1 - chanceOfMore(before.map((ratio) => ratio * (1 + tolerance)), now),
    faster: 1 - chanceOfMore(now.map((ratio) => ratio * (1 + tolerance)), before),
  };
}

/**
 * The chance that values of one distribution, dealt to two series of these
 * lengths at random, would put the second as far above the first as it is.
 */
export function chanceOfMore(first: number[], second: number[]): number {
  // Ties count against the difference: the chance is then never too small.
  let above = 0;
  for (const value of second) for (const other of first) if (value > other) above++;
  const ways = waysOf(first.length, second.length);
  const all = ways.reduce((sum, count) => sum + count, 0);
  return ways.slice(above).reduce((sum, count) => sum + count, 0) / all;
}

/** The most that so many rounds, against so many, can be sure of: where all of the later ones are slower. */
export function surest(before: number, now: number): number {
  return 1 - chanceOfMore(new Array<number>(before).fill(0), new Array<number>(now).fill(1));
}

/** In how many orders of n and m different values each number of pairs has the second one above the first. */
function waysOf(n: number, m: number): number[] {
  // Place the values from the greatest down: one of the second series is above all of the first that are still left.
  const known = new Map<string, number[]>();
  const ways = (n: number, m: number): number[] => {
    if (n === 0 || m === 0) return [1];
    const key = `${n} ${m}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const sums = new Array<number>(n * m + 1).fill(0);
    ways(n, m - 1).forEach((count, pairs) => sums[pairs + n] += count);
    ways(n - 1, m).forEach((count, pairs) => sums[pairs] += count);
    known.set(key, sums);
    return sums;
  };
  return ways(n, m);
}
