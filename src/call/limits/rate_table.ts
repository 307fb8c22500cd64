/**
 * What each key has spent of a rate limit, in this process.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { type Rate, type Rates, Spent } from "../../util/gcra.ts";
import { Lru, type LruEntry } from "../../util/lru.ts";
import type { RateStore } from "./rate_store.ts";

/** How many keys are looked at, with each that is new, for having spent nothing that counts any more. */
const looksPerKey = 2;

/** How long a key is kept that has earned all again, in milliseconds: most likely it comes again. */
const keptIdleMs = 60_000;

class KeySpent extends Spent implements LruEntry {
  readonly key: string;
  readonly bytes = 1;
  older: LruEntry | undefined = undefined;
  newer: LruEntry | undefined = undefined;

  constructor(key: string, rates: Rates) {
    super(rates);
    this.key = key;
  }
}

/** Keeps up to so many keys. Who has earned all again is forgotten first, then who was not seen for longest. */
export class RateTable implements RateStore {
  readonly #rates: Rates;
  readonly #clock: Clock;
  readonly #keys: Lru<KeySpent>;
  #latest: KeySpent | undefined = undefined;
  #cursor: Iterator<string>;

  constructor(rates: Rates, maxKeys: number, clock: Clock) {
    this.#rates = rates;
    this.#clock = clock;
    this.#keys = new Lru(maxKeys, maxKeys);
    this.#cursor = this.#keys.keys();
  }

  /** How many keys are known. */
  get size(): number {
    return this.#keys.size;
  }

  take(key: string, cost: number): number {
    const spent = this.#of(key);
    return spent.spend(cost) ? 0 : spent.spendAt(this.#clock.now(), cost, this.#rates);
  }

  waitMs(key: string, cost: number): number {
    return this.#of(key).waitMs(this.#clock.now(), cost, this.#rates);
  }

  /** Changes the rates. Looks at every key: each owes as many calls as before. */
  change(to: readonly Rate[]): void {
    const now = this.#clock.now();
    for (const key of this.#keys.keys()) this.#keys.get(key)!.convert(now, this.#rates, to);
    this.#rates.change(to);
  }

  #of(key: string): KeySpent {
    const latest = this.#latest;
    return latest !== undefined && latest.key === key ? latest : this.#latest = this.#find(key);
  }

  #find(key: string): KeySpent {
    const known = this.#keys.get(key);
    if (known !== undefined) {
      this.#keys.touch(known);
      return known;
    }
    this.#forgetIdle();
    const made = new KeySpent(key, this.#rates);
    this.#keys.add(made);
    return made;
  }

  #forgetIdle(): void {
    const now = this.#clock.now();
    for (let look = 0; look < looksPerKey; look++) {
      const { done, value } = this.#cursor.next();
      if (done) {
        this.#cursor = this.#keys.keys();
        continue;
      }
      if (this.#keys.get(value)!.idleFor(keptIdleMs, now, this.#rates)) this.#keys.delete(value);
    }
  }
}
