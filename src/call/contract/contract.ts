/**
 * contract(): a service described once, for both ends.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { flag, given, integer, invalidOption, type OptionRule, readOptions } from "../../core/options.ts";
import type { MethodRequest } from "../../core/method_call.ts";
import { Streamed } from "../../core/streamed.ts";
import { isSchema } from "../schema_errors.ts";
import { wireName } from "./contract_names.ts";
import type { Methods } from "./contract_types.ts";

export type {
  AnySchema,
  ClientMethod,
  ClientMethods,
  ContractClient,
  Implementation,
  ItemArguments,
  Method,
  MethodAnswer,
  Methods,
  SchemaInput,
  SchemaOutput,
} from "./contract_types.ts";

/**
 * What {@linkcode contract} is given.
 *
 * @example
 * ```ts
 * import { contract, type ContractOptions, type Methods } from "@wireway/wireway";
 * import { z } from "zod";
 * const options: ContractOptions<Methods> = { name: "clock", methods: { now: { reply: z.number() } } };
 * contract(options);
 * ```
 */
export interface ContractOptions<M extends Methods> {
  /** The name of the service: letters, digits, `-` and `_`. */
  name: string;
  /** Its major version, from 1 on. Another one is another service: both may be served side by side. @default {1} */
  version?: number;
  /** Its methods by their names. */
  methods: M;
}

/**
 * A service described once: {@linkcode clientOf} makes a typed client of it,
 * {@linkcode implement} a handler that checks what it is given.
 *
 * @example
 * ```ts
 * import { type Contract, contract } from "@wireway/wireway";
 * import { z } from "zod";
 * const clock: Contract<{ now: { reply: z.ZodNumber } }> = contract({
 *   name: "clock",
 *   methods: { now: { reply: z.number() } },
 * });
 * ```
 */
export interface Contract<M extends Methods> {
  /** The name of the service. */
  readonly name: string;
  /** Its major version. */
  readonly version: number;
  /** Its methods. */
  readonly methods: M;
  /** Whether a request is for a method that may be called more than once: for the `idempotent` of retry(). */
  isIdempotent(request: unknown): boolean;
}

const legalName = /^[A-Za-z_][\w-]*$/;

const nameRule: OptionRule<string> = {
  allowed: "a name of letters, digits, - and _",
  fallback: "",
  accepts: (value) => typeof value === "string" && legalName.test(value),
};

const schema: OptionRule<unknown> = { allowed: "a schema of Standard Schema", fallback: undefined, accepts: isSchema };

/** The compiler lets a method have more than these: a misspelt one would be as if it were not there. */
const methodRules = { request: schema, items: schema, reply: schema, replies: schema, idempotent: flag(false) };

/**
 * Describes a service with schemas of zod or of any other library that speaks
 * Standard Schema. A method has
 *
 * - `request`: what it is called with; none where it takes nothing;
 * - `reply`: what it answers; none where it only says that it is done;
 * - `items` instead of further arguments: a stream that the caller sends;
 * - `replies` in place of `reply`: a stream that it answers with;
 * - `idempotent: true` where calling it twice does no harm.
 *
 * The types of both ends follow from it: nothing is generated.
 *
 * **Versions.** A new method breaks nobody, and neither does a new optional
 * field: ends that do not know a field leave it out. So use schemas that drop
 * what they do not know (`z.object`, not `z.strictObject`). For all else raise
 * `version`, and serve both for a while.
 *
 * A schema for replies and items must accept what it has made of a value
 * (defaults do, `z.string().transform(Number)` does not): both ends check.
 *
 * Errors: `invalid-option`.
 *
 * @example Shared by both ends
 * ```ts
 * import { contract } from "@wireway/wireway";
 * import { z } from "zod";
 * export const orders = contract({
 *   name: "orders",
 *   methods: {
 *     place: { request: z.object({ item: z.string(), count: z.number().int().default(1) }), reply: z.number() },
 *     watch: { request: z.object({ id: z.number() }), replies: z.string(), idempotent: true },
 *   },
 * });
 * ```
 *
 * @example The server
 * ```ts
 * import { chain, contract, implement, methods, mux, serve, tcp } from "@wireway/wireway";
 * import { z } from "zod";
 * const adding = contract({ name: "adding", methods: { add: { request: z.array(z.number()), reply: z.number() } } });
 * await serve(
 *   chain(tcp({ port: 9000 }), mux(), methods()),
 *   implement(adding, { add: (numbers) => numbers.reduce((sum, n) => sum + n, 0) }),
 * );
 * ```
 *
 * @example The client
 * ```ts
 * import { chain, clientOf, contract, methods, mux, reconnect, tcp } from "@wireway/wireway";
 * import { z } from "zod";
 * const adding = contract({ name: "adding", methods: { add: { request: z.array(z.number()), reply: z.number() } } });
 * await using call = chain(tcp({ port: 9000 }), mux(), methods(), reconnect());
 * const sum: number = await clientOf(adding, call).add([1, 2, 3]);
 * ```
 */
export function contract<const M extends Methods>(options: ContractOptions<M>): Contract<M> {
  const { name, version, methods } = readOptions("contract()", options, {
    name: nameRule,
    version: integer(1, 1, Number.MAX_SAFE_INTEGER),
    methods: given<M | undefined>(undefined, "an object"),
  });
  if (name === "") throw invalidOption("contract()", "name", undefined, nameRule.allowed);
  if (methods === undefined) throw invalidOption("contract()", "methods", undefined, "an object");
  const repeatable = new Set<string>();
  for (const [method, spec] of Object.entries(methods)) {
    checkMethod(method, spec);
    if (spec.idempotent === true) repeatable.add(wireName({ name, version }, method));
  }
  return {
    name,
    version,
    methods,
    isIdempotent(request: unknown): boolean {
      const asked = request as MethodRequest;
      return !(asked instanceof Streamed) && repeatable.has(asked?.method);
    },
  };
}

function checkMethod(method: string, spec: Methods[string]): void {
  if (!legalName.test(method)) {
    throw invalidOption("contract()", "methods", method, "a name of letters, digits, - and _ for each");
  }
  readOptions(`method ${method} of contract()`, spec, methodRules);
  if (spec.reply !== undefined && spec.replies !== undefined) {
    const why = `Cannot use contract(): ${method} has both a reply and replies, allowed is one of them`;
    throw new TransportError("invalid-option", why, { details: { option: `methods.${method}` } });
  }
}
