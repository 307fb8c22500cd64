/**
 * How much of something is used up.
 *
 * @module
 */

import type { EventLoopDelay } from "../event_loop_delay.ts";
import type { CheckPlan, Verdict } from "./check.ts";
import type { UseSettings } from "./health_options.ts";

/** A check of a use. It reads with each look of the timer, not with those in between. */
export class Use {
  readonly plan: CheckPlan;
  readonly #settings: UseSettings;
  #high = 0;
  #low = 0;
  #share: number | undefined;

  constructor(name: string, settings: UseSettings) {
    this.#settings = settings;
    const { endpoint, highAt } = settings;
    const about = { name, threshold: highAt, required: false, liveness: false };
    const where = endpoint === undefined ? {} : { endpoint };
    this.plan = { ...about, ...where, kind: "use", look: (_now, bad) => this.#look(bad) };
  }

  /** Reads. What throws is not known. */
  read(): void {
    try {
      const share = this.#settings.read();
      // Nothing of nothing is not a share.
      this.#share = Number.isNaN(share) ? undefined : share;
    } catch {
      this.#share = undefined;
    }
    const { highAt, lowAt } = this.#settings;
    this.#high = this.#share !== undefined && this.#share >= highAt ? this.#high + 1 : 0;
    this.#low = this.#share !== undefined && this.#share < lowAt ? this.#low + 1 : 0;
  }

  #look(bad: boolean): Verdict {
    const { looks } = this.#settings;
    const measured = this.#share;
    if (measured === undefined) return { state: "unknown", reason: "how much is used is not known" };
    const reason = `${Math.round(measured * 100)} % is used`;
    if (this.#high >= looks) {
      return { state: "degraded", reason: `${reason}, in ${this.#high} looks in a row`, measured };
    }
    if (bad && this.#low < looks) return { state: "degraded", reason, measured };
    return { state: "healthy", reason, measured };
  }
}

/**
 * How much of a limit on calls is used: the calls in flight to those allowed.
 *
 * @example
 * ```ts
 * import { concurrencyLimit, health, limitUse } from "@wireway/wireway";
 * const limit = concurrencyLimit({ max: 100 });
 * using watched = health({ uses: { calls: { read: limitUse(limit) } } });
 * ```
 */
export function limitUse(limit: { stats(): { limit: number; inFlight: number } }): () => number | undefined {
  return () => {
    const { limit: most, inFlight } = limit.stats();
    return most > 0 ? inFlight / most : undefined;
  };
}

/**
 * How much of a pool is used: the connections that carry calls to those there
 * are, and 1 where calls wait for one.
 *
 * @example
 * ```ts
 * import { chain, health, mux, pool, poolUse, tcp } from "@wireway/wireway";
 * const connections = chain(tcp({ port: 9000 }), mux(), pool({ max: 4 }));
 * using watched = health({ uses: { connections: { read: poolUse(connections, 4) } } });
 * ```
 */
export function poolUse(
  pool: { stats(): { active: number; waiting: number } },
  max: number,
): () => number | undefined {
  return () => {
    const { active, waiting } = pool.stats();
    return waiting > 0 ? 1 : active / max;
  };
}

/**
 * How much of the delay that is bearable the event loop has: the delay that 99
 * of 100 looks found to `maxMs`.
 *
 * @example
 * ```ts
 * import { EventLoopDelay, eventLoopUse, health } from "@wireway/wireway";
 * using delay = new EventLoopDelay({ windowMs: 10_000 });
 * using watched = health({ uses: { thread: { read: eventLoopUse(delay, 100) } } });
 * ```
 */
export function eventLoopUse(delay: Pick<EventLoopDelay, "read">, maxMs: number): () => number | undefined {
  return () => {
    const p99 = delay.read().percentile(0.99);
    return p99 === undefined ? undefined : p99 / maxMs;
  };
}
