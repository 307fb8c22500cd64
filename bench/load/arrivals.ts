/**
 * When calls are to start in an open loop: the times between one and the next.
 *
 * @module
 */

import { Random } from "../../tests/support/random.ts";

/** How calls come: evenly, or each on its own as from many callers that know nothing of each other. */
export type ArrivalPattern = "constant" | "poisson";

/** Gives the milliseconds from one intended start to the next. */
export type Gaps = () => number;

/** Gaps that make `rate` calls a second on average. The same seed gives the same gaps. */
export function gapsOf(pattern: ArrivalPattern, rate: number, seed: number): Gaps {
  const mean = 1000 / rate;
  if (pattern === "constant") return () => mean;
  const random = new Random(seed);
  // The gaps of a Poisson process are exponential: the inverse of their distribution, of a draw above 0.
  return () => -mean * Math.log((random.below(0xffff_ffff) + 1) / 0x1_0000_0000);
}
