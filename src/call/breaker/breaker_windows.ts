/**
 * The windows of a circuit breaker: shares of failed and of slow calls.
 *
 * @module
 */

import { invalidOption } from "../../core/options.ts";
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

/** A window that was read: what it counts, and when it says open. */
export class WindowPolicy {
  /** The time from which on a call is slow; undefined where that is not asked for. */
  readonly slowCallMs: number | undefined;
  readonly #window: OutcomeWindow;
  readonly #minCalls: number;
  readonly #failureRate: number;
  readonly #slowCallRate: number;

  constructor(window: Required<Pick<BreakerWindow, "windowMs" | "minCalls">> & BreakerWindow) {
    const { windowMs, windowCalls, minCalls, failureRate, slowCallRate, slowCallMs } = window;
    this.#window = windowCalls === undefined ? new TimeWindow(windowMs) : new CallWindow(windowCalls, windowMs);
    this.#minCalls = minCalls;
    this.#failureRate = failureRate ?? Infinity;
    this.#slowCallRate = slowCallRate ?? Infinity;
    this.slowCallMs = slowCallMs;
  }

  /** Adds a call; returns why the breaker is to open, undefined where it is not. */
  record(now: number, failed: boolean, durationMs: number): string | undefined {
    const window = this.#window;
    window.record(now, failed, this.slowCallMs !== undefined && durationMs >= this.slowCallMs);
    const { total, failed: failures, slow } = window;
    if (total < this.#minCalls) return undefined;
    if (failures >= total * this.#failureRate) return `${failures} of ${total} calls failed`;
    if (slow >= total * this.#slowCallRate) return `${slow} of ${total} calls were slow`;
    return undefined;
  }

  clear(): void {
    this.#window.clear();
  }
}

const rules: Record<keyof BreakerWindow, [allowed: string, accepts: (value: number) => boolean]> = {
  windowMs: ["a time in milliseconds from 1 to 86400000", (value) => value >= 1 && value <= 86_400_000],
  windowCalls: ["an integer from 1 to 1000000", (value) => isInteger(value, 1)],
  minCalls: ["an integer from 1 to 1000000", (value) => isInteger(value, 1)],
  failureRate: ["a number above 0 and up to 1", (value) => value > 0 && value <= 1],
  slowCallRate: ["a number above 0 and up to 1", (value) => value > 0 && value <= 1],
  slowCallMs: ["a time in milliseconds of at least 0", (value) => value >= 0],
};

function isInteger(value: number, min: number): boolean {
  return Number.isInteger(value) && value >= min && value <= 1_000_000;
}

/** Makes a function that makes the windows of one breaker; checks at once that they make sense. */
export function readWindows(owner: string, windows: readonly BreakerWindow[]): () => WindowPolicy[] {
  const checked = windows.map((window, index) => checkedWindow(owner, `windows[${index}]`, window));
  return () => checked.map((window) => new WindowPolicy(window));
}

function checkedWindow(owner: string, name: string, window: BreakerWindow) {
  if (typeof window !== "object" || window === null) throw invalidOption(owner, name, window, "an object");
  for (const [key, value] of Object.entries(window)) {
    if (value === undefined) continue;
    const rule = Object.hasOwn(rules, key) ? rules[key as keyof BreakerWindow] : undefined;
    if (rule === undefined) throw invalidOption(owner, `${name}.${key}`, value, Object.keys(rules).join(", "));
    if (typeof value !== "number" || !rule[1](value)) throw invalidOption(owner, `${name}.${key}`, value, rule[0]);
  }
  const { windowMs = 30_000, minCalls = 20, windowCalls } = window;
  if (window.failureRate === undefined && window.slowCallRate === undefined) {
    throw invalidOption(owner, `${name}.failureRate`, undefined, "a share where slowCallRate is not given either");
  }
  if ((window.slowCallRate === undefined) !== (window.slowCallMs === undefined)) {
    throw invalidOption(owner, `${name}.slowCallMs`, window.slowCallMs, "given together with slowCallRate");
  }
  if (windowCalls !== undefined && minCalls > windowCalls) {
    throw invalidOption(owner, `${name}.minCalls`, minCalls, `windowCalls (${windowCalls}) or less`);
  }
  return { ...window, windowMs, minCalls };
}
