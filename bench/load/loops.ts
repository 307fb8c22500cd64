/**
 * The two ways of making load: at a given rate, whatever becomes of the calls
 * (open loop), and so many at once, each followed by the next (closed loop).
 *
 * A closed loop stops calling while the server stalls, and so hardly measures
 * the stall: Gil Tene named that coordinated omission. An open loop measures
 * from the moment at which a call was to start, started late or not.
 *
 * @module
 */

import type { Clock } from "../../mod.ts";
import type { Gaps } from "./arrivals.ts";
import type { Pace } from "./pace.ts";
import { notStarted, type Tally, unfinished } from "./tally.ts";

/** What both loops are given. */
export interface Loop {
  /** Makes one call. It must settle by itself in the end. */
  call: () => Promise<unknown>;
  /** Counts the calls whose start was to be at or after the warm-up. */
  tally: Tally;
  /** Time before anything is counted, in milliseconds. */
  warmUpMs: number;
  /** Time that is measured, in milliseconds. */
  durationMs: number;
  /** Time for calls to end when no more are started, in milliseconds. */
  drainMs: number;
  /** Measures the time. */
  clock: Clock;
  /** Ends the loop early; what was measured stays. */
  signal?: AbortSignal;
}

/** An open loop. */
export interface OpenLoop extends Loop {
  /** The times between intended starts. */
  gaps: Gaps;
  /** Calls in flight at once at the most: further ones start late, and their waiting counts. */
  maxInFlight: number;
  /** Waits for the next intended start. */
  pace: Pace;
}

/** A closed loop. */
export interface ClosedLoop extends Loop {
  /** Calls in flight at once, always. */
  concurrency: number;
}

/** Time for which a caller whose call failed makes none, in milliseconds: refusals come in the same turn. */
const restMs = 1;

/** Time for calls to end when the loop was interrupted, in milliseconds. */
const interruptedMs = 500;

/**
 * Starts calls at their times and counts them. Calls that were due and could
 * not be started count as errors of the class `not-started`.
 */
export async function openLoop(loop: OpenLoop): Promise<void> {
  const { call, tally, gaps, maxInFlight, pace, clock, signal } = loop;
  const countFrom = clock.now() + loop.warmUpMs;
  const endAt = countFrom + loop.durationMs;
  const flight = new Flight(loop);

  const start = (intendedAt: number): void => {
    const counted = intendedAt >= countFrom;
    if (counted) tally.startDelay.record(clock.now() - intendedAt);
    flight.start(
      call(),
      counted ? () => tally.succeed(clock.now() - intendedAt) : undefined,
      counted ? (error) => tally.fail(error) : undefined,
    );
  };

  let next = clock.now();
  for (;;) {
    const now = clock.now();
    while (next <= now && next < endAt && flight.size < maxInFlight) {
      start(next);
      next += gaps();
    }
    if (now >= endAt || signal?.aborted) break;
    if (next <= now) await flight.room(endAt);
    else await pace(Math.min(next, endAt));
  }
  const until = Math.min(clock.now(), endAt);
  let late = 0;
  for (; next < until; next += gaps()) if (next >= countFrom) late++;
  tally.count(notStarted, late);
  await flight.landed();
}

/** Keeps `concurrency` calls in flight and counts them. */
export async function closedLoop(loop: ClosedLoop): Promise<void> {
  const { call, tally, concurrency, clock, signal } = loop;
  const countFrom = clock.now() + loop.warmUpMs;
  const endAt = countFrom + loop.durationMs;
  const flight = new Flight(loop);

  const caller = async (): Promise<void> => {
    while (clock.now() < endAt && !signal?.aborted) {
      const at = clock.now();
      try {
        await call();
        if (at >= countFrom && !flight.over) tally.succeed(clock.now() - at);
      } catch (error) {
        if (at >= countFrom && !flight.over) tally.fail(error);
        await new Promise<void>((resolve) => clock.schedule(resolve, restMs));
      }
    }
  };
  for (let i = 0; i < concurrency; i++) flight.start(caller());
  await new Promise<void>((resolve) => {
    const timer = clock.schedule(done, endAt - clock.now());
    signal?.addEventListener("abort", done, { once: true });
    if (signal?.aborted) done();
    function done(): void {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
  await flight.landed();
}

/** The calls that are under way. */
class Flight {
  size = 0;
  /** Nobody waits for them any more: what they come to does not count. */
  over = false;
  #onEnd: (() => void) | undefined;
  readonly #loop: Loop;

  constructor(loop: Loop) {
    this.#loop = loop;
  }

  start(call: Promise<unknown>, succeeded?: () => void, failed?: (error: unknown) => void): void {
    this.size++;
    call.then(() => this.#end(succeeded), (error) => this.#end(() => failed?.(error)));
  }

  /** Resolves when a call ends, at the latest when the loop is to. */
  room(endAt: number): Promise<void> {
    return this.#next(endAt - this.#loop.clock.now());
  }

  /** Resolves when all calls have ended; those that do not within the drain time count as errors. */
  async landed(): Promise<void> {
    const { clock, drainMs, tally, signal } = this.#loop;
    const startedAt = clock.now();
    // Whoever interrupts the loop does not want to wait, and what is cut off then is no error.
    const patience = (): number => startedAt + (signal?.aborted ? interruptedMs : drainMs) - clock.now();
    while (this.size > 0 && patience() > 0) await this.#next(patience());
    if (!signal?.aborted) tally.count(unfinished, this.size);
    this.over = true;
  }

  #next(patienceMs: number): Promise<void> {
    const { clock, signal } = this.#loop;
    return new Promise((resolve) => {
      const done = (): void => {
        this.#onEnd = undefined;
        timer.cancel();
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = clock.schedule(done, Math.max(0, patienceMs));
      if (!signal?.aborted) signal?.addEventListener("abort", done, { once: true });
      this.#onEnd = done;
    });
  }

  #end(count: (() => void) | undefined): void {
    this.size--;
    if (!this.over) count?.();
    this.#onEnd?.();
  }
}
