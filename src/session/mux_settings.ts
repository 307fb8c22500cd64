/**
 * What the sessions of one mux() go by.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { Observer } from "../core/observer.ts";
import type { SentCalls } from "../core/session_figures.ts";

/** Settings of a session. */
export interface MuxSettings {
  readonly maxInFlight: number;
  readonly maxMessageBytes: number | undefined;
  readonly helloTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly pingTimeoutMs: number;
  readonly maxQueuedBytes: number;
  readonly windowBytes: number;
  /** Absent where this end knows no streams. */
  readonly streams: StreamSettings | undefined;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
  /** Counts the calls of all sessions. */
  readonly sent: SentCalls;
}

/** What may be on its way to an end before it is read: of one stream, and of all of a connection. */
export interface StreamSettings {
  readonly windowBytes: number;
  readonly maxWindowBytes: number;
  readonly allBytes: number;
}
