/**
 * One recommendation, and what all of them go by.
 *
 * @module
 */

import type { Adjustable, SettingValue } from "../../core/adjustable.ts";
import type { Recommendation } from "./report_snapshot.ts";

/** Calls that say something. */
export const enoughCalls = 100;
/** Calls that say something about what never happened. */
export const manyCalls = 1000;
/** Looks that say something about the most that was in use. */
export const enoughLooks = 10;

/** One recommendation; none where there is no such number, or it can't be changed that way. */
export function change(
  target: string,
  part: Adjustable | undefined,
  setting: string,
  toOf: (from: number) => number,
  why: (from: number, to: number) => string,
  measured: Readonly<Record<string, number | undefined>>,
): Recommendation[] {
  const known = part?.settings()[setting];
  if (known === undefined || typeof known.value !== "number" || !Number.isFinite(known.value)) return [];
  const from = known.value;
  const to = Math.min(known.max ?? Infinity, Math.max(known.min ?? -Infinity, toOf(from)));
  if (to === from || !Number.isFinite(to)) return [];
  return [{ target, setting, from, to, why: why(from, to), measured: given(measured), live: known.live }];
}

/** The same of a setting that is a word or a flag. */
export function replacement(
  target: string,
  part: Adjustable | undefined,
  setting: string,
  to: SettingValue,
  why: string,
  measured: Readonly<Record<string, number | undefined>>,
): Recommendation[] {
  const known = part?.settings()[setting];
  if (known === undefined || known.value === to) return [];
  return [{ target, setting, from: known.value, to, why, measured: given(measured), live: known.live }];
}

function given(measured: Readonly<Record<string, number | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(measured).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

/** A setting as it is, where it is a number. */
export function numberOf(part: Adjustable | undefined, setting: string): number | undefined {
  const value: SettingValue | undefined = part?.settings()[setting]?.value;
  return typeof value === "number" ? value : undefined;
}

/** A number as it is told. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}
