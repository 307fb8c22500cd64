/**
 * The generic cell rate algorithm (ITU-T I.371): for each limit one time, at
 * which all that was spent so far would be earned again.
 *
 * @module
 */

/** One limit, in the form that the algorithm needs. */
export interface Rate {
  /** The time in which one is earned, in milliseconds. */
  readonly perOneMs: number;
  /** The most that can be saved up. */
  readonly burst: number;
}

/** Differences below this are of floating point, in milliseconds. */
const nothingMs = 1e-6;

/** What share of a burst is spent between two readings of the clock, at the most. */
const unreadShare = 16;

function leastOf(rates: readonly Rate[]): number {
  return Math.min(...rates.map(({ burst }) => burst));
}

/** What several limits together go by. */
export class Rates {
  all: readonly Rate[];
  /** What one can spend at once at the most. */
  leastBurst: number;
  /** What is spent at the most before the clock is read again. */
  maxUnread: number;

  constructor(all: readonly Rate[]) {
    this.all = all;
    this.leastBurst = leastOf(all);
    this.maxUnread = Math.floor(this.leastBurst / unreadShare);
  }

  /** Changes them; as many as there were. What was spent of the old ones is to be {@linkcode Spent.convert}ed. */
  change(all: readonly Rate[]): void {
    this.all = all;
    this.leastBurst = leastOf(all);
    this.maxUnread = Math.floor(this.leastBurst / unreadShare);
  }
}

/**
 * What one key has spent of several limits.
 *
 * Reading a clock costs more than all else here, so a small part of a burst is
 * given out on the last reading, and counted as spent at the next one. That is
 * exact while less than the burst is saved up. Otherwise it counts as spent too
 * late, never too early: no more passes than is allowed, and right after, a
 * burst may be smaller by a sixteenth.
 */
export class Spent {
  /** What may be spent without reading the clock. */
  #spare = 0;
  /** What was, since the last reading. */
  #unread = 0;
  readonly #earnedAt: number[];

  constructor(rates: Rates) {
    this.#earnedAt = rates.all.map(() => -Infinity);
  }

  /** Spends from what the last reading of the clock has left; says whether that was enough. */
  spend(cost: number): boolean {
    if (cost > this.#spare) return false;
    this.#spare -= cost;
    this.#unread += cost;
    return true;
  }

  /** Spends of all limits, or of none: returns 0, or how long to wait, in milliseconds; `Infinity` for more than a burst. */
  spendAt(now: number, cost: number, rates: Rates): number {
    if (cost > rates.leastBurst) return Infinity;
    const waitMs = this.waitMs(now, cost, rates);
    if (waitMs > 0) return waitMs;
    this.#unread = cost;
    this.#settle(now, rates);
    let left = rates.maxUnread;
    for (let i = 0; i < rates.all.length; i++) {
      const { perOneMs, burst } = rates.all[i];
      left = Math.min(left, burst - (this.#earnedAt[i] - now) / perOneMs);
    }
    this.#spare = Math.floor(left);
    return 0;
  }

  /** How long until so much could have been spent, bit by bit where it is more than a burst; 0 where it can be now. */
  waitMs(now: number, cost: number, rates: Rates): number {
    this.#settle(now, rates);
    let waitMs = 0;
    for (let i = 0; i < rates.all.length; i++) {
      const { perOneMs, burst } = rates.all[i];
      const earnedMs = Math.max(0, this.#earnedAt[i] - now);
      waitMs = Math.max(waitMs, earnedMs + (cost - burst) * perOneMs);
    }
    return waitMs > nothingMs ? waitMs : 0;
  }

  /** Whether all had been earned again so long ago: it is as if nothing had ever been spent. */
  idleFor(ms: number, now: number, rates: Rates): boolean {
    this.#settle(now, rates);
    return this.#earnedAt.every((at) => at <= now - ms);
  }

  /** Before the rates change: what is not earned again stays so much, and takes its time by the new rates. */
  convert(now: number, from: Rates, to: readonly Rate[]): void {
    this.#settle(now, from);
    this.#spare = 0;
    for (let i = 0; i < to.length; i++) {
      const owed = Math.max(0, this.#earnedAt[i] - now) / from.all[i].perOneMs;
      this.#earnedAt[i] = now + owed * to[i].perOneMs;
    }
  }

  /** Counts what was spent since the last reading. */
  #settle(now: number, rates: Rates): void {
    const unread = this.#unread;
    if (unread === 0) return;
    for (let i = 0; i < rates.all.length; i++) {
      this.#earnedAt[i] = Math.max(this.#earnedAt[i], now) + unread * rates.all[i].perOneMs;
    }
    this.#unread = 0;
  }
}
