/**
 * Asks something again and again, and keeps count of the answers.
 *
 * @module
 */

import type { Clock, Timer } from "../../core/clock.ts";
import { callContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import { outcomeOfReply } from "../../core/outcome.ts";
import { textOf } from "../../core/thrown.ts";
import type { CheckPlan, Verdict } from "./check.ts";
import type { ProbeSettings } from "./health_options.ts";

/** One probe. It asks from its making on, until it is ended. */
export class Probe {
  readonly plan: CheckPlan;
  readonly #name: string;
  readonly #settings: ProbeSettings;
  readonly #clock: Clock;
  readonly #onResult: (now: number) => void;
  #timer: Timer;
  #limit: Timer | undefined;
  #ending: AbortController | undefined;
  /** Whether what was begun has not ended, be it in time or not. */
  #pending = false;
  #failures = 0;
  #successes = 0;
  #reason = "it was not asked yet";
  #ended = false;

  constructor(name: string, settings: ProbeSettings, clock: Clock, onResult: (now: number) => void) {
    this.#name = name;
    this.#settings = settings;
    this.#clock = clock;
    this.#onResult = onResult;
    const { endpoint, required, liveness, failures } = settings;
    const about = { name, required, liveness, threshold: failures, ...(endpoint === undefined ? {} : { endpoint }) };
    this.plan = { ...about, kind: "probe", look: (_now, bad) => this.#look(bad) };
    this.#timer = this.#in(0);
  }

  /** Asks no more, and gives up what has not ended. */
  end(): void {
    this.#ended = true;
    this.#timer.cancel();
    this.#limit?.cancel();
    this.#ending?.abort(new TransportError("cancelled", `Probe ${this.#name} given up: health() was closed`));
  }

  #in(delayMs: number): Timer {
    const timer = this.#clock.schedule(() => this.#ask(), delayMs);
    timer.hold(false);
    return timer;
  }

  #ask(): void {
    const { intervalMs, timeoutMs, check } = this.#settings;
    this.#timer = this.#in(intervalMs);
    if (this.#pending) return this.#failed("the one before has not ended yet");
    const ending = this.#ending = new AbortController();
    let late = false;
    const limit = this.#limit = timeoutMs === Infinity ? undefined : this.#clock.schedule(() => {
      late = true;
      const why = `no answer within ${timeoutMs} ms`;
      this.#failed(why);
      ending.abort(new TransportError("deadline-exceeded", `Probe ${this.#name} given up: ${why}`));
    }, timeoutMs);
    limit?.hold(false);
    const done = (said: () => void): void => {
      this.#pending = false;
      limit?.cancel();
      if (!late && !this.#ended) said();
    };
    this.#pending = true;
    const context = callContext({ signal: ending.signal, timeoutMs, clock: this.#clock });
    new Promise((resolve) => resolve(check(context))).then(
      (value) => {
        // Nobody reads it, and it would hold its connection.
        if (value instanceof Response) void value.body?.cancel().catch(() => {});
        done(() => isBad(value) ? this.#failed(shown(value)) : this.#succeeded());
      },
      (error) => done(() => this.#failed(textOf(error))),
    );
  }

  #failed(why: string): void {
    this.#failures++;
    this.#successes = 0;
    this.#reason = `${this.#failures} failures in a row, the last: ${why}`;
    this.#onResult(this.#clock.now());
  }

  #succeeded(): void {
    this.#successes++;
    this.#failures = 0;
    this.#reason = `${this.#successes} successes in a row`;
    this.#onResult(this.#clock.now());
  }

  #look(bad: boolean): Verdict {
    const [reason, measured] = [this.#reason, this.#failures];
    if (measured >= this.#settings.failures) return { state: "unhealthy", reason, measured };
    if (bad && this.#successes < this.#settings.successes) return { state: "unhealthy", reason, measured };
    return { state: this.#successes > 0 ? "healthy" : "unknown", reason, measured };
  }
}

function isBad(value: unknown): boolean {
  return value === false || (value instanceof Response && outcomeOfReply(value) !== "success");
}

function shown(value: unknown): string {
  return value instanceof Response ? `it answered ${value.status}` : "it said false";
}
