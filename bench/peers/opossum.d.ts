/**
 * The part of opossum that is measured; the package has no types of its own.
 *
 * @module
 */

/** A circuit breaker around a function. */
export default class CircuitBreaker<Args extends unknown[], Result> {
  /** Puts one around `action`. */
  constructor(action: (...args: Args) => Promise<Result>, options: { timeout: number | false });
  /** Calls the function. */
  fire(...args: Args): Promise<Result>;
}
