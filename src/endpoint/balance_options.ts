/**
 * The options of balance(): what they are, their defaults, and what is refused.
 *
 * @module
 */

import { type Address, formatAddress } from "../core/channel.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import type { CallContext } from "../core/context.ts";
import type { Observer } from "../core/observer.ts";
import { duration, fraction, given, integer, invalidOption, label, oneOf, readOptions } from "../core/options.ts";
import type { Closable, Service } from "../core/service.ts";
import type { AdaptiveWeights } from "./adaptive.ts";
import { type EjectionOptions, type EjectionSettings, readEjection } from "./outlier_ejection.ts";
import { readWeights, type StrategyName, strategyNames } from "./strategy.ts";

/**
 * Options of {@linkcode balance}.
 *
 * @example
 * ```ts
 * import { type BalanceOptions, chain, mux, pool, tcp } from "@wireway/wireway";
 * const options: BalanceOptions<number, Uint8Array, Uint8Array> = {
 *   endpoints: [9001, 9002],
 *   connect: (port) => chain(tcp({ port }), mux(), pool()),
 *   ejection: { consecutiveFailures: 3 },
 * };
 * ```
 */
export interface BalanceOptions<Endpoint, Req, Res> {
  /** The endpoints: a list, or one after the other for endpoints that come and go, each in place of the one before. */
  endpoints: readonly Endpoint[] | AsyncIterable<readonly Endpoint[]>;
  /** Makes the service of an endpoint; what can be closed is closed when the endpoint goes. */
  connect: (endpoint: Endpoint) => Service<Req, Res> & Partial<Closable>;
  /**
   * What an endpoint is called; two of the same name are one. Default: itself
   * where it is a text or a number, what `formatAddress` says of an address,
   * else its JSON.
   */
  nameOf?: (endpoint: Endpoint) => string;
  /**
   * Which endpoint carries a call: as in `pool()`, or `consistent-hash`, the
   * same one for the same key (rendezvous hashing).
   * @default {"least-latency"}
   */
  strategy?: StrategyName | "consistent-hash";
  /** The key of a call, for `consistent-hash`. */
  hashKey?: (request: Req, context: CallContext) => string;
  /** What `adaptive` weighs. Default: latency 0.5, errors 0.3, age 0.2. */
  weights?: Partial<AdaptiveWeights>;
  /** When an endpoint is left out for a while; false for never. Default: {@linkcode EjectionOptions}. */
  ejection?: EjectionOptions | false;
  /**
   * Whether an endpoint should carry calls, by its name: what somebody else
   * knows of it, as `health()` does. Asked at most every 100 ms, and only while
   * there are calls. One for which it throws counts as well.
   */
  isHealthy?: (endpoint: string) => boolean;
  /** The share of endpoints that must be left; below it all carry calls. @default {0.5} */
  panicThreshold?: number;
  /** How long an endpoint takes from a tenth of its share to all of it, in milliseconds. @default {0} */
  slowStartMs?: number;
  /** Calls that may wait for the first list of endpoints. @default {1024} */
  maxWaiting?: number;
  /** How long a call waits for the first list of endpoints, in milliseconds. @default {5000} */
  acquireTimeoutMs?: number;
  /** Names it in events. @default {"balance"} */
  name?: string;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Draws candidates, from 0 to 1. @default {Math.random} */
  random?: () => number;
  /** Hears of endpoints that are ejected and let back in, and of a list that can't be had. */
  observer?: Observer;
}

/** The settings that balance() works by, checked and complete. */
export interface BalanceSettings<Endpoint, Req, Res> {
  readonly endpoints: readonly Endpoint[] | AsyncIterable<readonly Endpoint[]>;
  readonly connect: (endpoint: Endpoint) => Service<Req, Res> & Partial<Closable>;
  readonly nameOf: (endpoint: Endpoint) => string;
  readonly strategy: StrategyName | "consistent-hash";
  readonly hashKey: ((request: Req, context: CallContext) => string) | undefined;
  readonly weights: AdaptiveWeights;
  readonly ejection: EjectionSettings | undefined;
  readonly isHealthy: ((endpoint: string) => boolean) | undefined;
  readonly panicThreshold: number;
  readonly slowStartMs: number;
  readonly maxWaiting: number;
  readonly acquireTimeoutMs: number;
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: Observer | undefined;
}

/** Checks the options and fills in the defaults. */
export function readBalanceOptions<Endpoint, Req, Res>(
  options: BalanceOptions<Endpoint, Req, Res>,
): BalanceSettings<Endpoint, Req, Res> {
  type Options = BalanceOptions<Endpoint, Req, Res>;
  const read = readOptions("balance()", options, {
    endpoints: given<Options["endpoints"] | undefined>(undefined, "an object"),
    connect: given<Options["connect"] | undefined>(undefined, "a function"),
    nameOf: given<(endpoint: Endpoint) => string>(nameOf, "a function"),
    strategy: oneOf("least-latency", [...strategyNames, "consistent-hash"]),
    hashKey: given<Options["hashKey"]>(undefined, "a function"),
    weights: given<Partial<AdaptiveWeights>>({}, "an object"),
    ejection: {
      allowed: "an object, or false",
      fallback: {} as EjectionOptions | false,
      accepts: (value: unknown) => value === false || (typeof value === "object" && value !== null),
    },
    isHealthy: given<Options["isHealthy"]>(undefined, "a function"),
    panicThreshold: fraction(0.5, 0, 1),
    slowStartMs: duration(0),
    maxWaiting: integer(1024, 0, 10_000_000),
    acquireTimeoutMs: duration(5000),
    name: label("balance"),
    clock: given<Clock>(systemClock, "an object"),
    random: given<() => number>(Math.random, "a function"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  const { endpoints, connect, strategy, hashKey } = read;
  if (endpoints === undefined) throw invalidOption("balance()", "endpoints", endpoints, "a list");
  if (connect === undefined) throw invalidOption("balance()", "connect", connect, "a function");
  if ((strategy === "consistent-hash") !== (hashKey !== undefined)) {
    throw invalidOption(
      "balance()",
      "hashKey",
      hashKey,
      'a function with the strategy "consistent-hash", and only then',
    );
  }
  const ejection = read.ejection === false ? undefined : readEjection("balance()", read.ejection);
  return { ...read, endpoints, connect, weights: readWeights("balance()", read.weights), ejection };
}

function nameOf(endpoint: unknown): string {
  if (typeof endpoint !== "object" || endpoint === null) return String(endpoint);
  return "transport" in endpoint ? formatAddress(endpoint as Address) : JSON.stringify(endpoint);
}
