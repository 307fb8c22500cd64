/**
 * The rules of options as schemas.
 *
 * @module
 */

import * as z from "zod";
import { byteRate } from "../../core/bandwidth_options.ts";
import { duration, flag, fraction, integer, label, type OptionRule } from "../../core/options.ts";
import { FromVariables } from "./environment.ts";

/** A rule for options as a schema. JSON knows no infinity: there it is the word. */
export function by<T>(rule: OptionRule<T>): z.ZodType {
  return needed(rule).optional();
}

/** The same, of what must be given. */
export function needed<T>(rule: OptionRule<T>): z.ZodType {
  const accepts = (value: unknown): boolean => rule.accepts(value);
  const check = z.custom<T>(accepts, { error: ({ input }) => `is ${show(input)}, allowed is ${rule.allowed}` });
  return z.preprocess((value) => {
    if (value === "Infinity" && accepts(Infinity)) return Infinity;
    return value instanceof FromVariables ? value.as(accepts) : value;
  }, check);
}

/** What was given. What came from variables may be secret, and is shown as it is written. */
function show(value: unknown): string {
  if (value instanceof FromVariables) return JSON.stringify(value.written);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** A list of such; `what` says it in words. */
export function listOf(each: z.ZodType, what: string): z.ZodType {
  return z.array(each, { error: `is no list, allowed is ${what}` }).optional();
}

/** A port; 0 lets the system choose. */
export const port: z.ZodType = by(integer(undefined, 0, 65_535));
/** Bytes, one or more. */
export const bytes: z.ZodType = by(integer(undefined, 1, 0x7fff_ffff));
/** Bytes, or 0. */
export const bytesOrNone: z.ZodType = by(integer(undefined, 0, 0x7fff_ffff));
/** A time, in milliseconds. */
export const ms: z.ZodType = by(duration(undefined));
/** A time of a millisecond or more. */
export const someMs: z.ZodType = by(duration(undefined, 1));
/** A text that is not empty. */
export const text: z.ZodType = by(label(undefined));
/** A list of them. */
export const texts: z.ZodType = listOf(by(label(undefined)), "a list of texts");
/** A flag. */
export const bool: z.ZodType = by(flag(false));
/** How many, one or more. */
export const count: z.ZodType = by(integer(undefined, 1, 10_000_000));
/** How many, or 0. */
export const countOrNone: z.ZodType = by(integer(undefined, 0, 10_000_000));
/** From 0 to 1. */
export const share: z.ZodType = by(fraction(undefined, 0, 1));
/** What something counts. */
export const weight: z.ZodType = by(fraction(undefined, 0, 1000));
/** Connections that the system holds. */
export const backlog: z.ZodType = by(integer(undefined, 1, 65_535));
/** Bytes a second. */
export const rate: z.ZodType = by(byteRate);
/** The buffers of what keeps what is on its way. */
export const buffers = { highWaterBytes: bytesOrNone, maxBufferedBytes: bytes } as const;
