/**
 * Counters between two looks.
 *
 * @module
 */

/** What was counted in between: of counters that began anew, all that they have. */
export function growth(before: number, after: number): number {
  return after < before ? after : after - before;
}
