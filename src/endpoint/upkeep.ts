/**
 * Looking after the connections of a pool: idle, old, missing and sick ones.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { DeadlineEntry, DeadlineQueue } from "../core/deadline_queue.ts";
import type { Poolable, PoolMember } from "./pool_member.ts";

/** What the upkeep goes by. */
export interface UpkeepSettings {
  readonly min: number;
  readonly idleTimeoutMs: number;
  readonly maxLifetimeMs: number;
  readonly validateAfterIdleMs: number;
  readonly healthCheckIntervalMs: number;
  readonly clock: Clock;
}

/** What is looked after. */
export interface KeptPool<P extends Poolable> {
  readonly members: readonly PoolMember<P>[];
  /** When a connection is to be opened that can't be opened now; `Infinity` where none is. */
  nextDialAt(now: number): number;
  /** Takes a connection out and lets it finish what it carries. */
  retire(member: PoolMember<P>): void;
  /** Asks a connection whether it is alive. */
  check(member: PoolMember<P>): void;
  /** Opens what is missing. */
  fill(): void;
}

/** A connection that is unused is looked at this many times in its idle timeout. */
const looksPerIdleTimeout = 4;

/** And an old one this many times in its life. */
const looksPerLifetime = 10;

/** See the module. One entry of the deadline queue serves all connections. */
export class Upkeep<P extends Poolable> implements DeadlineEntry {
  dueAt = Infinity;
  position = -1;
  readonly holds = false;
  readonly #pool: KeptPool<P>;
  readonly #settings: UpkeepSettings;
  readonly #deadlines: DeadlineQueue;
  /** The time from the last look to the next one. */
  #sinceMs = 0;
  #healthAt = 0;
  #over = false;

  constructor(pool: KeptPool<P>, settings: UpkeepSettings, deadlines: DeadlineQueue) {
    const { healthCheckIntervalMs, clock } = settings;
    this.#pool = pool;
    this.#settings = settings;
    this.#deadlines = deadlines;
    this.#healthAt = healthCheckIntervalMs === Infinity ? Infinity : clock.now() + healthCheckIntervalMs;
  }

  /** Time from look to look. The settings may have changed. */
  get #everyMs(): number {
    const { idleTimeoutMs, maxLifetimeMs, validateAfterIdleMs, healthCheckIntervalMs } = this.#settings;
    const idleMs = Math.min(idleTimeoutMs, validateAfterIdleMs) / looksPerIdleTimeout;
    return Math.min(idleMs, maxLifetimeMs / looksPerLifetime, healthCheckIntervalMs);
  }

  /** Sets the time of the next look, where there is anything to look after. */
  plan(): void {
    if (this.#over) return;
    const now = this.#settings.clock.now();
    const everyMs = this.#everyMs;
    const lookAt = this.#pool.members.length > 0 ? now + everyMs : Infinity;
    const dueAt = Math.min(lookAt, this.#pool.nextDialAt(now));
    if (this.position >= 0 && this.dueAt <= dueAt) return;
    this.#deadlines.remove(this);
    this.dueAt = dueAt;
    this.#sinceMs = everyMs;
    this.#deadlines.add(this);
  }

  expire(): void {
    const { clock, idleTimeoutMs, validateAfterIdleMs, healthCheckIntervalMs, min } = this.#settings;
    const { members } = this.#pool;
    const now = clock.now();
    const healthDue = now >= this.#healthAt;
    if (healthDue) this.#healthAt = now + healthCheckIntervalMs;
    for (const member of [...members]) {
      member.look(this.#sinceMs);
      const idleMs = member.quietMs;
      if (now >= member.retireAt || (idleMs >= idleTimeoutMs && members.length > min)) {
        this.#pool.retire(member);
        continue;
      }
      if (idleMs >= validateAfterIdleMs) member.stale = true;
      if (healthDue && member.load === 0) this.#pool.check(member);
    }
    this.#pool.fill();
  }

  /** Looks no more. */
  end(): void {
    this.#over = true;
    this.#deadlines.remove(this);
  }
}
