/**
 * What a config file may say, section by section: the options of the factories
 * that are plain data.
 *
 * @module
 */

import * as z from "zod";
import { fraction, oneOf } from "../../core/options.ts";
import { callSections } from "./call_sections.ts";
import { channelSections } from "./channel_sections.ts";
import { by, needed, text } from "./schemas.ts";
import { transportSections } from "./transport_sections.ts";

/** The sections, each called as the factory whose options it has. */
export const sections = { ...transportSections, ...channelSections, ...callSections } as const;

/** A whole file, once its environment was laid over it. */
export const fileSchema: z.ZodType<Record<string, unknown>> = z.strictObject({
  $schema: text,
  preset: by(oneOf("medium", ["low", "medium", "high", "extreme"])),
  link: z.strictObject({
    bandwidthBitsPerSecond: needed(fraction(undefined, 1, 1e13)),
    roundTripMs: needed(fraction(undefined, 0, 3_600_000)),
  }).optional(),
  ...Object.fromEntries(Object.entries(sections).map(([name, schema]) => [name, schema.optional()])),
});

/** The keys that there are at a path of a file, to say what somebody meant. */
export function keysAt(path: readonly (string | number)[]): string[] {
  let schema: unknown = fileSchema;
  for (const step of path) {
    schema = bare(schema);
    schema = typeof step === "number"
      ? (schema as { element?: unknown })?.element
      : (schema as { shape?: Record<string, unknown> })?.shape?.[step];
  }
  const shape = (bare(schema) as { shape?: object } | undefined)?.shape;
  return shape === undefined ? [] : Object.keys(shape);
}

/** A schema without what is around it: optional, or the object of several forms. */
function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional) return bare(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.find((one) => one instanceof z.ZodObject);
  return schema;
}
