/**
 * When event streams are written to: at the end of each turn of the event loop,
 * and less often where the loop is busy with it and the streams can't tell.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { forgetRuns } from "./event_stream_run.ts";

/** What is written to in a round. */
export interface RoundMember {
  /** Writes what waits. */
  write(): void;
}

/** What the platform takes at the least to write to one stream. */
const workPerStreamMs = 0.005;

/** The rest after a round is so many times as long as that kept the event loop busy. */
const restFactor = 2;

/** After a round that small there is no rest: a timer takes as long. */
const minRestMs = 2;

/** No event waits longer than this because others were written. */
const maxRestMs = 50;

/** What a timer takes where the event loop has nothing else to do. */
const timerMs = 1;

/**
 * Streams that were given something. A round writes to all of them, at the end
 * of the turn.
 *
 * With a clock, a large round is followed by a rest, and what comes in that time
 * goes out together. That is for streams that a platform writes: it takes each
 * chunk at once, does the work later, and does not tell when. The work hardly
 * depends on how long a chunk is, so that few long ones cost much less.
 */
export class EventStreamTurns implements DeadlineEntry {
  dueAt = 0;
  position = -1;
  readonly holds = false;
  readonly #clock: Clock | undefined;
  readonly #onTurnEnd = (): void => this.#writeRound();
  #streams = 0;
  #waiting: RoundMember[] = [];
  #state: "idle" | "working" | "resting" = "idle";
  /** The least rest after the last round. */
  #leastRestMs = 0;

  constructor(clock?: Clock) {
    this.#clock = clock;
  }

  /** Whether what is added waits for longer than this turn. */
  get isResting(): boolean {
    return this.#state !== "idle";
  }

  /** There is a stream more. */
  join(): void {
    this.#streams++;
  }

  /** There is a stream less. The last one leaves no timer behind. */
  leave(): void {
    if (--this.#streams > 0) return;
    if (this.#clock !== undefined) deadlinesOf(this.#clock).remove(this);
    this.#state = "idle";
    this.#waiting = [];
  }

  /** Has a stream written to: at the end of this turn, or of the rest. */
  add(stream: RoundMember): void {
    if (this.#waiting.push(stream) === 1 && this.#state === "idle") queueMicrotask(this.#onTurnEnd);
  }

  /** The event loop has come back from the round, or the rest is over. */
  expire(): void {
    const clock = this.#clock!;
    if (this.#state === "working") {
      const busyMs = clock.now() - this.dueAt - timerMs;
      const restMs = Math.max(busyMs * restFactor, this.#leastRestMs);
      return this.#wait(clock, "resting", Math.min(restMs, maxRestMs));
    }
    this.#state = "idle";
    this.#writeRound();
  }

  #writeRound(): void {
    const streams = this.#waiting;
    this.#waiting = [];
    const clock = this.#clock;
    this.#leastRestMs = streams.length * workPerStreamMs * restFactor;
    if (clock !== undefined && this.#leastRestMs >= minRestMs) this.#wait(clock, "working", 0);
    for (const stream of streams) stream.write();
    forgetRuns();
  }

  #wait(clock: Clock, state: "working" | "resting", ms: number): void {
    this.#state = state;
    this.dueAt = clock.now() + ms;
    deadlinesOf(clock).add(this);
  }
}

const turns = new WeakMap<Clock, EventStreamTurns>();

/** The turns of the streams on one clock that a platform writes. */
export function turnsOf(clock: Clock): EventStreamTurns {
  let found = turns.get(clock);
  if (found === undefined) turns.set(clock, found = new EventStreamTurns(clock));
  return found;
}
