/**
 * The budget for extra work: one bound on all retries, hedges and reconnects
 * that share it.
 *
 * @module
 */

import { Allowance } from "../util/allowance.ts";
import { type Clock, systemClock } from "./clock.ts";
import { fraction, given, integer, readOptions } from "./options.ts";

/**
 * Options of {@linkcode RetryBudget}.
 *
 * @example
 * ```ts
 * import { RetryBudget, type RetryBudgetOptions } from "@wireway/wireway";
 * const options: RetryBudgetOptions = { ratio: 0.1, minPerSecond: 1 };
 * new RetryBudget(options);
 * ```
 */
export interface RetryBudgetOptions {
  /** Extra attempts for each call, on average. @default {0.2} */
  ratio?: number;
  /** Extra attempts a second that are allowed whatever the traffic is. @default {10} */
  minPerSecond?: number;
  /** The time over which calls and extra attempts are counted, in milliseconds. @default {10000} */
  windowMs?: number;
  /** Measures it. @default {systemClock} */
  clock?: Clock;
}

/** Calls that are counted together, since to read the clock costs more than all the rest of counting a call. */
const lot = 16;

/**
 * A budget for extra work. Calls pay into it and extra attempts take out of it,
 * so that in any window of time there are at most `ratio` extra attempts for
 * each call, and `minPerSecond` more. When everything fails, the load grows by
 * that share and not by a factor.
 *
 * One budget may be shared by everything that makes extra work for the same
 * peer: {@linkcode retry}, {@linkcode hedge} and what reconnects. Each of them
 * that a call passes through counts it; share the budget with that in mind.
 *
 * There is no timer: what is older than the window is dropped when the clock is
 * read. Calls are counted in lots of 16, so that up to 15 of them may be
 * counted later than they came. The defaults are those of Finagle's and tower's
 * budgets.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, hedge, http, reconnect, retry, RetryBudget } from "@wireway/wireway";
 * const budget = new RetryBudget({ ratio: 0.1 });
 * const call = chain(http({ origin: "https://orders.example" }), reconnect(), hedge({ budget }), retry({ budget }));
 * ```
 */
export class RetryBudget {
  /** How often there was nothing left. */
  refused = 0;
  readonly #allowance: Allowance;
  readonly #clock: Clock;
  #uncounted = 0;

  /** Makes a budget that begins with its reserve. */
  constructor(options: RetryBudgetOptions = {}) {
    const { ratio, minPerSecond, windowMs, clock } = readOptions("RetryBudget", options, {
      ratio: fraction(0.2, 0, 1000),
      minPerSecond: fraction(10, 0, 1e9),
      windowMs: integer(10_000, 1, 86_400_000),
      clock: given<Clock>(systemClock, "an object"),
    });
    this.#clock = clock;
    this.#allowance = new Allowance(windowMs, ratio, minPerSecond * (windowMs / 1000));
  }

  /** How many extra attempts could be made now. */
  get balance(): number {
    const now = this.#clock.now();
    this.#count(now);
    return this.#allowance.balance(now);
  }

  /** Counts a call that somebody asked for. */
  deposit(): void {
    if (++this.#uncounted >= lot) this.#count(this.#clock.now());
  }

  /** Takes an extra attempt out; false where there is none left. Never waits. */
  withdraw(): boolean {
    const now = this.#clock.now();
    this.#count(now);
    if (this.#allowance.spend(now)) return true;
    this.refused++;
    return false;
  }

  #count(now: number): void {
    if (this.#uncounted === 0) return;
    this.#allowance.earn(now, this.#uncounted);
    this.#uncounted = 0;
  }
}
