/**
 * Which endpoints of a balancer are left out for a while because they fail.
 *
 * @module
 */

import { duration, fraction, integer, type OptionRule, readOptions } from "../core/options.ts";
import type { Outcome } from "../core/outcome.ts";

/**
 * When an endpoint is left out, and for how long. The defaults are Envoy's.
 *
 * @example
 * ```ts
 * import type { EjectionOptions } from "@wireway/wireway";
 * const options: EjectionOptions = { consecutiveFailures: 3, maxEjectedShare: 0.5 };
 * ```
 */
export interface EjectionOptions {
  /** Failures in a row after which an endpoint is ejected; 0 for never. @default {5} */
  consecutiveFailures?: number;
  /** How often the success rates are compared, in milliseconds; `Infinity` for never. @default {10000} */
  intervalMs?: number;
  /** Endpoints that must have had enough calls in the interval for a comparison. @default {5} */
  minEndpoints?: number;
  /** Calls in the interval that are enough. @default {100} */
  minCalls?: number;
  /** How many standard deviations below the mean success rate is too low. @default {1.9} */
  deviations?: number;
  /** How long the first ejection lasts, in milliseconds; each further one as much longer. @default {30000} */
  baseEjectionMs?: number;
  /** The longest ejection, in milliseconds. @default {300000} */
  maxEjectionMs?: number;
  /** The share of the endpoints that may be ejected at once, though always one of several. @default {0.1} */
  maxEjectedShare?: number;
}

/** The settings of ejection, complete. */
export type EjectionSettings = Readonly<Required<EjectionOptions>>;

const rules: { readonly [Name in keyof EjectionSettings]: OptionRule<number> } = {
  consecutiveFailures: integer(5, 0, 1_000_000),
  intervalMs: duration(10_000, 1),
  minEndpoints: integer(5, 2, 1_000_000),
  minCalls: integer(100, 1, 1_000_000_000),
  deviations: fraction(1.9, 0, 100),
  baseEjectionMs: duration(30_000, 1),
  maxEjectionMs: duration(300_000, 1),
  maxEjectedShare: fraction(0.1, 0, 1),
};

/** Checks the options and fills in the defaults. */
export function readEjection(owner: string, options: EjectionOptions): EjectionSettings {
  return readOptions(`ejection of ${owner}`, options, rules);
}

/** What ejection keeps of each endpoint. */
export class EjectionRecord {
  /** Until when it is left out, in milliseconds on the clock; 0 where it is not. */
  ejectedUntil = 0;
  /** Ejections of late: one more with each, one less with each interval in health. */
  multiplier = 0;
  /** When it was let back in last. */
  readmittedAt = -Infinity;
  failuresInRow = 0;
  /** Of the interval that runs. */
  calls = 0;
  successes = 0;
}

/** One endpoint, as ejection sees it. */
export interface Ejectable {
  readonly ejection: EjectionRecord;
}

/** Why an endpoint is left out, and for how long. */
export interface Ejected<E> {
  readonly endpoint: E;
  readonly forMs: number;
  readonly reason: string;
}

/** Decides. State is read off the clock; there is no timer. */
export class OutlierEjection<E extends Ejectable> {
  readonly #settings: EjectionSettings;
  readonly #onEjected: (ejected: Ejected<E>) => void;
  readonly #onReadmitted: (endpoint: E) => void;
  #sweepAt: number;
  /** How many are left out now, as of the last look. */
  #ejected = 0;
  #nextReadmission = Infinity;

  constructor(
    settings: EjectionSettings,
    now: number,
    onEjected: (ejected: Ejected<E>) => void,
    onReadmitted: (endpoint: E) => void,
  ) {
    this.#settings = settings;
    this.#onEjected = onEjected;
    this.#onReadmitted = onReadmitted;
    this.#sweepAt = now + settings.intervalMs;
  }

  /** How many are left out. */
  get ejected(): number {
    return this.#ejected;
  }

  /** Whether the time has come to look at all endpoints again. */
  isDue(now: number): boolean {
    return now >= this.#sweepAt || now >= this.#nextReadmission;
  }

