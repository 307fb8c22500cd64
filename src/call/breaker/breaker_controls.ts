/**
 * A circuit breaker as its users hold it: a middleware with controls.
 *
 * @module
 */

import { background, type CallContext } from "../../core/context.ts";
import type { Service } from "../../core/service.ts";
import type { Breaker } from "./breaker.ts";
import type { Guard } from "./breaker_calls.ts";
import { type BreakerSnapshot, type BreakerState, checkedSnapshot } from "./breaker_state.ts";

/**
 * A circuit breaker: a middleware, and what reads and steers its state. All
 * chains that it is put into share that state.
 *
 * @example
 * ```ts
 * import { chain, type CircuitBreaker, circuitBreaker, http, reconnect } from "@wireway/wireway";
 * const breaker: CircuitBreaker = circuitBreaker();
 * const call = chain(http({ origin: "https://orders.example" }), reconnect(), breaker);
 * console.log(breaker.state); // "closed"
 * ```
 */
export interface CircuitBreaker {
  /** Puts it around a service. */
  <Req, Res>(inner: Service<Req, Res>): Service<Req, Res>;
  /** What it does with calls now. */
  readonly state: BreakerState;
  /** Probes under way. */
  readonly probes: number;
  /**
   * Refuses all calls until the isolation that is returned is disposed of.
   * Several may isolate it; it is closed again when the last one has ended.
   */
  isolate(reason?: string): Isolation;
  /** Closes it and forgets all failures. Does not end isolations. */
  reset(): void;
  /** Its state as plain data. `JSON.stringify(breaker)` gives it, too. */
  snapshot(): BreakerSnapshot;
  /** Goes on from a snapshot. Throws `invalid-option` where it is none. */
  restore(snapshot: BreakerSnapshot): void;
  /** The same as `snapshot()`. */
  toJSON(): BreakerSnapshot;
}

/**
 * Keeps a circuit breaker isolated.
 *
 * @example
 * ```ts
 * import { circuitBreaker, type Isolation } from "@wireway/wireway";
 * const breaker = circuitBreaker();
 * {
 *   using _maintenance: Isolation = breaker.isolate("maintenance");
 * }
 * console.log(breaker.state); // "closed"
 * ```
 */
export interface Isolation extends Disposable {
  /** Ends it. A second time does nothing. */
  end(): void;
}

/** The middleware with its controls on it. */
export function controlled(breaker: Breaker, guard: Guard): CircuitBreaker {
  const middleware = <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> =>
    function circuitBreaker(request: Req, context: CallContext = background): Promise<Res> {
      return guard(inner, request, context);
    };
  const snapshot = (): BreakerSnapshot => breaker.snapshot();
  const controls = {
    isolate(reason = "isolate() was called"): Isolation {
      breaker.isolate(reason);
      let over = false;
      const end = (): void => {
        if (!over) breaker.endIsolation();
        over = true;
      };
      return { end, [Symbol.dispose]: end };
    },
    reset: () => breaker.reset(),
    snapshot,
    restore: (from: BreakerSnapshot) => breaker.restore(checkedSnapshot(from)),
    toJSON: snapshot,
  };
  return Object.defineProperties(Object.assign(middleware, controls), {
    state: { get: () => breaker.state },
    probes: { get: () => breaker.probes },
  }) as unknown as CircuitBreaker;
}
