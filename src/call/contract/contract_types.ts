/**
 * The types of both ends, as they follow from a contract.
 *
 * @module
 */

import type { CallContext } from "../../core/context.ts";
import type { Schema } from "../schema.ts";

/**
 * A schema of any values.
 *
 * @example
 * ```ts
 * import type { AnySchema } from "@wireway/wireway";
 * import { z } from "zod";
 * const schemas: AnySchema[] = [z.string(), z.object({ id: z.number() })];
 * ```
 */
// deno-lint-ignore no-explicit-any -- `any` is what every schema's input and output match
export type AnySchema = Schema<any, any>;

/**
 * One method of a contract.
 *
 * @example
 * ```ts
 * import type { Method } from "@wireway/wireway";
 * import { z } from "zod";
 * const upload: Method = { request: z.object({ name: z.string() }), items: z.string(), reply: z.number() };
 * ```
 */
export interface Method {
  /** What it is called with. */
  readonly request?: AnySchema;
  /** The items that the caller streams. */
  readonly items?: AnySchema;
  /** What it answers. */
  readonly reply?: AnySchema;
  /** The items that it answers with. */
  readonly replies?: AnySchema;
  /** Whether calling it twice does no harm. @default {false} */
  readonly idempotent?: boolean;
}

/**
 * Methods by their names.
 *
 * @example
 * ```ts
 * import type { Methods } from "@wireway/wireway";
 * import { z } from "zod";
 * const methods: Methods = { now: { reply: z.number() } };
 * ```
 */
export type Methods = Readonly<Record<string, Method>>;

/**
 * What a schema takes; nothing, where there is none.
 *
 * @example
 * ```ts
 * import type { SchemaInput } from "@wireway/wireway";
 * import { z } from "zod";
 * const text: SchemaInput<z.ZodString> = "hello";
 * ```
 */
// deno-lint-ignore no-explicit-any -- as above
export type SchemaInput<S> = S extends Schema<infer In, any> ? In : void;

/**
 * What a schema makes; nothing, where there is none.
 *
 * @example
 * ```ts
 * import type { SchemaOutput } from "@wireway/wireway";
 * import { z } from "zod";
 * const text: SchemaOutput<z.ZodDefault<z.ZodString>> = "hello";
 * ```
 */
// deno-lint-ignore no-explicit-any -- as above
export type SchemaOutput<S> = S extends Schema<any, infer Out> ? Out : void;

/**
 * What follows a request in the arguments of a method: the stream of items,
 * where it takes one.
 *
 * @example
 * ```ts
 * import type { ItemArguments } from "@wireway/wireway";
 * const none: ItemArguments<{ reply: never }, string> = [];
 * ```
 */
export type ItemArguments<M extends Method, Item> = M["items"] extends AnySchema ? [items: AsyncIterable<Item>] : [];

/**
 * A method as its client calls it.
 *
 * @example
 * ```ts
 * import type { ClientMethod } from "@wireway/wireway";
 * import { z } from "zod";
 * declare const add: ClientMethod<{ request: z.ZodArray<z.ZodNumber>; reply: z.ZodNumber }>;
 * const sum: number = await add([1, 2]);
 * ```
 */
export type ClientMethod<M extends Method> = (
  request: SchemaInput<M["request"]>,
  ...rest: [...ItemArguments<M, SchemaInput<M["items"]>>, context?: CallContext]
) => M["replies"] extends AnySchema ? AsyncIterable<SchemaOutput<M["replies"]>> : Promise<SchemaOutput<M["reply"]>>;

/**
 * The methods of a contract as its client calls them.
 *
 * @example
 * ```ts
 * import type { ClientMethods } from "@wireway/wireway";
 * import { z } from "zod";
 * declare const clock: ClientMethods<{ now: { reply: z.ZodNumber } }>;
 * const now: number = await clock.now();
 * ```
 */
export type ClientMethods<M extends Methods> = { readonly [Name in keyof M]: ClientMethod<M[Name]> };

/**
 * The client of a contract.
 *
 * @example
 * ```ts
 * import { contract, type ContractClient } from "@wireway/wireway";
 * import { z } from "zod";
 * const clock = contract({ name: "clock", methods: { now: { reply: z.number() } } });
 * declare const client: ContractClient<typeof clock>;
 * const now: number = await client.now();
 * ```
 */
export type ContractClient<C> = C extends { readonly methods: infer M extends Methods } ? ClientMethods<M> : never;

/**
 * What a method answers, at once or by a promise: a stream where its contract
 * says so.
 *
 * @example
 * ```ts
 * import type { MethodAnswer } from "@wireway/wireway";
 * import { z } from "zod";
 * const answer: MethodAnswer<{ reply: z.ZodNumber }> = Promise.resolve(7);
 * ```
 */
export type MethodAnswer<M extends Method> = M["replies"] extends AnySchema ? AsyncIterable<SchemaInput<M["replies"]>>
  : SchemaInput<M["reply"]> | Promise<SchemaInput<M["reply"]>>;

/**
 * The methods of a contract as its server runs them.
 *
 * @example
 * ```ts
 * import { contract, type Implementation } from "@wireway/wireway";
 * import { z } from "zod";
 * const clock = contract({ name: "clock", methods: { now: { reply: z.number() } } });
 * const implementation: Implementation<typeof clock.methods> = { now: () => Date.now() };
 * ```
 */
export type Implementation<M extends Methods> = {
  readonly [Name in keyof M]: (
    request: SchemaOutput<M[Name]["request"]>,
    ...rest: [...ItemArguments<M[Name], SchemaOutput<M[Name]["items"]>>, context: CallContext]
  ) => MethodAnswer<M[Name]>;
};
