/**
 * Gathers what is seen of calls, and lets an algorithm find the limit from it.
 *
 * @module
 */

import type { LimitAlgorithm, LimitSample } from "./limit_algorithm.ts";
import { reportUncaught } from "./report_uncaught.ts";

/** The bounds of a limit and its beginning. */
export interface LimitBounds {
  readonly initial: number;
  readonly min: number;
  max: number;
}

/** The shortest window, in milliseconds. A window is at least twice as long as its calls take. */
const windowMs = 100;

/** A window goes on until it has seen so many calls: of fewer a mean says little. */
const minCalls = 10;

/** See the module. */
export class LimitWindow {
  /** The limit now; may be a fraction. */
  limit: number;
  readonly #bounds: LimitBounds;
  readonly #algorithm: LimitAlgorithm;
  #endsAt = 0;
  #meanMs = 0;
  #sumMs = 0;
  #calls = 0;
  #mostInFlight = 0;
  #droppedAt = -Infinity;

  constructor(algorithm: LimitAlgorithm, bounds: LimitBounds) {
    this.#algorithm = algorithm;
    this.#bounds = bounds;
    this.limit = this.#held(bounds.initial);
  }

  /** A call has succeeded, while `inFlight` calls were, itself among them. */
  succeeded(startedAt: number, now: number, inFlight: number): void {
    // Made under a limit that has been found too high since.
    if (startedAt < this.#droppedAt) return;
    if (this.#calls === 0) this.#endsAt = now + Math.max(windowMs, 2 * this.#meanMs);
    this.#sumMs += now - startedAt;
    this.#calls++;
    if (inFlight > this.#mostInFlight) this.#mostInFlight = inFlight;
    if (now >= this.#endsAt && this.#calls >= minCalls) this.#close(false);
  }

  /** The far side has refused a call as overloaded. What happened to all calls of one moment counts once. */
  dropped(startedAt: number, now: number): void {
    if (startedAt <= this.#droppedAt) return;
    this.#droppedAt = now;
    this.#close(true);
  }

  /** The same, of a call of which it is not known when it began: about a latency ago. */
  refused(now: number): void {
    this.dropped(now - this.#meanMs, now);
  }

  /**
   * A call was not answered in time. If it was given less time than calls take
   * anyway, that says nothing.
   */
  expired(startedAt: number, now: number): void {
    if (now - startedAt >= this.#meanMs) this.dropped(startedAt, now);
  }

  /** Changes the ceiling. */
  setMax(max: number): void {
    this.#bounds.max = max;
    this.limit = this.#held(this.limit);
  }

  #close(dropped: boolean): void {
    const latencyMs = this.#calls === 0 ? 0 : this.#sumMs / this.#calls;
    const busy = 2 * this.#mostInFlight >= this.limit;
    const next = this.#next({ latencyMs, calls: this.#calls, dropped, busy });
    if (this.#calls > 0) this.#meanMs = latencyMs;
    this.#sumMs = this.#calls = this.#mostInFlight = 0;
    if (!Number.isNaN(next)) this.limit = this.#held(next);
  }

  #next(sample: LimitSample): number {
    try {
      return this.#algorithm.next(this.limit, sample);
    } catch (error) {
      // An algorithm that is broken must not break the call.
      reportUncaught(error);
      return this.limit;
    }
  }

  #held(limit: number): number {
    return Math.max(Math.min(this.#bounds.min, this.#bounds.max), Math.min(this.#bounds.max, limit));
  }
}
