/**
 * The windows of a circuit breaker: shares of failed and of slow calls.
 *
 * @module
 */

import type { AdjustableSetting } from "../../core/adjustable.ts";
import { duration, fraction, integer, invalidOption } from "../../core/options.ts";
import { CallWindow, type OutcomeWindow, TimeWindow } from "../../util/outcome_window.ts";

/**
 * A share of failed or slow calls that opens a circuit breaker.
 *
 * @example Half of the last 30 seconds' calls failed, or nine tenths of the last 100 took more than a second
 * ```ts
 * import { type BreakerWindow, circuitBreaker } from "@wireway/wireway";
 * const windows: BreakerWindow[] = [
 *   { failureRate: 0.5 },
 *   { slowCallRate: 0.9, slowCallMs: 1000, windowCalls: 100 },
 * ];
 * circuitBreaker({ windows });
 * ```
 */
export interface BreakerWindow {
  /** How old a call may be to count, in milliseconds. @default {30000} */
  windowMs?: number;
  /** How many calls count, the latest ones. By default all of the time do. */
  windowCalls?: number;
  /** Calls that must be in the window before it says anything. @default {20} */
  minCalls?: number;
  /** The share of failed calls, above 0 and up to 1, that opens the breaker. */
  failureRate?: number;
  /** The share of slow calls, above 0 and up to 1, that opens the breaker. */
  slowCallRate?: number;
  /** The time from which on a call is slow, in milliseconds; for a response, up to the end of its body. */
  slowCallMs?: number;
}

/** A window as it holds now. Those of all breakers of a kind go by the same one. */
interface WindowSettings extends BreakerWindow {
  windowMs: number;
  minCalls: number;
}

/** A window that was read: what it counts, and when it says open. */
export class WindowPolicy {
  readonly #settings: WindowSettings;
  #window: OutcomeWindow;
  #windowMs: number;
  #windowCalls: number | undefined;

  constructor(settings: WindowSettings) {
    this.#settings = settings;
    this.#window = windowOf(settings);
    this.#windowMs = settings.windowMs;
    this.#windowCalls = settings.windowCalls;
  }

  /** The time from which on a call is slow; undefined where that is not asked for. */
  get slowCallMs(): number | undefined {
    return this.#settings.slowCallMs;
  }

  /** Adds a call; returns why the breaker is to open, undefined where it is not. */
  record(now: number, failed: boolean, durationMs: number): string | undefined {
    const { windowMs, windowCalls, minCalls, failureRate, slowCallRate, slowCallMs } = this.#settings;
    if (windowMs !== this.#windowMs || windowCalls !== this.#windowCalls) {
      this.#windowMs = windowMs;
      this.#windowCalls = windowCalls;
      this.#window = windowOf(this.#settings);
    }
    const window = this.#window;
    window.record(now, failed, slowCallMs !== undefined && durationMs >= slowCallMs);
    const { total, failed: failures, slow } = window;
    if (total < minCalls) return undefined;
    if (failureRate !== undefined && failures >= total * failureRate) return `${failures} of ${total} calls failed`;
    if (slowCallRate !== undefined && slow >= total * slowCallRate) return `${slow} of ${total} calls were slow`;
    return undefined;
  }

  clear(): void {
    this.#window.clear();
  }
}

function windowOf({ windowCalls, windowMs }: WindowSettings): OutcomeWindow {
  return windowCalls === undefined ? new TimeWindow(windowMs) : new CallWindow(windowCalls, windowMs);
}

const calls = integer(undefined, 1, 1_000_000);
const share = {
  allowed: "a number above 0 and up to 1",
  max: 1,
  accepts: (value: unknown): boolean => typeof value === "number" && value > 0 && value <= 1,
};

const rules: Record<keyof BreakerWindow, AdjustableSetting["rule"] & { readonly min?: number; readonly max?: number }> =
  {
    windowMs: { ...fraction(undefined, 1, 86_400_000), allowed: "a time in milliseconds from 1 to 86400000" },
    windowCalls: calls,
    minCalls: calls,
    failureRate: share,
    slowCallRate: share,
    slowCallMs: duration(undefined),
  };

/** Windows that were read. */
export interface BreakerWindows {
  /** Makes those of one breaker. */
  make(): WindowPolicy[];
  /** As they hold now, to be shown. */
  readonly shown: readonly BreakerWindow[];
  /** What can be changed of them: `windows[0].failureRate`. */
  readonly settings: Record<string, AdjustableSetting>;
}

/** Reads windows; checks at once that they make sense. Throws `invalid-option`. */
export function readWindows(owner: string, windows: readonly BreakerWindow[]): BreakerWindows {
  const read = windows.map((window, index) => checkedWindow(owner, `windows[${index}]`, window));
  return {
    make: () => read.map((window) => new WindowPolicy(window)),
    shown: read,
    settings: Object.fromEntries(read.flatMap((window, index) => settingsOf(owner, `windows[${index}]`, window))),
  };
}

/** What a window does not have can't be given to it later: it would be another one. */
function settingsOf(owner: string, name: string, window: WindowSettings): [string, AdjustableSetting][] {
  return (Object.keys(rules) as (keyof BreakerWindow)[]).filter((key) => window[key] !== undefined).map((key) => {
    const { min, max, ...rule } = rules[key];
    const set = (value: unknown): void => {
      checkTogether(owner, name, { ...window, [key]: value });
      window[key] = Number(value);
    };
    return [`${name}.${key}`, { rule, min, max, get: () => window[key]!, set }];
  });
}

function checkedWindow(owner: string, name: string, window: BreakerWindow): WindowSettings {
  if (typeof window !== "object" || window === null) throw invalidOption(owner, name, window, "an object");
  for (const [key, value] of Object.entries(window)) {
    if (value === undefined) continue;
    const rule = Object.hasOwn(rules, key) ? rules[key as keyof BreakerWindow] : undefined;
    if (rule === undefined) throw invalidOption(owner, `${name}.${key}`, value, Object.keys(rules).join(", "));
    if (!rule.accepts(value)) throw invalidOption(owner, `${name}.${key}`, value, rule.allowed);
  }
  if (window.failureRate === undefined && window.slowCallRate === undefined) {
    throw invalidOption(owner, `${name}.failureRate`, undefined, "a share where slowCallRate is not given either");
  }
  if ((window.slowCallRate === undefined) !== (window.slowCallMs === undefined)) {
    throw invalidOption(owner, `${name}.slowCallMs`, window.slowCallMs, "given together with slowCallRate");
  }
  const { windowMs = 30_000, minCalls = 20 } = window;
  checkTogether(owner, name, { ...window, minCalls });
  return { ...window, windowMs, minCalls };
}

/** A window that never holds as many calls as it must says nothing. */
function checkTogether(owner: string, name: string, { minCalls = 20, windowCalls = Infinity }: BreakerWindow): void {
  if (minCalls <= windowCalls) return;
  throw invalidOption(owner, `${name}.minCalls`, minCalls, `windowCalls (${windowCalls}) or less`);
}
