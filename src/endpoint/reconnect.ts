/**
 * reconnect(): one connection, opened when it is needed and again when it is
 * lost.
 *
 * @module
 */

import { named } from "../core/describe.ts";
import { liveSettings } from "../core/live_settings.ts";
import { duration, given, readOptions } from "../core/options.ts";
import type { Handler, Middleware } from "../core/service.ts";
import type { SessionTransport } from "../core/session.ts";
import { type ConnectionOptions, connectionRules } from "./connection_options.ts";
import { clientOver, type PooledClient, type SessionPools } from "./pooled_client.ts";
import { LeastLoaded } from "./strategy.ts";

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
export interface ReconnectOptions<Req, Res> extends ConnectionOptions {
  /** Time without a call after which the connection is closed, in milliseconds; up to a quarter later. @default {Infinity} */
  idleTimeoutMs?: number;
  /** Answers calls that the far side makes on this connection. */
  handler?: Handler<Req, Res>;
}

/**
 * Makes a service of one connection. It is opened with the first call, and
 * again with the first call after it was lost; calls that come in the meantime
 * wait. After a failed attempt the next one waits for an exponential back-off
 * with full jitter; calls that come meanwhile are refused with what went wrong
 * and `retryAfterMs`, or wait with `waitForReady`. What one connection takes at
 * once is its protocol's: many calls on `mux()`, one on HTTP/1.1.
 *
 * A call that was in flight when the connection was lost is rejected, never
 * sent again: whether that is safe only its caller knows.
 *
 * Its times and `maxWaiting` can be changed while it works ({@linkcode adjustablesOf}); a wait for the next attempt that has begun
 * stays as it is.
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
  const { handler, ...settings } = readOptions("reconnect()", options, {
    ...ownRules,
    handler: given<Handler<Req, Res> | undefined>(undefined, "a function"),
  });
  const { clock: _, random: __, observer: ___, budget, ...shown } = settings;
  const one = { ...settings, ...single };
  const pools: SessionPools<Req, Res> = new Set();
  return named(
    "reconnect",
    { ...shown, budget: budget && "shared" },
    (inner: SessionTransport<Req, Res>): PooledClient<Req, Res> => {
      return clientOver(inner, one, new LeastLoaded(), handler, pools);
    },
    undefined,
    liveSettings("reconnect()", one, ownRules, liveNames, { changed: () => pools.forEach((one) => one.fill()) }),
  );
}

const ownRules = { ...connectionRules, idleTimeoutMs: duration(Infinity, 1) };

/** What can be changed while it works. */
const liveNames = [
  "maxWaiting",
  "acquireTimeoutMs",
  "waitForReady",
  "initialBackoffMs",
  "maxBackoffMs",
  "validateTimeoutMs",
  "idleTimeoutMs",
] as const;

/** What a pool is that has one connection, and keeps it. */
const single = {
  min: 0,
  max: 1,
  callsPerConnection: Infinity,
  maxLifetimeMs: Infinity,
  validateAfterIdleMs: Infinity,
  healthCheckIntervalMs: Infinity,
  queue: "fifo",
  prewarm: false,
  limit: undefined,
} as const;
