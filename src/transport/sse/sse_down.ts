/**
 * The body of one stream of events, between the channel that has them and
 * whoever writes them.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { Alarm } from "./sse_alarm.ts";

const encoder = new TextEncoder();

/** The channel that a stream belongs to. */
export interface DownSource {
  /** The next chunk, or nothing for now. */
  takeChunk(): Uint8Array<ArrayBuffer> | undefined;
  /** The reader of a stream has gone. */
  streamLost(down: SseDown): void;
}

/** The body of one stream: whoever writes it takes chunks as its reader takes them. */
export class SseDown {
  /** Told when there may be something to take, or the state has changed. */
  ready: () => void = () => {};
  readonly #channel: DownSource;
  readonly #late: Alarm;
  readonly #lingerMs: number;
  #state: "open" | "ending" | "dropped" | "over" = "open";
  /** What is left to say when the channel has let this stream go. */
  #last = "";

  /** `lingerMs` is how long a reader that is behind has for the rest, at the end. */
  constructor(channel: DownSource, clock: Clock, lingerMs: number) {
    this.#channel = channel;
    this.#lingerMs = lingerMs;
    this.#late = new Alarm(clock, () => this.drop());
  }

  /** Whether the body is over when everything was taken. */
  get ending(): boolean {
    return this.#state === "ending";
  }

  /** Whether it is to be cut off, whatever was not written. */
  get dropped(): boolean {
    return this.#state === "dropped";
  }

  /** The next chunk, or nothing for now. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#state === "open") return this.#channel.takeChunk();
    const last = this.#last;
    this.#last = "";
    return last === "" ? undefined : encoder.encode(last);
  }

  /** The writer has written all, or its reader has gone. */
  written(): void {
    const wasOpen = this.#state === "open";
    this.#state = "over";
    this.#late.clear();
    if (wasOpen) this.#channel.streamLost(this);
  }

  /** The channel lets it go: what is given is said yet, and then it ends. */
  end(last = ""): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#last = last;
    this.#late.set(this.#lingerMs);
    this.ready();
  }

  /** The channel lets it go, and its reader is most likely gone. */
  drop(): void {
    if (this.#state !== "open" && this.#state !== "ending") return;
    this.#state = "dropped";
    this.ready();
    this.written();
  }
}
