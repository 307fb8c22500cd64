/**
 * What a chain is made of, in words: every transport and middleware says its
 * name and settings, and {@linkcode describe} prints them.
 *
 * @module
 */

/**
 * One stage of a chain.
 *
 * @example
 * ```ts
 * import { stagesOf, tcp } from "@wireway/wireway";
 * const [stage] = stagesOf(tcp({ port: 9000 }));
 * console.log(stage.name, stage.settings.port);
 * ```
 */
export interface Stage {
  /** What it is called: the name of the function that made it. */
  readonly name: string;
  /** Its settings, defaults included. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const known = new WeakMap<object, readonly Stage[]>();

/**
 * Gives a transport or a middleware a name and settings for
 * {@linkcode describe}, and returns it.
 *
 * @example
 * ```ts
 * import { type CallMiddleware, chain, describe, named } from "@wireway/wireway";
 * function prefix(text: string): CallMiddleware {
 *   return named("prefix", { text }, (inner) => (request, context) => inner(request, context));
 * }
 * console.log(describe(chain((request: string) => request, prefix("> "))));
 * ```
 */
export function named<T extends object>(name: string, settings: object, part: T): T {
  known.set(part, [{ name, settings: { ...settings } }]);
  return part;
}

/** Whether the part came out of a chain or has been named. */
export function isKnown(part: object): boolean {
  return known.has(part);
}

/** Says that `outer` is made of these stages, from the wire to the caller. */
export function remember(outer: object, stages: readonly Stage[]): void {
  known.set(outer, stages);
}

/**
 * The stages of a chain, from the wire to the caller. A function that said
 * nothing about itself goes by its own name.
 *
 * @example
 * ```ts
 * import { chain, mux, stagesOf, tcp } from "@wireway/wireway";
 * stagesOf(chain(tcp({ port: 9000 }), mux())).map((stage) => stage.name); // ["tcp", "mux"]
 * ```
 */
export function stagesOf(part: object): readonly Stage[] {
  const stages = known.get(part);
  if (stages !== undefined) return stages;
  const name = typeof part === "function" && part.name !== ""
    ? part.name
    : typeof part === "function"
    ? "function"
    : part.constructor.name;
  return [{ name, settings: {} }];
}

/**
 * Prints a chain: one line a stage, from the caller down to the wire, with the
 * settings that hold.
 *
 * @example
 * ```ts
 * import { chain, describe, mux, reconnect, tcp } from "@wireway/wireway";
 * console.log(describe(chain(tcp({ port: 9000 }), mux(), reconnect())));
 * ```
 */
export function describe(part: object): string {
  return [...stagesOf(part)].reverse().map((stage) => {
    const settings = Object.entries(stage.settings)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}: ${show(value)}`);
    return settings.length === 0 ? `${stage.name}()` : `${stage.name}({ ${settings.join(", ")} })`;
  }).join("\n");
}

/** Settings whose value must not end up in a log. */
const secretLike = /PRIVATE KEY/;

function show(value: unknown): string {
  if (typeof value === "string") {
    if (secretLike.test(value)) return "(secret)";
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  }
  if (typeof value === "function") return "(function)";
  if (Array.isArray(value)) return value.length > 4 ? `[${value.length} items]` : `[${value.map(show).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const stages = known.get(value);
    if (stages !== undefined) return describe(value).replaceAll("\n", " ← ");
    return `{ ${
      Object.entries(value).filter(([, v]) => v !== undefined).map(([k, v]) => `${k}: ${show(v)}`).join(", ")
    } }`;
  }
  return String(value);
}