  /** Lets those back in whose time is over, and compares success rates. */
  look(endpoints: readonly E[], now: number): void {
    this.#readmit(endpoints, now);
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + this.#settings.intervalMs;
    this.#compare(endpoints, now);
    for (const { ejection } of endpoints) {
      const isWell = ejection.ejectedUntil === 0 && ejection.failuresInRow === 0;
      // The time that it was left out is none in health.
      if (isWell && now >= ejection.readmittedAt + this.#settings.intervalMs) {
        ejection.multiplier = Math.max(0, ejection.multiplier - 1);
      }
      ejection.calls = ejection.successes = 0;
    }
  }

  /** Takes note of a call. Outcomes that say nothing about the far side are left out. */
  add(endpoint: E, outcome: Outcome, endpoints: readonly E[], now: number): void {
    const { ejection } = endpoint;
    if (outcome === "success") {
      ejection.calls++;
      ejection.successes++;
      ejection.failuresInRow = 0;
    } else if (outcome === "failure" || outcome === "overload") {
      ejection.calls++;
      ejection.failuresInRow++;
      const { consecutiveFailures } = this.#settings;
      // A call that began before an ejection must not lengthen it.
      if (consecutiveFailures > 0 && ejection.failuresInRow >= consecutiveFailures && ejection.ejectedUntil === 0) {
        this.#eject(endpoint, endpoints, now, `${ejection.failuresInRow} failures in a row`);
      }
    }
  }

  /** An endpoint has gone: it is not counted any more. */
  forget(endpoint: E): void {
    if (endpoint.ejection.ejectedUntil > 0) this.#ejected--;
  }

  #eject(endpoint: E, endpoints: readonly E[], now: number, reason: string): void {
    const { maxEjectedShare, baseEjectionMs, maxEjectionMs } = this.#settings;
    const most = endpoints.length < 2 ? 0 : Math.max(maxEjectedShare > 0 ? 1 : 0, maxEjectedShare * endpoints.length);
    if (this.#ejected + 1 > most) return;
    const { ejection } = endpoint;
    // No further than the longest ejection: an endpoint that is well again must not need a day to be trusted again.
    ejection.multiplier = Math.min(ejection.multiplier + 1, Math.ceil(maxEjectionMs / baseEjectionMs));
    const forMs = Math.min(baseEjectionMs * ejection.multiplier, maxEjectionMs);
    ejection.ejectedUntil = now + forMs;
    ejection.failuresInRow = 0;
    this.#ejected++;
    this.#nextReadmission = Math.min(this.#nextReadmission, ejection.ejectedUntil);
    this.#onEjected({ endpoint, forMs, reason });
  }

  #readmit(endpoints: readonly E[], now: number): void {
    this.#nextReadmission = Infinity;
    for (const endpoint of endpoints) {
      const { ejection } = endpoint;
      if (ejection.ejectedUntil === 0) continue;
      if (ejection.ejectedUntil > now) {
        this.#nextReadmission = Math.min(this.#nextReadmission, ejection.ejectedUntil);
        continue;
      }
      ejection.ejectedUntil = 0;
      ejection.readmittedAt = now;
      ejection.failuresInRow = 0;
      this.#ejected--;
      this.#onReadmitted(endpoint);
    }
  }

  /** Ejects endpoints whose success rate is far below that of all. */
  #compare(endpoints: readonly E[], now: number): void {
    const { minEndpoints, minCalls, deviations } = this.#settings;
    const busy = endpoints.filter(({ ejection }) => ejection.calls >= minCalls && ejection.ejectedUntil === 0);
    if (busy.length < minEndpoints) return;
    const rateOf = ({ ejection }: E): number => ejection.successes / ejection.calls;
    const mean = busy.reduce((sum, endpoint) => sum + rateOf(endpoint), 0) / busy.length;
    const variance = busy.reduce((sum, endpoint) => sum + (rateOf(endpoint) - mean) ** 2, 0) / busy.length;
    const lowest = mean - deviations * Math.sqrt(variance);
    for (const endpoint of busy) {
      const rate = rateOf(endpoint);
      if (rate >= lowest) continue;
      const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
      this.#eject(endpoint, endpoints, now, `${percent(rate)} of its calls succeed, ${percent(mean)} of all`);
    }
  }
}
