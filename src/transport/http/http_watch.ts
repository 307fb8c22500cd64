/**
 * The limits in time of one HTTP connection of the calling end.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { LazyDeadline } from "../../core/lazy_deadline.ts";
import { lingerMs } from "./http_exchange.ts";

/** The connection that is watched. */
export interface WatchedConnection {
  /** What was to happen has not. */
  late(): void;
  /** The word to send the body has not come: it is sent without. */
  proceed(): void;
  /** For a while it has been doing the same, or nothing. */
  lingered(): void;
}

/** One entry of the deadline queue, moved lazily: most limits are set again long before they are reached. */
export class HttpWatch extends LazyDeadline {
  readonly #watched: WatchedConnection;
  #limitAt = Infinity;
  #continueAt = Infinity;
  #lingersAt = Infinity;

  /** Watches nothing yet. */
  constructor(clock: Clock, watched: WatchedConnection) {
    super(clock);
    this.#watched = watched;
  }

  /** Whether the word to send the body is waited for. */
  get awaitsContinue(): boolean {
    return this.#continueAt !== Infinity;
  }

  /** An exchange begins, and is to be answered in time. */
  begin(limitMs: number, continueMs: number): void {
    const now = this.clock.now();
    this.#limitAt = now + limitMs;
    this.#continueAt = now + continueMs;
    this.#lingersAt = now + lingerMs;
    this.lookAt(Math.min(this.#limitAt, this.#continueAt, this.#lingersAt));
  }

  /** The next thing must happen within so long. */
  limit(ms: number): void {
    this.#limitAt = ms === Infinity ? Infinity : this.clock.now() + ms;
    this.lookAt(this.#limitAt);
  }

  /** Nothing goes on. Most connections are used again at once: what their exchange set finds those that are not. */
  rest(ms: number): void {
    this.limit(ms);
    if (this.#lingersAt !== Infinity) return;
    this.#lingersAt = this.clock.now() + lingerMs;
    this.lookAt(this.#lingersAt);
  }

  /** The word to send the body is not waited for any more. */
  endContinue(): void {
    this.#continueAt = Infinity;
  }

  expire(): void {
    const now = this.clock.now();
    if (now >= this.#continueAt) this.#watched.proceed();
    if (now >= this.#limitAt) return this.#watched.late();
    if (now >= this.#lingersAt) {
      this.#lingersAt = Infinity;
      this.#watched.lingered();
    }
    this.lookAt(Math.min(this.#limitAt, this.#continueAt, this.#lingersAt));
  }
}
