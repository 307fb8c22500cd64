/**
 * What a pool does at this moment, in numbers.
 *
 * @module
 */

import { counted, current, type Figure } from "../core/figures.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { Poolable } from "./pool_member.ts";

/**
 * What a pool does at this moment.
 *
 * @example
 * ```ts
 * import { chain, mux, pool, type PoolStats, tcp } from "@wireway/wireway";
 * const call = chain(tcp({ port: 9000 }), mux(), pool({ max: 4 }));
 * const { total, waiting, waitMs }: PoolStats = call.stats();
 * console.log(total, waiting, waitMs.p99);
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
  /** Calls that were given a connection, since the start. */
  acquired: number;
  /** Of these, calls that have ended. */
  released: number;
  /** Calls that gave up waiting because none was free in time, since the start. */
  timeouts: number;
  /** Attempts to connect that failed, since the start. */
  errors: number;
  /** How long calls waited that had to wait, of those a minute old at the most; undefined where there is none. */
  waitMs: PoolWaits;
}

/**
 * Percentiles of waiting times, in milliseconds, right to within 4.5 percent.
 *
 * @example
 * ```ts
 * import type { PoolWaits } from "@wireway/wireway";
 * const tooSlow = ({ p99 }: PoolWaits): boolean => p99 !== undefined && p99 > 100;
 * ```
 */
export interface PoolWaits {
  /** Half of the calls waited no longer. */
  p50: number | undefined;
  /** 95 of 100 calls waited no longer. */
  p95: number | undefined;
  /** 99 of 100 calls waited no longer. */
  p99: number | undefined;
}

/** Counts. */
export function statsOf<P extends Poolable>(pool: ConnectionPool<P>): PoolStats {
  const { members, draining, dialler, line, acquired, timeouts } = pool;
  const active = members.reduce((count, { load }) => load > 0 ? count + 1 : count, 0);
  const now = pool.settings.clock.now();
  const waitMs = (share: number): number | undefined => {
    // Asked before the total is read: that lets go of what is too old.
    const ms = pool.waits.percentile(now, share);
    return pool.waits.total === 0 ? undefined : ms;
  };
  return {
    total: members.length,
    active,
    idle: members.length - active,
    draining,
    dialling: dialler.dialling,
    waiting: line.size,
    acquired,
    released: acquired - pool.load,
    timeouts,
    errors: dialler.errors,
    waitMs: { p50: waitMs(0.5), p95: waitMs(0.95), p99: waitMs(0.99) },
  };
}

/** The live figures of a pool, as its stage in a chain shows them. */
export function poolFigures(stats: PoolStats): Figure[] {
  return [
    current("active", stats.active),
    current("idle", stats.idle),
    current("draining", stats.draining),
    current("dialling", stats.dialling),
    current("waiting", stats.waiting),
    counted("calls", stats.acquired),
    counted("timeouts", stats.timeouts),
    counted("dial failures", stats.errors),
    current("wait p99", stats.waitMs.p99, "ms"),
  ];
}
