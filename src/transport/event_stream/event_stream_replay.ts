/**
 * ReplayBuffer: the last events of a stream, for readers that come back.
 *
 * @module
 */

import { integer, readOptions } from "../../core/options.ts";
import type { EventMessage } from "../../framing/event_stream/event_stream_events.ts";
import { encodeEvent } from "../../framing/event_stream/event_stream_writer.ts";

/**
 * Options of {@linkcode ReplayBuffer}.
 *
 * @example
 * ```ts
 * import { ReplayBuffer, type ReplayBufferOptions } from "@wireway/wireway";
 * const options: ReplayBufferOptions = { maxEvents: 200 };
 * new ReplayBuffer(options);
 * ```
 */
export interface ReplayBufferOptions {
  /** How many events are kept. @default {1000} */
  maxEvents?: number;
  /** How many bytes of events are kept. @default {1048576} 1 MiB */
  maxBytes?: number;
}

/**
 * What a reader missed.
 *
 * @example
 * ```ts
 * import { type Replay, ReplayBuffer } from "@wireway/wireway";
 * const replay: Replay = new ReplayBuffer().after("7");
 * console.log(replay.complete ? replay.events.length : "events are missing");
 * ```
 */
export interface Replay {
  /** Whether these are all. Where they are not, the id is older than what is kept, or nobody knows it. */
  readonly complete: boolean;
  /** The events after the id, oldest first; all that are kept, where the id is not known. */
  readonly events: readonly Uint8Array[];
}

interface KeptEvent {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/**
 * Keeps the last events of one stream, encoded, so that readers who lost their
 * connection get what they missed. Past a limit the oldest are forgotten. One
 * buffer serves all readers of the stream: add each event to it once, and send
 * the bytes that come back to everybody.
 *
 * A {@linkcode Topic} has all of that built in. This is for event streams that
 * are not published to many, and for ids that come from elsewhere.
 *
 * Errors: `invalid-option`; out of `add()` `invalid-request`.
 *
 * @example An answer that survives a lost connection
 * ```ts
 * import { type EventStream, eventStream, ReplayBuffer } from "@wireway/wireway";
 * const replay = new ReplayBuffer();
 * const readers = new Set<EventStream>();
 * const tell = (data: string): void => {
 *   const bytes = replay.add({ data });
 *   for (const reader of readers) reader.send(bytes);
 * };
 * const handler = (request: Request): Response =>
 *   eventStream(request, (events) => {
 *     readers.add(events);
 *     return { [Symbol.dispose]: () => void readers.delete(events) };
 *   }, { replay });
 * ```
 */
export class ReplayBuffer {
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  /** The events; those before `#head` are forgotten. */
  #events: (KeptEvent | undefined)[] = [];
  #head = 0;
  /** The number of the event at `#head`. */
  #firstNumber = 1;
  /** The number of each event that is kept, by its id. */
  readonly #numbers: Map<string, number> = new Map();
  #bytes = 0;
  #run: string | undefined = undefined;

  /** Makes an empty buffer. */
  constructor(options: ReplayBufferOptions = {}) {
    const { maxEvents, maxBytes } = readOptions("ReplayBuffer", options, {
      maxEvents: integer(1000, 1, 0x3fff_ffff),
      maxBytes: integer(1024 * 1024, 1, 0x7fff_ffff),
    });
    this.#maxEvents = maxEvents;
    this.#maxBytes = maxBytes;
  }

  /** How many events are kept. */
  get size(): number {
    return this.#events.length - this.#head;
  }

  /** How many bytes they have. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Keeps an event and returns it encoded. An event without an id gets one that
   * no other buffer gives out, so that a reader who comes back after a restart
   * learns of the gap.
   */
  add(event: EventMessage): Uint8Array {
    const number = this.#firstNumber + this.size;
    const id = event.id ?? `${this.#run ??= newRun()}-${number}`;
    const bytes = encodeEvent(event.id === undefined ? { ...event, id } : event);
    this.#events.push({ id, bytes });
    this.#numbers.set(id, number);
    this.#bytes += bytes.length;
    while (this.size > this.#maxEvents || this.#bytes > this.#maxBytes) this.#forget();
    return bytes;
  }

  /** What came after the event with this id. */
  after(id: string): Replay {
    const number = this.#numbers.get(id);
    const from = number === undefined ? this.#head : this.#head + number - this.#firstNumber + 1;
    const events = this.#events.slice(from).map((event) => event!.bytes);
    return { complete: number !== undefined, events };
  }

  #forget(): void {
    const { id, bytes } = this.#events[this.#head]!;
    this.#events[this.#head++] = undefined;
    this.#bytes -= bytes.length;
    // Where an id was used twice, it stands for the later event.
    if (this.#numbers.get(id) === this.#firstNumber) this.#numbers.delete(id);
    this.#firstNumber++;
    if (this.#head > 64 && this.#head > this.#events.length >> 1) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** What tells the ids of one run from those of another. Made when it is needed: on the edge not every module may. */
function newRun(): string {
  return Math.floor(Math.random() * 2 ** 40).toString(36);
}
