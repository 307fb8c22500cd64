/**
 * Live figures of a stage: what a middleware tells of itself whenever it is
 * asked.
 *
 * @module
 */

/**
 * One live figure of a stage.
 *
 * @example
 * ```ts
 * import type { Figure } from "@wireway/wireway";
 * const waiting: Figure = { name: "waiting", kind: "now", value: 3 };
 * ```
 */
export interface Figure {
  /** What it is, in a word or two. */
  readonly name: string;
  /** A `count` only grows, so that its rate says something; `now` is what it is at this moment. */
  readonly kind: "count" | "now";
  /** The value; a word for a state; undefined where nothing is known, which is not 0. */
  readonly value: number | string | undefined;
  /** Its unit in UCUM, where it has one. */
  readonly unit?: "By" | "By/s" | "ms" | "%";
}

/**
 * Gives the figures of a stage as they are now. It is called as often as
 * somebody looks, and must cost nothing else.
 *
 * @example
 * ```ts
 * import { chain, current, type Figures, named } from "@wireway/wireway";
 * let calls = 0;
 * const figures: Figures = () => [current("calls", calls)];
 * const counting = named("counting", {}, (inner: (request: string) => Promise<string>) => (request: string) => {
 *   calls++;
 *   return inner(request);
 * }, figures);
 * chain((request: string) => request, counting);
 * ```
 */
export type Figures = () => readonly Figure[];

/**
 * A figure that only grows.
 *
 * @example
 * ```ts
 * import { counted } from "@wireway/wireway";
 * counted("refused", 17);
 * ```
 */
export function counted(name: string, value: number | undefined, unit?: Figure["unit"]): Figure {
  return unit === undefined ? { name, kind: "count", value } : { name, kind: "count", value, unit };
}

/**
 * A figure as it is now.
 *
 * @example
 * ```ts
 * import { current } from "@wireway/wireway";
 * current("state", "open");
 * ```
 */
export function current(name: string, value: number | string | undefined, unit?: Figure["unit"]): Figure {
  return unit === undefined ? { name, kind: "now", value } : { name, kind: "now", value, unit };
}
