/**
 * What is needed of a schema: the part of the Standard Schema specification
 * (version 1) that checks values, which zod, Valibot, ArkType and others have.
 *
 * @module
 */

/**
 * A schema that takes `In` and makes `Out` of it.
 *
 * @example
 * ```ts
 * import type { Schema } from "@wireway/wireway";
 * import { z } from "zod";
 * const schema: Schema<string, number> = z.string().transform((text) => text.length);
 * ```
 */
export interface Schema<In, Out = In> {
  /** Where the specification puts it. */
  readonly "~standard": {
    /** The version of the specification. */
    readonly version: 1;
    /** Who made it. */
    readonly vendor: string;
    /** Checks a value. */
    validate(value: unknown): SchemaResult<Out> | Promise<SchemaResult<Out>>;
    /** For the type checker alone. */
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
  };
}

/**
 * What a schema says of a value: what it made of it, or what is wrong.
 *
 * @example
 * ```ts
 * import type { SchemaResult } from "@wireway/wireway";
 * const results: SchemaResult<number>[] = [{ value: 1 }, { issues: [{ message: "not a number" }] }];
 * ```
 */
export type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly value?: undefined; readonly issues: readonly SchemaIssue[] };

/**
 * One thing that is wrong.
 *
 * @example
 * ```ts
 * import type { SchemaIssue } from "@wireway/wireway";
 * const issue: SchemaIssue = { message: "too long", path: ["items", 2, "name"] };
 * ```
 */
export interface SchemaIssue {
  /** What, in words. */
  readonly message: string;
  /** Where. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
