/**
 * How many connections a pool is to have, and opening those that are missing.
 *
 * @module
 */

import type { Dialler } from "./dialler.ts";
import type { Poolable, PoolMember } from "./pool_member.ts";
import type { ConnectionPoolSettings } from "./pool_options.ts";

/** What grows. */
export interface GrowingPool<P extends Poolable> {
  /** Connections that take work. */
  readonly members: readonly PoolMember<P>[];
  /** How many only finish what they carry. */
  readonly draining: number;
  /** Connections that were stale and are being asked. */
  readonly checking: number;
  /** Those who wait. */
  readonly line: { readonly size: number };
  /** Asks a connection whether it is alive. */
  check(member: PoolMember<P>): void;
  /** Opens what is missing. */
  fill(): void;
}

/** See the module. */
export class PoolGrowth<P extends Poolable> {
  readonly #pool: GrowingPool<P>;
  readonly #settings: ConnectionPoolSettings;
  readonly #dialler: Dialler<P>;
  /** Before this time no connection is replaced that nobody waits for. */
  #keepAt = 0;
  /** Work that a connection takes at once, as far as that is known. */
  #capacity = Infinity;
  #kept = false;
  #over = false;
  readonly #onRoom = (): void => this.#pool.fill();

  constructor(pool: GrowingPool<P>, settings: ConnectionPoolSettings, dialler: Dialler<P>) {
    this.#pool = pool;
    this.#settings = settings;
    this.#dialler = dialler;
  }

  /** From now on the connections are opened that are to be there always. */
  keep(): void {
    this.#kept = true;
    this.#pool.fill();
  }

  /** When a connection is to be opened that can't be opened now; `Infinity` where none is. */
  nextDialAt(now: number): number {
    const { line, members } = this.#pool;
    const dialler = this.#dialler;
    if (dialler.dialling > 0 || !this.#room) return Infinity;
    const failed = dialler.failures > 0;
    const dialAt = Math.max(now, failed ? dialler.nextAt : now);
    if (line.size > 0 && failed) return dialAt;
    const missing = this.#kept && members.length < this.#settings.min;
    return missing && (failed || this.#keepAt > now) ? Math.max(dialAt, this.#keepAt) : Infinity;
  }

  /** Opens what is missing: for those who wait, and of what is to be there always. */
  fill(): void {
    const { min, clock } = this.#settings;
    const { line, members } = this.#pool;
    if (this.#kept && clock.now() >= this.#keepAt) {
      while (members.length + this.#dialler.dialling < min && this.#dial());
    }
    if (line.size > 0) this.grow(line.size);
  }

  /** Sees to as many connections as `waiting` pieces of work fit on, less those that are on their way. */
  grow(waiting: number): void {
    const { callsPerConnection, min } = this.#settings;
    if (!this.#kept && min > 0) this.keep();
    const each = Math.min(callsPerConnection, this.#capacity);
    const wanted = Math.max(1, Math.ceil(waiting / each));
    const pool = this.#pool;
    for (const member of pool.members) {
      if (pool.checking >= wanted) return;
      if (member.stale && !member.checking) pool.check(member);
    }
    while (this.#dialler.dialling + pool.checking < wanted && this.#dial());
  }

  /** A connection was opened. */
  opened({ capacity }: P): void {
    this.#capacity = Math.max(1, capacity);
  }

  /** A connection takes no more work. One that takes its place may have to wait for a while. */
  left({ since }: PoolMember<P>): void {
    // A far side that takes connections and drops them must not make this a busy loop.
    this.#keepAt = Math.max(this.#keepAt, since + this.#settings.initialBackoffMs);
  }

  /** Opens none any more. */
  end(): void {
    this.#over = true;
    this.#settings.limit?.forget(this.#onRoom);
  }

  /** Whether there may be one more connection. */
  get #room(): boolean {
    const { members, draining } = this.#pool;
    const { max } = this.#settings;
    return !this.#over && members.length + this.#dialler.dialling < max && draining <= max;
  }

  #dial(): boolean {
    const { limit } = this.#settings;
    if (!this.#room || !this.#dialler.ready) return false;
    if (limit !== undefined && !limit.take(this.#onRoom)) return false;
    if (this.#dialler.dial()) return true;
    limit?.release();
    return false;
  }
}
