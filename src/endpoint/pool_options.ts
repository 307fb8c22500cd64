/**
 * The options that pools of all kinds have: how many, for how long, and who is
 * served first.
 *
 * @module
 */

import { duration, flag, given, integer, invalidOption, oneOf, type OptionRule } from "../core/options.ts";
import type { ConnectionLimit } from "./connection_limit.ts";
import { type ConnectionOptions, connectionRules, type ConnectionSettings } from "./connection_options.ts";

/**
 * Options of pools of all kinds.
 *
 * @example
 * ```ts
 * import { pool, type PoolSizeOptions } from "@wireway/wireway";
 * const small: PoolSizeOptions = { min: 1, max: 3, maxLifetimeMs: 600_000 };
 * pool(small);
 * ```
 */
export interface PoolSizeOptions extends ConnectionOptions {
  /** How many are kept, from the first use on. @default {0} */
  min?: number;
  /** How many there are at the most; up to twice as many more may be finishing what they carry. @default {10} */
  max?: number;
  /** A limit that this pool shares with others: {@linkcode ConnectionLimit}. Default: none. */
  limit?: ConnectionLimit;
  /**
   * Who of those who wait is served: `fifo`, who came first; `adaptive-lifo`,
   * who came last while more than half of `maxWaiting` wait. Under overload
   * those who came first have given up soon, and all would be served too late.
   * @default {"fifo"}
   */
  queue?: "fifo" | "adaptive-lifo";
  /**
   * Time without use after which one beyond `min` is ended, in milliseconds; up
   * to a quarter later. Keep it below the far side's own.
   * @default {60000}
   */
  idleTimeoutMs?: number;
  /** Age at which one is replaced, in milliseconds, less up to a fifth drawn at random. @default {Infinity} */
  maxLifetimeMs?: number;
  /**
   * Time without use after which one must show that it is still good before it
   * is used, in milliseconds; up to a quarter later. Connections are asked by a
   * ping; where the protocol has none, nothing is asked.
   * @default {30000}
   */
  validateAfterIdleMs?: number;
  /** Time between such checks of all that are not in use, in milliseconds. @default {Infinity} none */
  healthCheckIntervalMs?: number;
  /** Make the `min` at once, not with the first use. @default {false} */
  prewarm?: boolean;
}

/** How these options are read. */
export const poolRules:
  & typeof connectionRules
  & { readonly [Name in keyof SizeSettings]: OptionRule<SizeSettings[Name]> } = {
    ...connectionRules,
    min: integer(0, 0, 100_000),
    max: integer(10, 1, 100_000),
    limit: given<ConnectionLimit | undefined>(undefined, "an object"),
    queue: oneOf("fifo", ["fifo", "adaptive-lifo"]),
    idleTimeoutMs: duration(60_000, 1),
    maxLifetimeMs: duration(Infinity, 1),
    validateAfterIdleMs: duration(30_000, 1),
    healthCheckIntervalMs: duration(Infinity, 1),
    prewarm: flag(false),
  };

/** The settings of the size, complete. */
export interface SizeSettings {
  readonly min: number;
  readonly max: number;
  readonly limit: ConnectionLimit | undefined;
  readonly queue: "fifo" | "adaptive-lifo";
  readonly idleTimeoutMs: number;
  readonly maxLifetimeMs: number;
  readonly validateAfterIdleMs: number;
  readonly healthCheckIntervalMs: number;
  readonly prewarm: boolean;
}

/** What a pool goes by. */
export interface ConnectionPoolSettings extends ConnectionSettings, SizeSettings {
  readonly callsPerConnection: number;
}

/** Refuses a least number above the greatest. */
export function checkSize(owner: string, { min, max }: SizeSettings): void {
  if (min > max) throw invalidOption(owner, "min", min, `max (${max}) or less`);
}
