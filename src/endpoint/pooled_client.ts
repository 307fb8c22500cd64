/**
 * A service over the sessions of one endpoint.
 *
 * @module
 */

import { background, type CallContext } from "../core/context.ts";
import { withFigures } from "../core/describe.ts";
import type { Client, Handler } from "../core/service.ts";
import type { CloseOptions, Session, SessionTransport } from "../core/session.ts";
import { recorded } from "./call_record.ts";
import { ConnectionPool } from "./connection_pool.ts";
import type { ConnectionPoolSettings } from "./pool_options.ts";
import { poolFigures, type PoolStats, statsOf } from "./pool_stats.ts";
import type { PoolMember } from "./pool_member.ts";
import type { Strategy } from "./strategy.ts";

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

/** Pools that go by the same settings, as long as they are open. */
export type SessionPools<Req, Res> = Set<ConnectionPool<Session<Req, Res>>>;

/** How long responses that nobody reads may hold up the end: whoever is to read one has most likely begun by then. */
const usualUnreadGraceMs = 1000;

/** A service over the sessions of a transport. */
export function clientOver<Req, Res>(
  transport: SessionTransport<Req, Res>,
  settings: ConnectionPoolSettings,
  strategy: Strategy,
  handler: Handler<Req, Res> | undefined,
  pools?: SessionPools<Req, Res>,
): PooledClient<Req, Res> {
  const open = (signal: AbortSignal): Promise<Session<Req, Res>> => transport.dial({ signal, handler });
  const sessions = new ConnectionPool(settings, strategy, open);
  const { measures } = strategy;
  const now = (): number => settings.clock.now();

  function callOn(member: PoolMember<Session<Req, Res>>, request: Req, context: CallContext): Promise<Res> {
    const call = member.poolable.call(request, context);
    call.then(undefined, member.onError);
    return measures ? recorded(call, member.record, now) : call;
  }

  function pool(request: Req, context: CallContext = background): Promise<Res> {
    const member = sessions.take();
    if (member !== undefined) return callOn(member, request, context);
    return sessions.whenFree(context, (member) => callOn(member, request, context));
  }

  if (settings.prewarm) sessions.keep();
  pools?.add(sessions);
  const close = (options?: CloseOptions): Promise<void> => {
    pools?.delete(sessions);
    return sessions.close({ ...options, unreadGraceMs: options?.unreadGraceMs ?? usualUnreadGraceMs });
  };
  const client = Object.assign(pool, { close, stats: () => statsOf(sessions), [Symbol.asyncDispose]: close });
  return withFigures(client, () => poolFigures(statsOf(sessions)));
}
