/**
 * Events in a row that wait for many readers at a time, joined once for all of
 * them.
 *
 * @module
 */

import { joinBytes } from "../../util/join_bytes.ts";

/**
 * An event that waits, with those before it. A reader that has nothing waiting
 * begins a run with the event it is given, and moves on along it with each
 * further one. Readers that are given the same events, as those of a topic are,
 * thus come to stand at the same place, without a list of their own.
 */
export class EventRun {
  /** Bytes up to here. */
  readonly bytes: number;
  readonly event: Uint8Array;
  readonly #before: EventRun | undefined;
  /** Where the last reader that was here went. */
  #next: EventRun | undefined = undefined;
  #joined: Uint8Array | undefined = undefined;

  constructor(event: Uint8Array, before: EventRun | undefined) {
    this.event = event;
    this.#before = before;
    this.bytes = (before?.bytes ?? 0) + event.length;
  }

  /** This run and one event more. */
  with(event: Uint8Array): EventRun {
    const next = this.#next;
    if (next !== undefined && next.event === event) return next;
    return this.#next = new EventRun(event, this);
  }

  /** The events, oldest first. */
  events(): Uint8Array[] {
    const events = [this.event];
    for (let run = this.#before; run !== undefined; run = run.#before) events.push(run.event);
    return events.reverse();
  }

  /** The bytes of all of them: the event itself where there is one. */
  join(): Uint8Array {
    return this.#joined ??= this.#before === undefined ? this.event : joinBytes(this.events());
  }
}

/** The run that was begun last: the next reader most likely gets the same event. */
let begun: EventRun | undefined;

/** A run of one event. */
export function beginRun(event: Uint8Array): EventRun {
  return begun !== undefined && begun.event === event ? begun : (begun = new EventRun(event, undefined));
}

/** Lets go of the run that was begun last, when all readers have been written to. */
export function forgetRuns(): void {
  begun = undefined;
}
