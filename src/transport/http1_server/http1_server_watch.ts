/**
 * The limits on time of one connection of the HTTP/1.1 server: one at a time.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";

/** What a connection is waiting for. */
export type Http1Wait = "head" | "next request" | "body" | "write" | "end";

/** How often the pace of a body is looked at, in milliseconds. */
const paceMs = 5000;

/** One entry of the deadline queue. */
export class Http1Watch implements DeadlineEntry {
  dueAt = Infinity;
  position = -1;
  readonly holds = false;
  readonly #clock: Clock;
  readonly #expired: (wait: Http1Wait) => void;
  #wait: Http1Wait | undefined = undefined;
  #until = Infinity;
  /** Bytes of a body since its pace was last looked at; those it must have had. */
  #bytes = 0;
  #minBytes = 0;

  /** `expired` is called when a wait has taken too long. */
  constructor(clock: Clock, expired: (wait: Http1Wait) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** What is waited for now, if anything. */
  get wait(): Http1Wait | undefined {
    return this.#wait;
  }

  /** Begins a wait, in place of another. */
  begin(wait: Http1Wait, ms: number): void {
    this.#wait = wait;
    this.#until = this.#clock.now() + ms;
    this.#lookAt(this.#until);
  }

  /** Begins the wait for a body that must keep a pace. */
  beginBody(ms: number, minBytesPerSecond: number): void {
    this.begin("body", ms);
    this.#bytes = 0;
    this.#minBytes = minBytesPerSecond * paceMs / 1000;
    if (this.#minBytes > 0 && ms > paceMs) this.#lookAt(this.#clock.now() + paceMs);
  }

  /** Bytes of a body have come in. */
  noteBytes(count: number): void {
    this.#bytes += count;
  }

  /** Nothing is waited for any more. */
  rest(): void {
    this.#wait = undefined;
    if (this.position >= 0) deadlinesOf(this.#clock).remove(this);
  }

  /** The connection is over. */
  stop(): void {
    this.rest();
    deadlinesOf(this.#clock).trim();
  }

  expire(): void {
    const now = this.#clock.now();
    if (this.#wait === "body" && now < this.#until && this.#bytes >= this.#minBytes) {
      this.#bytes = 0;
      return this.#lookAt(Math.min(this.#until, now + paceMs));
    }
    if (this.#wait !== undefined) this.#expired(this.#wait);
  }

  #lookAt(at: number): void {
    const deadlines = deadlinesOf(this.#clock);
    deadlines.remove(this);
    this.dueAt = at;
    deadlines.add(this);
  }
}
