/**
 * reconnect(): one connection, opened when it is needed and again when it is
 * lost.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { named } from "../core/describe.ts";
import type { Observer } from "../core/observer.ts";
import { duration, flag, given, integer, readOptions } from "../core/options.ts";
import type { Handler, Middleware } from "../core/service.ts";
import type { SessionTransport } from "../core/session.ts";
import { clientOver, type PooledClient } from "./pooled_client.ts";

/**
 * Options of {@linkcode reconnect}.
 *
 * @example
 * ```ts
 * import { reconnect, type ReconnectOptions } from "@wireway/wireway";
 * const options: ReconnectOptions<Uint8Array, Uint8Array> = { waitForReady: true, maxBackoffMs: 2000 };
 * reconnect(options);
 * ```
 */
export interface ReconnectOptions<Req, Res> {
  /** Calls that may wait for the connection. @default {1024} */
  maxWaiting?: number;
  /** How long a call waits for the connection, in milliseconds. @default {5000} */
  acquireTimeoutMs?: number;
  /** Time without a call after which the connection is closed, in milliseconds; up to a quarter later. @default {Infinity} */
  idleTimeoutMs?: number;
  /** Whether calls wait through failed attempts to connect, instead of being told of the failure. @default {false} */
  waitForReady?: boolean;
  /** The longest wait after a first failed attempt to connect, in milliseconds. @default {100} */
  initialBackoffMs?: number;
  /** The longest wait between attempts, in milliseconds. @default {10000} */
  maxBackoffMs?: number;
  /** Answers calls that the far side makes on this connection. */
  handler?: Handler<Req, Res>;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Draws the jitter, from 0 to 1. @default {Math.random} */
  random?: () => number;
  /** Hears of attempts to connect that failed. */
  observer?: Observer;
}

/**
 * Makes a service of one connection. It is opened with the first call, and
 * again with the first call after it was lost; calls that come in the meantime
 * wait. After a failed attempt the next one waits for an exponential back-off
 * with full jitter; calls that come meanwhile are refused with what went wrong
 * and `retryAfterMs`, or wait with `waitForReady`.
 *
 * A call that was in flight when the connection was lost is rejected, never
 * sent again: whether that is safe only its caller knows.
 *
 * Place: on a transport of calls, below everything that acts on single calls.
 * With more than one connection, use {@linkcode pool}.
 *
 * Errors: `connect-failed`, `connect-timeout`, `acquire-timeout`, `overloaded`
 * (too many wait), `closed`, all with `processed: "no"`; those of the session;
 * `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, mux, reconnect, tcp, text } from "@wireway/wireway";
 * await using call = chain(tcp({ port: 9000 }), mux(), text(), reconnect());
 * console.log(await call("hello"));
 * ```
 */
export function reconnect<Req, Res>(
  options: ReconnectOptions<Req, Res> = {},
): Middleware<SessionTransport<Req, Res>, PooledClient<Req, Res>> {
  const settings = readOptions("reconnect()", options, {
    maxWaiting: integer(1024, 0, 10_000_000),
    acquireTimeoutMs: duration(5000),
    idleTimeoutMs: duration(Infinity, 1),
    waitForReady: flag(false),
    initialBackoffMs: duration(100),
    maxBackoffMs: duration(10_000),
    handler: given<Handler<Req, Res> | undefined>(undefined, "a function"),
    clock: given<Clock>(systemClock, "an object"),
    random: given<() => number>(Math.random, "a function"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  const { handler: _, clock: __, random: ___, observer: ____, ...shown } = settings;
  const one = { ...settings, min: 0, max: 1, callsPerConnection: Infinity, maxLifetimeMs: Infinity };
  return named("reconnect", shown, (inner: SessionTransport<Req, Res>): PooledClient<Req, Res> => {
    return clientOver(inner, one, false);
  });
}
