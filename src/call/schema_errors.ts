/**
 * What a schema found wrong, as an error.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import type { OptionRule } from "../core/options.ts";
import type { Schema, SchemaIssue, SchemaResult } from "./schema.ts";

/** What a schema says of a value; that it is what it should be, where there is none. */
export type Check<Out> = (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>;

/** The check of a schema. */
export function checkOf<In, Out>(schema: Schema<In, Out> | undefined): Check<Out> {
  if (schema === undefined) return (value) => ({ value: value as Out });
  const standard = schema["~standard"];
  return (value) => standard.validate(value);
}

/** The error for a value that breaks its schema; `what` begins its message. */
export function schemaError(
  code: "invalid-request" | "invalid-reply",
  what: string,
  issues: readonly SchemaIssue[],
  maxIssues: number,
): TransportError {
  const shown = issues.slice(0, maxIssues).map(({ path, message }) => ({ path: pathText(path), message }));
  const [{ path, message }] = shown.length > 0 ? shown : [{ path: "", message: "its schema does not allow it" }];
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  return new TransportError(code, `${what}: ${path === "" ? "" : `${path}: `}${message}${more}`, {
    details: { issues: shown, issueCount: issues.length },
  });
}

/** The way to a field as one writes it: `items[2].name`. */
function pathText(path: SchemaIssue["path"] = []): string {
  let text = "";
  for (const part of path) {
    const key = typeof part === "object" ? part.key : part;
    if (typeof key === "number") text += `[${key}]`;
    else text += text === "" ? String(key) : `.${String(key)}`;
  }
  return text;
}

/** An option that is a schema. Some libraries' schemas are functions. */
export function aSchema<In, Out>(): OptionRule<Schema<In, Out> | undefined> {
  return { allowed: "a schema of zod or another library of Standard Schema", fallback: undefined, accepts: isSchema };
}

/** Whether a value is a schema. */
export function isSchema(value: unknown): boolean {
  return typeof (value as Schema<unknown> | null)?.["~standard"]?.validate === "function";
}
