/**
 * Opening connections: how many at once, and how long to wait after a failure.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { TransportError } from "../core/errors.ts";
import { notify, type Observer } from "../core/observer.ts";
import { ownRefusal } from "../core/own_refusals.ts";
import type { RetryBudget } from "../core/retry_budget.ts";
import { backoffMs } from "../util/backoff.ts";

/** What a dialler goes by. */
export interface DiallerSettings {
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  /** What attempts after a failed one draw on. */
  readonly budget: RetryBudget | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: Observer | undefined;
}

/** Opens connections with `open`; tells how each attempt went. */
export class Dialler<P> {
  /** Attempts that have not ended. */
  dialling = 0;
  /** Attempts that have failed since one went well. */
  failures = 0;
  /** Attempts that have failed since the beginning. */
  errors = 0;
  /** How the last failed attempt failed. */
  lastFailure: TransportError | undefined = undefined;
  /** After a failure, when to try again. */
  nextAt = 0;
  readonly #settings: DiallerSettings;
  readonly #open: (signal: AbortSignal) => Promise<P>;
  readonly #onOpened: (opened: P) => void;
  readonly #onFailed: (error: TransportError, retryInMs: number) => void;
  readonly #ending = new AbortController();
  /** Resolves when no attempt is under way any more; made when somebody waits for it. */
  #ended: PromiseWithResolvers<void> | undefined = undefined;

  constructor(
    settings: DiallerSettings,
    open: (signal: AbortSignal) => Promise<P>,
    onOpened: (opened: P) => void,
    onFailed: (error: TransportError, retryInMs: number) => void,
  ) {
    this.#settings = settings;
    this.#open = open;
    this.#onOpened = onOpened;
    this.#onFailed = onFailed;
  }

  /** Whether an attempt may begin: after a failure one at a time, and not before its time. */
  get ready(): boolean {
    return this.failures === 0 || (this.dialling === 0 && this.#settings.clock.now() >= this.nextAt);
  }

  /** Begins an attempt; false where it is a further one and the budget has none left: it is put off. */
  dial(): boolean {
    if (this.failures > 0 && this.#settings.budget?.withdraw() === false) {
      // Not at once, also where no back-off is asked for: there is nothing to draw on until some time has passed.
      this.nextAt = Math.max(this.#settings.clock.now() + 1, this.#putOff());
      return false;
    }
    this.dialling++;
    let opening: Promise<P>;
    try {
      opening = this.#open(this.#ending.signal);
    } catch (error) {
      opening = Promise.reject(error);
    }
    opening.then(this.#opened, this.#refused);
    return true;
  }

  /** An attempt that seemed to go well did not, after all. */
  fail(error: TransportError): void {
    this.failures++;
    this.errors++;
    this.lastFailure = error;
    const { observer, clock } = this.#settings;
    this.nextAt = this.#putOff();
    const waitMs = this.nextAt - clock.now();
    if (observer !== undefined) {
      notify(observer, { type: "dial-failed", error, attempt: this.failures, retryInMs: waitMs });
    }
    this.#onFailed(error, waitMs);
  }

  /** An attempt went well. */
  succeed(): void {
    this.failures = 0;
  }

  /** Gives up the attempts that have not ended. Resolves when they have let go of what they had. */
  end(reason: TransportError): Promise<void> {
    this.#ended = Promise.withResolvers<void>();
    this.#ending.abort(reason);
    this.#endIfDone();
    return this.#ended.promise;
  }

  /** What a call hears while no connection can be made. */
  backingOff(now: number): TransportError {
    const retryAfterMs = Math.max(0, this.nextAt - now);
    const last = this.lastFailure;
    const why = `${last?.message ?? "Cannot connect"}; the next attempt is in ${Math.ceil(retryAfterMs)} ms`;
    const code = last?.code ?? "connect-failed";
    return ownRefusal(
      new TransportError(code, why, { processed: "no", retryAfterMs, details: last?.details, cause: last }),
    );
  }

  /** When the next attempt may begin, after a back-off. */
  #putOff(): number {
    const { initialBackoffMs, maxBackoffMs, clock, random } = this.#settings;
    return clock.now() + backoffMs(this.failures, { initialMs: initialBackoffMs, maxMs: maxBackoffMs }, random);
  }

  #endIfDone(): void {
    if (this.dialling === 0) this.#ended?.resolve();
  }

  readonly #opened = (opened: P): void => {
    this.dialling--;
    this.#onOpened(opened);
    this.#endIfDone();
  };

  readonly #refused = (error: unknown): void => {
    this.dialling--;
    const known = TransportError.from(error, "connect-failed", { processed: "no" });
    // What was given up is no failure.
    if (this.#ending.signal.aborted) this.#onFailed(known, Infinity);
    else this.fail(known);
    this.#endIfDone();
  };
}
