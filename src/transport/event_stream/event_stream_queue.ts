/**
 * The events that wait for the reader of one event stream.
 *
 * @module
 */

import { formatGap } from "../../framing/event_stream/event_stream_writer.ts";
import { joinBytes } from "../../util/join_bytes.ts";
import { beginRun, type EventRun } from "./event_stream_run.ts";

/** An event that waits: encoded already, or a text that is encoded together with its neighbours. */
export type WaitingEvent = Uint8Array | string;

/** Events go out together up to this many bytes: a chunk of its own costs as much as copying about 20 KB. */
const maxChunkBytes = 64 * 1024;

const encoder = new TextEncoder();

/**
 * A queue of events that goes out as few chunks. Each event stands in it by
 * itself until then, so that the oldest can be dropped.
 */
export class EventQueue {
  /** Bytes that wait. Of a text that is not encoded yet, each character counts as one. */
  bytes = 0;
  /** How many events were dropped. */
  dropped = 0;
  /** What goes out before the events: the reconnect time, comments. */
  notice = "";
  /** All that waits, where it came encoded and fits into a chunk: most often that of many readers. */
  #run: EventRun | undefined = undefined;
  /** What waits otherwise. */
  #events: (WaitingEvent | undefined)[] = [];
  /** Events before this one have gone. */
  #head = 0;
  /** How many of those dropped the reader has not been told of. */
  #untold = 0;

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.bytes === 0 && this.notice === "";
  }

  /** Adds an event that is not empty. */
  add(event: WaitingEvent): void {
    if (typeof event === "object") {
      const run = this.#run;
      if (run !== undefined) {
        if (run.bytes + event.length <= maxChunkBytes) {
          const longer = this.#run = run.with(event);
          this.bytes = longer.bytes;
          return;
        }
      } else if (this.bytes === 0) {
        this.#run = beginRun(event);
        this.bytes = event.length;
        return;
      }
    }
    if (this.#run !== undefined) this.#spread();
    this.#events.push(event);
    this.bytes += event.length;
  }

  /** Drops the oldest events until there are at most `maxBytes`. The reader is told how many, before the next event. */
  shrink(maxBytes: number): void {
    if (this.#run !== undefined) this.#spread();
    while (this.bytes > maxBytes) {
      this.#shift();
      this.dropped++;
      this.#untold++;
    }
  }

  /** Takes the next chunk. */
  take(): Uint8Array {
    const run = this.#run;
    if (run === undefined || this.notice !== "" || this.#untold > 0) return this.#gather();
    this.#run = undefined;
    this.bytes = 0;
    return run.join();
  }

  #gather(): Uint8Array {
    if (this.#run !== undefined) this.#spread();
    let text = this.notice;
    this.notice = "";
    if (this.#untold > 0) {
      text += formatGap(this.#untold);
      this.#untold = 0;
    }
    const parts: Uint8Array[] = [];
    let left = maxChunkBytes;
    while (left > 0 && this.bytes > 0) {
      const event = this.#shift();
      left -= event.length;
      if (typeof event === "string") {
        text += event;
      } else {
        if (text !== "") parts.push(encoder.encode(text));
        text = "";
        parts.push(event);
      }
    }
    if (text !== "") parts.push(encoder.encode(text));
    return parts.length === 1 ? parts[0] : joinBytes(parts);
  }

  /** Forgets what waits. */
  clear(): void {
    this.#run = undefined;
    this.#events = [];
    this.#head = this.bytes = this.#untold = 0;
    this.notice = "";
  }

  /** Makes a list of the run, to take the events one by one. */
  #spread(): void {
    this.#events = this.#run!.events();
    this.#run = undefined;
    this.#head = 0;
  }

  #shift(): WaitingEvent {
    const events = this.#events;
    const event = events[this.#head]!;
    events[this.#head++] = undefined;
    this.bytes -= event.length;
    if (this.#head === events.length) {
      events.length = this.#head = 0;
    } else if (this.#head > 256 && this.#head > events.length >> 1) {
      this.#events = events.slice(this.#head);
      this.#head = 0;
    }
    return event;
  }
}
