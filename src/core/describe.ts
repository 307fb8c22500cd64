/**
 * What a chain is made of, in words: every transport and middleware says its
 * name and settings, and {@linkcode describe} prints them.
 *
 * @module
 */

import type { Adjustable, Setting } from "./adjustable.ts";
import type { Figures } from "./figures.ts";

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
  /** Its settings, defaults included, as they hold now. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What it tells of itself while it works; absent where it keeps no figures. */
  readonly figures?: Figures;
}

const known = new WeakMap<object, readonly Stage[]>();
const chained = new WeakSet<object>();
const live = new WeakMap<object, Figures>();
const adjusting = new WeakMap<Stage, Adjustable>();

/**
 * Gives a transport or a middleware a name and settings for
 * {@linkcode describe}, and live figures where it has some, and returns it. With
 * `adjustable` its settings are found by {@linkcode adjustablesOf}, in any chain
 * that it is put into.
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
export function named<T extends object>(
  name: string,
  settings: object,
  part: T,
  figures?: Figures,
  adjustable?: Adjustable,
): T {
  known.set(part, [stageOf(name, { ...settings }, figures, adjustable)]);
  return part;
}

/**
 * Gives live figures to what a middleware has made: for those whose state
 * begins when they are put around something, as a pool's does.
 *
 * @example
 * ```ts
 * import { type CallMiddleware, current, named, withFigures } from "@wireway/wireway";
 * const counting = (): CallMiddleware =>
 *   named("counting", {}, (inner) => {
 *     let calls = 0;
 *     return withFigures((request, context) => (calls++, inner(request, context)), () => [current("calls", calls)]);
 *   });
 * ```
 */
export function withFigures<T extends object>(part: T, figures: Figures): T {
  live.set(part, figures);
  return part;
}

/** The stages that a middleware adds to a chain, with the figures of what it has made. */
export function stagesMade(middleware: object, made: object): readonly Stage[] {
  const figures = live.get(made);
  const stages = stagesOf(middleware);
  return figures === undefined
    ? stages
    : stages.map((stage) => stageOf(stage.name, stage.settings, figures, adjusting.get(stage)));
}

/** Settings that can be adjusted are shown as they are now, the others as they were given. */
function stageOf(name: string, shown: object, figures: Figures | undefined, adjustable: Adjustable | undefined): Stage {
  const stage: Stage = {
    name,
    get settings() {
      return adjustable === undefined ? { ...shown } : asTheyAre(shown, adjustable.settings());
    },
    ...(figures === undefined ? {} : { figures }),
  };
  if (adjustable !== undefined) adjusting.set(stage, adjustable);
  return stage;
}

/** What was given, with what holds now in its place: `windows[0].calls` within `windows`. */
function asTheyAre(shown: object, settings: Readonly<Record<string, Setting>>): Record<string, unknown> {
  const fields: Record<string, unknown> = { ...shown };
  for (const [name, { value }] of Object.entries(settings)) {
    const [, list, at, field] = /^(\w+)\[(\d+)\]\.(\w+)$/.exec(name) ?? [];
    const items = fields[list];
    if (Array.isArray(items)) fields[list] = items.with(Number(at), { ...items[Number(at)], [field]: value });
    else fields[name] = value;
  }
  return fields;
}

/** Whether the part came out of a chain. */
export function isChained(part: object): boolean {
  return chained.has(part);
}

/** Says that `outer` came out of a chain of these stages, from the wire to the caller. */
export function remember(outer: object, stages: readonly Stage[]): void {
  known.set(outer, stages);
  chained.add(outer);
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
    : part.constructor?.name ?? "object";
  return [{ name, settings: {} }];
}

/**
 * A stage of a chain whose settings can be read and changed while it works.
 *
 * @example
 * ```ts
 * import { type AdjustableStage, adjustablesOf, timeout } from "@wireway/wireway";
 * const [stage]: readonly AdjustableStage[] = adjustablesOf(timeout({ ms: 200 }));
 * stage.adjust("ms", 300);
 * ```
 */
export interface AdjustableStage extends Adjustable {
  /** What the stage is called: the name of the function that made it. */
  readonly name: string;
}

/**
 * The stages of a chain, or of a single middleware, whose settings can be
 * changed while they work, from the wire to the caller. A chain hides what its
 * inner stages offer; this finds it.
 *
 * @example
 * ```ts
 * import { adjustablesOf, chain, mux, pool, tcp, timeout } from "@wireway/wireway";
 * await using call = chain(tcp({ port: 9000 }), mux(), pool({ max: 4 }), timeout({ ms: 200 }));
 * const connections = adjustablesOf(call).find((stage) => stage.name === "pool");
 * connections?.adjust("max", 8); // no connection is dropped, no call is lost
 * ```
 */
export function adjustablesOf(part: object): readonly AdjustableStage[] {
  return stagesOf(part).flatMap((stage): AdjustableStage[] => {
    const adjustable = adjusting.get(stage);
    if (adjustable === undefined) return [];
    const { name } = stage;
    return [{
      name,
      settings: () => adjustable.settings(),
      adjust: (setting, value) => adjustable.adjust(setting, value),
    }];
  });
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
    const settings = showFields(stage.settings, 0);
    return settings === "" ? `${stage.name}()` : `${stage.name}({ ${settings} })`;
  }).join("\n");
}

/** Settings whose value must not end up in a log. */
const secretLike = /PRIVATE KEY/;
const secretName = /(^key|Key|[pP]assword|[pP]assphrase|[sS]ecret|[tT]oken|[cC]redentials?|[aA]uthorization)$/;
const userInfo = /\/\/[^/@\s]*@/g;

/** How deep the settings are shown: those of a cycle never end. */
const maxDepth = 3;

function showFields(fields: object, depth: number): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) =>
      `${name}: ${typeof value === "string" && secretName.test(name) ? "(secret)" : show(value, depth)}`
    )
    .join(", ");
}

function show(value: unknown, depth: number): string {
  if (typeof value === "string") {
    if (secretLike.test(value)) return "(secret)";
    const text = value.replace(userInfo, "//(secret)@");
    return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  }
  if (typeof value === "function") return "(function)";
  if (Array.isArray(value)) {
    return value.length > 4 || depth === maxDepth
      ? `[${value.length} items]`
      : `[${value.map((v) => show(v, depth + 1)).join(", ")}]`;
  }
  if (ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`;
  if (typeof value === "object" && value !== null) {
    const stages = known.get(value);
    if (stages !== undefined) return describe(value).replaceAll("\n", " ← ");
    if (depth === maxDepth) return "{ … }";
    return `{ ${showFields(value, depth + 1)} }`;
  }
  return String(value);
}
