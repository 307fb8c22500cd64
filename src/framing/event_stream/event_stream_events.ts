/**
 * The events of an event stream, as they are sent and as they are received.
 *
 * @module
 */

/**
 * An event to send. Without `data` a client is told the id and the retry time,
 * and sees no event.
 *
 * @example
 * ```ts
 * import type { EventMessage } from "@wireway/wireway";
 * const event: EventMessage = { event: "price", id: "7", data: JSON.stringify({ euros: 17 }) };
 * ```
 */
export interface EventMessage {
  /** The data. It may have several lines; each line end arrives as a line feed. */
  readonly data?: string;
  /** The type, without line ends. A client takes an event without one as `message`. */
  readonly event?: string;
  /** What a client says in `Last-Event-ID` when it comes back, without line ends and NUL. An empty one forgets the last. */
  readonly id?: string;
  /** How long a client shall wait before it reconnects, in whole milliseconds. */
  readonly retry?: number;
}

/**
 * An event as it was received.
 *
 * @example
 * ```ts
 * import type { ReceivedEvent } from "@wireway/wireway";
 * const event: ReceivedEvent = { event: "message", data: "hello", id: "7" };
 * ```
 */
export interface ReceivedEvent {
  /** Its type; `message` where the stream named none. */
  readonly event: string;
  /** Its data; lines are joined by line feeds. */
  readonly data: string;
  /** The id that held when it came: its own, or else that of an earlier event. */
  readonly id: string;
}

/**
 * Takes what an {@linkcode EventStreamParser} finds.
 *
 * @example
 * ```ts
 * import type { EventStreamSink } from "@wireway/wireway";
 * const sink: EventStreamSink = { event: ({ data }) => console.log(data) };
 * ```
 */
export interface EventStreamSink {
  /** An event. */
  event(event: ReceivedEvent): void;
  /** The server asks to wait this many milliseconds before a reconnect. */
  retry?(ms: number): void;
  /** A comment, without its colon: most often a heartbeat. */
  comment?(text: string): void;
}
