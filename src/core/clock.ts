/**
 * The monotonic clock that everything reads, injected so that tests move it by
 * hand.
 *
 * @module
 */

/**
 * A timer that was asked for.
 *
 * @example
 * ```ts
 * import { systemClock, type Timer } from "@wireway/wireway";
 * const timer: Timer = systemClock.schedule(() => console.log("late"), 1000);
 * timer.cancel();
 * ```
 */
export interface Timer {
  /** Takes the timer back; does nothing once it has run. */
  cancel(): void;
  /** Whether the timer keeps the process alive. A new one does. */
  hold(keepsAlive: boolean): void;
}

/**
 * A monotonic clock with timers. Times are milliseconds from an arbitrary
 * origin and never go back, so deadlines are safe from changes of the system's
 * date.
 *
 * @example
 * ```ts
 * import { type Clock, systemClock } from "@wireway/wireway";
 * const elapsedMs = (clock: Clock, since: number): number => clock.now() - since;
 * elapsedMs(systemClock, systemClock.now());
 * ```
 */
export interface Clock {
  /** The time now, in milliseconds. */
  now(): number;
  /** Runs `callback` once, `delayMs` from now at the earliest. */
  schedule(callback: () => void, delayMs: number): Timer;
}

/** The longest delay that `setTimeout` takes; beyond it, it fires at once. */
const maxTimeoutMs = 2 ** 31 - 1;

class SystemTimer implements Timer {
  #handle!: ReturnType<typeof setTimeout>;
  #holds = true;

  constructor(callback: () => void, delayMs: number) {
    this.#set(callback, delayMs);
  }

  #set(callback: () => void, delayMs: number): void {
    this.#handle = delayMs > maxTimeoutMs
      ? setTimeout(() => this.#set(callback, delayMs - maxTimeoutMs), maxTimeoutMs)
      : setTimeout(callback, delayMs);
    if (!this.#holds) this.hold(false);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  hold(keepsAlive: boolean): void {
    this.#holds = keepsAlive;
    // Timers are objects with ref() on Deno, Node and Bun, and plain numbers in
    // browsers and on the edge, where nothing is kept alive by them.
    const handle = this.#handle as unknown as { ref?(): void; unref?(): void };
    if (keepsAlive) handle.ref?.();
    else handle.unref?.();
  }
}

/**
 * The process's own monotonic clock: `performance.now()` and `setTimeout`.
 *
 * @example
 * ```ts
 * import { systemClock } from "@wireway/wireway";
 * const startedAt = systemClock.now();
 * ```
 */
export const systemClock: Clock = {
  now: (): number => performance.now(),
  schedule: (callback: () => void, delayMs: number): Timer => new SystemTimer(callback, delayMs),
};

/**
 * A clock that stands still until it is moved, for tests that must not wait.
 *
 * @example
 * ```ts
 * import { ManualClock } from "@wireway/wireway";
 * const clock = new ManualClock();
 * clock.schedule(() => console.log("a second has passed"), 1000);
 * await clock.advance(1000);
 * ```
 */
export class ManualClock implements Clock {
  #now = 0;
  #timers: { at: number; run: () => void }[] = [];

  /** The time now, in milliseconds from the clock's making. */
  now(): number {
    return this.#now;
  }

  /** Timers that have not run yet. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Runs `callback` once the clock has been moved by `delayMs`. */
  schedule(callback: () => void, delayMs: number): Timer {
    const timer = { at: this.#now + Math.max(0, delayMs), run: callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
      hold: () => {},
    };
  }

  /**
   * Moves the clock by `ms`, running what falls due in the order of its times,
   * and lets promises settle before and after each timer.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      let next: { at: number; run: () => void } | undefined;
      for (const timer of this.#timers) {
        if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
      }
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers = this.#timers.filter((timer) => timer !== next);
      next.run();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets promise reactions run: more turns than any chain of ours is deep. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await undefined;
}
