/**
 * pool(): a few connections, used as one service.
 *
 * @module
 */

import { named } from "../core/describe.ts";
import { liveSettings } from "../core/live_settings.ts";
import { given, integer, oneOf, readOptions } from "../core/options.ts";
import type { Handler, Middleware } from "../core/service.ts";
import type { SessionTransport } from "../core/session.ts";
import type { AdaptiveWeights } from "./adaptive.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { Poolable } from "./pool_member.ts";
import { checkSize, poolRules, type PoolSizeOptions } from "./pool_options.ts";
import { clientOver, type PooledClient, type SessionPools } from "./pooled_client.ts";
import { readWeights, type StrategyName, strategyNames, strategyOf } from "./strategy.ts";

export type { AdaptiveWeights } from "./adaptive.ts";
export { ConnectionLimit } from "./connection_limit.ts";
export type { ConnectionOptions } from "./connection_options.ts";
export type { PoolSizeOptions } from "./pool_options.ts";
export type { PooledClient } from "./pooled_client.ts";
export type { PoolStats, PoolWaits } from "./pool_stats.ts";
export type { StrategyName } from "./strategy.ts";

/**
 * Options of {@linkcode pool}.
 *
 * @example
 * ```ts
 * import { pool, type PoolOptions } from "@wireway/wireway";
 * const options: PoolOptions<Uint8Array, Uint8Array> = { min: 2, max: 10, prewarm: true };
 * pool(options);
 * ```
 */
export interface PoolOptions<Req, Res> extends PoolSizeOptions {
  /**
   * How a connection is chosen: `least-loaded`, the one with the fewest calls
   * in flight, of several the one that is there longest, so that the others may
   * fall idle; `round-robin`, each in its turn; `least-latency`, the cheaper of
   * two drawn at random by recent latency (peak EWMA) and calls in flight;
   * `adaptive`, the same by a score of latency, errors and age. The last two
   * read the clock twice a call.
   * @default {"least-loaded"}
   */
  strategy?: StrategyName;
  /** What `adaptive` weighs. Default: latency 0.5, errors 0.3, age 0.2. */
  weights?: Partial<AdaptiveWeights>;
  /**
   * Calls in flight on every connection from which on another one is opened. A
   * connection that takes fewer, as one of HTTP/1.1 does, is full with those.
   * @default {64}
   */
  callsPerConnection?: number;
  /** Answers calls that the far side makes on these connections. */
  handler?: Handler<Req, Res>;
}

/**
 * Makes one service of a few connections. Where all have `callsPerConnection`
 * calls in flight another one is opened, up to `max`, and where none takes more
 * the call waits, first come, first served.
 *
 * Connections are opened when they are needed. One that is lost is replaced
 * when it is needed again, or at once while fewer than `min` are left. After a
 * failed attempt the next one waits for an exponential back-off with full
 * jitter; calls that come meanwhile are refused with what went wrong and
 * `retryAfterMs`, or wait with `waitForReady`. A connection whose far side says
 * goodbye finishes its calls while new ones go elsewhere. One on which a call
 * ran out of time may be dead without anybody having said so: it is asked by a
 * ping, others are chosen before it, and it is replaced where it does not
 * answer within `validateTimeoutMs`.
 *
 * Its size, times and queue can be changed while it works ({@linkcode adjustablesOf}); a lifetime holds for connections
 * that are opened after that. Where `max` falls, the connections that carry least finish what they carry and are
 * closed; no call is lost.
 *
 * Place: on a transport of calls, below everything that acts on single calls.
 * Over several endpoints: one pool for each, in {@linkcode balance}; `max` is
 * then the most for each endpoint, and `limit` the most for all.
 *
 * Errors: `connect-failed`, `connect-timeout`, `acquire-timeout`, `overloaded`
 * (too many wait), `closed`, all with `processed: "no"`; those of the session;
 * `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, mux, pool, tcp, timeout } from "@wireway/wireway";
 * await using call = chain(tcp({ port: 9000 }), mux(), pool({ min: 2, max: 10 }), timeout({ ms: 200 }));
 * ```
 */
export function pool<Req, Res>(
  options: PoolOptions<Req, Res> = {},
): Middleware<SessionTransport<Req, Res>, PooledClient<Req, Res>> {
  const { handler, strategy, weights, ...settings } = readOptions("pool()", options, {
    ...sizeRules,
    strategy: oneOf("least-loaded", strategyNames),
    weights: given<Partial<AdaptiveWeights>>({}, "an object"),
    handler: given<Handler<Req, Res> | undefined>(undefined, "a function"),
  });
  checkSize("pool()", settings);
  const { min, max, clock, random, observer: _, limit: __, budget, ...shown } = settings;
  const chooser = {
    random,
    spread: false,
    now: () => clock.now(),
    oldMs: Math.min(settings.maxLifetimeMs, oldMs),
    weights: readWeights("pool()", weights),
  };
  const pools: SessionPools<Req, Res> = new Set();
  return named(
    "pool",
    { min, max, strategy, ...shown, budget: budget && "shared" },
    (inner: SessionTransport<Req, Res>): PooledClient<Req, Res> =>
      clientOver(inner, settings, strategyOf(strategy, chooser), handler, pools),
    undefined,
    liveSettings("pool()", settings, sizeRules, liveNames, {
      check: (next) => checkSize("pool()", next),
      changed: () => pools.forEach(resized),
    }),
  );
}

const sizeRules = { ...poolRules, callsPerConnection: integer(64, 1, 1_000_000) };

/** What can be changed while it works. */
const liveNames = [
  "min",
  "max",
  "maxWaiting",
  "acquireTimeoutMs",
  "waitForReady",
  "callsPerConnection",
  "queue",
  "idleTimeoutMs",
  "maxLifetimeMs",
  "validateAfterIdleMs",
  "validateTimeoutMs",
  "initialBackoffMs",
  "maxBackoffMs",
] as const;

/** Opens what is missing now, and lets those go that are too many: each finishes what it carries. */
function resized<P extends Poolable>(pool: ConnectionPool<P>): void {
  const surplus = pool.members.length - pool.settings.max;
  if (surplus > 0) {
    pool.members.toSorted((a, b) => a.load - b.load).slice(0, surplus).forEach((one) => pool.retire(one));
  }
  pool.fill();
}

/** What counts as old where no lifetime is set. */
const oldMs = 3_600_000;
