/**
 * Readings as columns of numbers, to be sent.
 *
 * @module
 */

import type { Reading } from "../../mod.ts";

/** Readings by columns: times, and for each series its values, null where there is none. */
export interface Columns {
  readonly at: readonly number[];
  readonly values: readonly (readonly (number | null)[])[];
}

/** Turns rows into columns. */
export function columnsOf(readings: readonly Reading[], series: number): Columns {
  return {
    at: readings.map(({ at }) => at),
    values: Array.from({ length: series }, (_, place) => readings.map(({ values }) => rounded(values[place]))),
  };
}

/** Whole numbers are exact; others have six digits that count, which is more than a page shows. */
export function rounded(value: number | undefined): number | null {
  if (value === undefined || !Number.isFinite(value)) return null;
  return Number.isInteger(value) ? value : Number(value.toPrecision(6));
}
