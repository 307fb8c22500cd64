/**
 * Reads the options of circuit breakers.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import type { Adjustable } from "../../core/adjustable.ts";
import { liveSettings } from "../../core/live_settings.ts";
import type { Observer } from "../../core/observer.ts";
import {
  duration,
  fraction,
  given,
  integer,
  integerOrInfinity,
  invalidOption,
  label,
  readOptions,
} from "../../core/options.ts";
import type { BreakerSettings } from "./breaker.ts";
import { type BreakerWindow, readWindows, type WindowPolicy } from "./breaker_windows.ts";
import type { CircuitBreakerOptions } from "./circuit_breaker.ts";

/** Options that were read. */
export interface BreakerPlan {
  readonly settings: BreakerSettings;
  /** Makes the windows of one breaker. */
  readonly windows: () => WindowPolicy[];
  /** The settings as they can be changed. */
  readonly adjustable: Adjustable;
  /** The settings as describe() shows them. */
  readonly shown: object;
}

/** Reads them for `owner`. Throws `invalid-option`. */
export function readBreaker(owner: string, options: CircuitBreakerOptions): BreakerPlan {
  const { windows, maxOpenMs: maxGiven, ...rest } = readOptions(owner, options, rules);
  const check = (next: BreakerSettings): void => {
    const { openMs, maxOpenMs } = next;
    if (maxOpenMs < openMs) throw invalidOption(owner, "maxOpenMs", maxOpenMs, `openMs (${openMs}) or more`);
  };
  const settings = { ...rest, maxOpenMs: maxGiven ?? Math.max(300_000, rest.openMs) };
  check(settings);
  const { clock: _, random: __, observer: ___, ...shown } = settings;
  const read = readWindows(owner, windows);
  const adjustable = liveSettings<BreakerSettings>(owner, settings, rules, liveNames, { check, more: read.settings });
  return { settings, windows: read.make, adjustable, shown: { ...shown, windows: read.shown } };
}

/** What can be changed while it works. A time that it is open already stays as it is. */
const liveNames = [
  "failures",
  "forgetAfterMs",
  "successes",
  "openMs",
  "maxOpenMs",
  "jitter",
  "maxProbes",
  "probeLeaseMs",
] as const;

const rules = {
  failures: integerOrInfinity(5, 1, 1_000_000),
  forgetAfterMs: duration(60_000, 1),
  windows: given<readonly BreakerWindow[]>([], "a list"),
  successes: integer(2, 1, 1_000_000),
  openMs: integer(30_000, 1, 86_400_000),
  maxOpenMs: integer(undefined, 1, 86_400_000),
  jitter: fraction(0.2, 0, 1),
  maxProbes: integer(1, 1, 1_000_000),
  probeLeaseMs: duration(10_000, 1),
  countsAs: given<CircuitBreakerOptions["countsAs"]>(undefined, "a function"),
  name: label("circuitBreaker"),
  clock: given<Clock>(systemClock, "an object"),
  random: given<() => number>(Math.random, "a function"),
  observer: given<Observer | undefined>(undefined, "a function"),
};
