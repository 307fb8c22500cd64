/**
 * A service over the sessions of one endpoint.
 *
 * @module
 */

import type { CallContext } from "../core/context.ts";
import type { Client } from "../core/service.ts";
import type { SessionTransport } from "../core/session.ts";
import { type PoolSettings, SessionPool } from "./session_pool.ts";

/**
 * What a pool does at this moment.
 *
 * @example
 * ```ts
 * import { chain, mux, pool, type PoolStats, tcp } from "@wireway/wireway";
 * const call = chain(tcp({ port: 9000 }), mux(), pool({ max: 4 }));
 * const { total, waiting }: PoolStats = call.stats();
 * ```
 */
export interface PoolStats {
  /** Connections that take calls. */
  total: number;
  /** Connections that carry calls. */
  active: number;
  /** Connections that carry none. */
  idle: number;
  /** Connections that take no more calls, and finish those they carry. */
  draining: number;
  /** Connections that are being opened. */
  dialling: number;
  /** Calls that wait for a connection. */
  waiting: number;
}

/**
 * A service over a pool.
 *
 * @example
 * ```ts
 * import { chain, mux, pool, type PooledClient, tcp } from "@wireway/wireway";
 * const call: PooledClient<Uint8Array, Uint8Array> = chain(tcp({ port: 9000 }), mux(), pool());
 * ```
 */
export type PooledClient<Req, Res> = Client<Req, Res> & {
  /** What the pool does at this moment. */
  stats(): PoolStats;
};

/** A service over the sessions of a transport. */
export function clientOver<Req, Res>(
  transport: SessionTransport<Req, Res>,
  settings: PoolSettings<Req, Res>,
  prewarm: boolean,
): PooledClient<Req, Res> {
  const sessions = new SessionPool(transport, settings);
  if (prewarm) sessions.keep();
  const close = (): Promise<void> => sessions.close();
  const stats = (): PoolStats => {
    const { total, active, draining, dialling, waiting } = sessions;
    return { total, active, idle: total - active, draining, dialling, waiting };
  };
  const call = (request: Req, context?: CallContext): Promise<Res> => sessions.call(request, context);
  return Object.assign(call, { close, stats, [Symbol.asyncDispose]: close });
}
