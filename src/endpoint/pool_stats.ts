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
  /** How long the last 1 024 calls waited that had to wait, in milliseconds; undefined where none had to. */
  waitMs: PoolWaits;
}

/**
 * Percentiles of waiting times, in milliseconds.
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
  const [p50, p95, p99] = pool.waits.percentiles(0.5, 0.95, 0.99);
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
    waitMs: { p50, p95, p99 },
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
