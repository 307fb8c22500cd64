/**
 * How late the event loop runs what is due.
 *
 * @module
 */

import { type Clock, systemClock, type Timer } from "../core/clock.ts";
import { duration, given, invalidOption, readOptions } from "../core/options.ts";
import type { Histogram } from "./histogram.ts";
import { SlidingHistogram } from "./sliding_histogram.ts";

/**
 * Options of {@linkcode EventLoopDelay}.
 *
 * @example
 * ```ts
 * import { EventLoopDelay, type EventLoopDelayOptions } from "@wireway/wireway";
 * const options: EventLoopDelayOptions = { intervalMs: 100 };
 * using delay = new EventLoopDelay(options);
 * ```
 */
export interface EventLoopDelayOptions {
  /** How often it looks, in milliseconds. A stall that is shorter may be missed. @default {50} */
  intervalMs?: number;
  /** How far back it remembers, in milliseconds. @default {60000} */
  windowMs?: number;
  /** Measures the time, and wakes it. @default {systemClock} */
  clock?: Clock;
}

/**
 * Measures how much later than asked for a timer runs: what a call waits while
 * the one thread of the program works on something else. It counts from its
 * making until it is disposed of, and does not keep the process alive.
 *
 * A stall that swallows several looks is counted as each of them would have
 * found it, so that percentiles are of time and not of looks. The platform's
 * timers are right to within some 2 ms; delays of that size say nothing.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { EventLoopDelay } from "@wireway/wireway";
 * using delay = new EventLoopDelay();
 * console.log(delay.read().percentile(0.99)); // undefined before the first look
 * ```
 */
export class EventLoopDelay implements Disposable {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #delays: SlidingHistogram;
  readonly #look = (): void => this.#looked();
  #dueAt = 0;
  #timer: Timer;

  /** Starts to measure. */
  constructor(options: EventLoopDelayOptions = {}) {
    const { intervalMs, windowMs, clock } = readOptions("EventLoopDelay", options, {
      intervalMs: duration(50, 1),
      windowMs: duration(60_000, 1),
      clock: given<Clock>(systemClock, "an object"),
    });
    if (intervalMs === Infinity) {
      throw invalidOption("EventLoopDelay", "intervalMs", intervalMs, "a time in milliseconds that ends");
    }
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#delays = new SlidingHistogram({ windowMs, clock });
    this.#timer = this.#next(clock.now());
  }

  /** The delays in the window, in milliseconds. */
  read(): Histogram {
    return this.#delays.read();
  }

  /** Stops measuring. What was measured can still be read. */
  [Symbol.dispose](): void {
    this.#timer.cancel();
  }

  #looked(): void {
    const now = this.#clock.now();
    // As many as the window has room for: a laptop that slept a night is no reason to loop for a minute.
    let left = 10_000;
    for (let delayMs = now - this.#dueAt; delayMs >= 0 && left > 0; delayMs -= this.#intervalMs, left--) {
      this.#delays.record(delayMs, now);
    }
    this.#timer = this.#next(now);
  }

  #next(now: number): Timer {
    this.#dueAt = now + this.#intervalMs;
    const timer = this.#clock.schedule(this.#look, this.#intervalMs);
    timer.hold(false);
    return timer;
  }
}
