/**
 * The limits in time of one HTTP/2 connection of the calling end, and of all
 * its streams, in one entry of the deadline queue.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { LazyDeadline } from "../../core/lazy_deadline.ts";
import { lingerMs } from "../http/http_exchange.ts";

/** A stream that has limits. */
export interface TimedStream {
  /** When something must have happened, in milliseconds on the clock. */
  limitAt: number;
  /** It has not. */
  late(): void;
}

/** The connection that is watched. */
export interface TimedConnection {
  /** All that has limits. */
  streams(): Iterable<TimedStream>;
  /** The connection should have ended by now. */
  overdue(): void;
  /** For a while nothing may have been under way. */
  lingered(): void;
}

/** See the module. Moved lazily: most limits are set again long before they are reached. */
export class Http2Watch extends LazyDeadline {
  readonly #connection: TimedConnection;
  #endsAt = Infinity;
  #lingersAt = Infinity;

  /** Watches nothing yet. */
  constructor(clock: Clock, connection: TimedConnection) {
    super(clock);
    this.#connection = connection;
  }

  /** Gives a stream so long. */
  limit(stream: TimedStream, ms: number): void {
    stream.limitAt = ms === Infinity ? Infinity : this.clock.now() + ms;
    this.lookAt(stream.limitAt);
  }

  /** Gives the connection so long. */
  endWithin(ms: number): void {
    this.#endsAt = this.clock.now() + ms;
    this.lookAt(this.#endsAt);
  }

  /** No stream is open. Most connections are used again at once: it is looked at later. */
  rest(): void {
    if (this.#lingersAt !== Infinity) return;
    this.#lingersAt = this.clock.now() + lingerMs;
    this.lookAt(this.#lingersAt);
  }

  expire(): void {
    const now = this.clock.now();
    if (now >= this.#endsAt) {
      this.#endsAt = Infinity;
      this.#connection.overdue();
    }
    if (now >= this.#lingersAt) {
      this.#lingersAt = Infinity;
      this.#connection.lingered();
    }
    let next = Math.min(this.#endsAt, this.#lingersAt);
    for (const stream of [...this.#connection.streams()]) {
      if (now >= stream.limitAt) stream.late();
      if (stream.limitAt > now && stream.limitAt < next) next = stream.limitAt;
    }
    this.lookAt(next);
  }
}
