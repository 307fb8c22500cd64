/**
 * pool(): a few connections, used as one service.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { named } from "../core/describe.ts";
import type { Observer } from "../core/observer.ts";
import { duration, flag, given, integer, invalidOption, oneOf, readOptions } from "../core/options.ts";
import type { Handler, Middleware } from "../core/service.ts";
import type { SessionTransport } from "../core/session.ts";
import { clientOver, type PooledClient } from "./pooled_client.ts";

export type { PooledClient, PoolStats } from "./pooled_client.ts";

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
export interface PoolOptions<Req, Res> {
  /** Connections that are kept open from the first call on. @default {0} */
  min?: number;
  /** Connections that take calls, at the most; up to twice as many more may be finishing their last ones. @default {10} */
  max?: number;
  /** How a connection is chosen: the one with the fewest calls in flight. @default {"least-loaded"} */
  strategy?: "least-loaded";
  /** Calls in flight on every connection from which on another one is opened. @default {64} */
  callsPerConnection?: number;
  /** Calls that may wait for a connection. @default {1024} */
  maxWaiting?: number;
  /** How long a call waits for a connection, in milliseconds. @default {5000} */
  acquireTimeoutMs?: number;
  /** Time without a call after which a connection beyond `min` is closed, in milliseconds; up to a quarter later. @default {60000} */
  idleTimeoutMs?: number;
  /** Age at which a connection is replaced, in milliseconds, less up to a fifth drawn at random. @default {Infinity} */
  maxLifetimeMs?: number;
  /** Open the `min` connections at once, not with the first call. @default {false} */
  prewarm?: boolean;
  /** Whether calls wait through failed attempts to connect, instead of being told of the failure. @default {false} */
  waitForReady?: boolean;
  /** The longest wait after a first failed attempt to connect, in milliseconds. @default {100} */
  initialBackoffMs?: number;
  /** The longest wait between attempts, in milliseconds. @default {10000} */
  maxBackoffMs?: number;
  /** Answers calls that the far side makes on these connections. */
  handler?: Handler<Req, Res>;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Draws the jitter, from 0 to 1. @default {Math.random} */
  random?: () => number;
  /** Hears of attempts to connect that failed. */
  observer?: Observer;
}

/**
 * Makes one service of a few connections. Each call goes to the connection with
 * the fewest calls in flight; where all have `callsPerConnection` another one is
 * opened, up to `max`, and where none takes more the call waits, first come,
 * first served.
 *
 * Connections are opened when they are needed. One that is lost is replaced
 * when it is needed again, or at once while fewer than `min` are left. After a
 * failed attempt the next one waits for an exponential back-off with full
 * jitter; calls that come meanwhile are refused with what went wrong and
 * `retryAfterMs`, or wait with `waitForReady`. A connection whose far side says
 * goodbye finishes its calls while new ones go elsewhere.
 *
 * Place: on a transport of calls, below everything that acts on single calls.
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
  const { prewarm, strategy, ...settings } = readOptions("pool()", options, {
    min: integer(0, 0, 100_000),
    max: integer(10, 1, 100_000),
    strategy: oneOf("least-loaded", ["least-loaded"]),
    callsPerConnection: integer(64, 1, 1_000_000),
    maxWaiting: integer(1024, 0, 10_000_000),
    acquireTimeoutMs: duration(5000),
    idleTimeoutMs: duration(60_000, 1),
    maxLifetimeMs: duration(Infinity, 1),
    prewarm: flag(false),
    waitForReady: flag(false),
    initialBackoffMs: duration(100),
    maxBackoffMs: duration(10_000),
    handler: given<Handler<Req, Res> | undefined>(undefined, "a function"),
    clock: given<Clock>(systemClock, "an object"),
    random: given<() => number>(Math.random, "a function"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  if (settings.min > settings.max) throw invalidOption("pool()", "min", settings.min, `max (${settings.max}) or less`);
  const { handler: _, clock: __, random: ___, observer: ____, ...shown } = settings;
  return named(
    "pool",
    { strategy, prewarm, ...shown },
    (inner: SessionTransport<Req, Res>): PooledClient<Req, Res> => clientOver(inner, settings, prewarm),
  );
}
