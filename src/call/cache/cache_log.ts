/**
 * What was invalidated lately, so that a load that was under way is not kept.
 *
 * @module
 */

import { type ContextKey, contextKey } from "../../core/context.ts";

/**
 * The last invalidation before a load was begun; 0 where there was none. Further
 * in, loads from before it and from after it are not the same.
 */
export const cacheGeneration: ContextKey<number> = contextKey("cacheGeneration", 0);

/** How many invalidations there were, of all caches: those of one are not those of another. */
let invalidations = 0;

/** One invalidation. */
export interface Invalidation {
  /** What `value` is. */
  readonly kind: "key" | "tag" | "prefix";
  /** The key, the tag, or what keys begin with. */
  readonly value: string;
  /** When it was, in milliseconds since 1970. */
  readonly at: number;
}

/** How many invalidations are remembered. What began before the oldest of them is not kept. */
const maxRemembered = 256;

/** See the module. */
export class InvalidationLog {
  readonly #recent: Invalidation[] = [];
  /** How many there were: what a load remembers when it begins. */
  count = 0;
  /** Which one was the last, among those of all caches. */
  generation = 0;

  /** Adds one. */
  record(invalidation: Invalidation): void {
    this.generation = ++invalidations;
    this.#recent[this.count++ % maxRemembered] = invalidation;
  }

  /**
   * Whether something was invalidated since the `since`th that the reply of
   * `key` may belong to. Without its tags any tag may be one of them.
   */
  touchedSince(since: number, key: string, tags: readonly string[] | undefined): boolean {
    if (since === this.count) return false;
    if (this.count - since > maxRemembered) return true;
    for (let index = since; index < this.count; index++) {
      if (meant(this.#recent[index % maxRemembered], key, tags)) return true;
    }
    return false;
  }

  /** Whether a reply that was stored at `storedAt` was invalidated then or later, as far as is remembered. */
  touchedAfter(storedAt: number, key: string, tags: readonly string[]): boolean {
    return this.#recent.some((one) => one.at >= storedAt && meant(one, key, tags));
  }
}

function meant({ kind, value }: Invalidation, key: string, tags: readonly string[] | undefined): boolean {
  if (kind === "key") return value === key;
  if (kind === "prefix") return key.startsWith(value);
  return tags === undefined || tags.includes(value);
}
