/**
 * The states of a circuit breaker, as others see and keep them.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";

/**
 * What a circuit breaker does with calls: `closed` lets them through, `open`
 * and `isolated` refuse them, `half-open` lets a few through to see.
 *
 * @example
 * ```ts
 * import type { BreakerState } from "@wireway/wireway";
 * const works = (state: BreakerState): boolean => state === "closed" || state === "half-open";
 * ```
 */
export type BreakerState = "closed" | "open" | "half-open" | "isolated";

/**
 * A circuit breaker's state as plain data, for another process to go on with.
 * It holds no times of a clock, only how much is left of them.
 *
 * @example
 * ```ts
 * import { type BreakerSnapshot, circuitBreaker } from "@wireway/wireway";
 * const kept: BreakerSnapshot = { state: "open", openForMs: 12_000, failures: 5, doublings: 1 };
 * circuitBreaker().restore(kept);
 * ```
 */
export interface BreakerSnapshot {
  /** The state, without isolation: who isolates does so in their own process. */
  readonly state: "closed" | "open" | "half-open";
  /** How much longer it stays open, in milliseconds; 0 where it is not open. */
  readonly openForMs: number;
  /** Failures in a row. */
  readonly failures: number;
  /** How often the time of the next opening is doubled. */
  readonly doublings: number;
}

/** Checks data that may come from anywhere. Throws `invalid-option`. */
export function checkedSnapshot(data: unknown): BreakerSnapshot {
  const refuse = (what: string): never => {
    throw new TransportError("invalid-option", `Cannot restore circuit breaker: ${what}`);
  };
  if (typeof data !== "object" || data === null) return refuse("its snapshot is not an object");
  const { state, openForMs, failures, doublings } = data as Partial<BreakerSnapshot>;
  if (state !== "closed" && state !== "open" && state !== "half-open") {
    return refuse(`state is ${JSON.stringify(state)}, allowed is "closed", "open" or "half-open"`);
  }
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (typeof openForMs !== "number" || !(openForMs >= 0 && openForMs < Infinity)) {
    return refuse(`openForMs is ${openForMs}, allowed is a time in milliseconds`);
  }
  if (!isCount(failures)) return refuse(`failures is ${failures}, allowed is a count`);
  if (!isCount(doublings)) return refuse(`doublings is ${doublings}, allowed is a count`);
  return { state, openForMs, failures, doublings };
}
