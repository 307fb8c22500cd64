/**
 * The options that everything has which shares a bandwidth: rates, and the
 * weights of priorities.
 *
 * @module
 */

import { given, invalidOption, type OptionRule } from "./options.ts";

/** Bytes a second; without one there is no bound. */
export const byteRate: OptionRule<number> = {
  allowed: "a number of bytes of at least 1, or Infinity",
  fallback: Infinity,
  accepts: (value) => typeof value === "number" && value >= 1,
};

/** The shares of the priorities 1 to 7; priority 0 needs none. */
export const weightsRule: OptionRule<readonly number[]> = given<readonly number[]>([8, 6, 4, 3, 2, 1.5, 1], "a list");

/** Throws `invalid-option` for weights that can't be shared by. */
export function checkWeights(owner: string, weights: readonly number[]): void {
  if (weights.length === 7 && weights.every((weight) => weight > 0 && weight < 1000)) return;
  throw invalidOption(owner, "weights", weights, "7 numbers above 0 and below 1000");
}
