/**
 * The events of a stream as they come, until somebody looks at them.
 *
 * @module
 */

import type { ReceivedEvent } from "../../framing/event_stream/event_stream_events.ts";
import { EventStreamParser } from "../../framing/event_stream/event_stream_parser.ts";
import { maxDataBytes } from "../../framing/event_stream/sse_messages.ts";

/** See the module. */
export class SseEvents {
  readonly #parser: EventStreamParser;
  #events: ReceivedEvent[] = [];

  /** Events of messages up to a size. */
  constructor(maxMessageBytes: number) {
    this.#parser = new EventStreamParser({ event: (event) => void this.#events.push(event) }, {
      maxEventBytes: maxDataBytes(maxMessageBytes),
    });
  }

  /** Takes bytes in. Throws `message-too-large`. */
  push(chunk: Uint8Array): void {
    this.#parser.push(chunk);
  }

  /** The events that have come. */
  take(): ReceivedEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Begins with a new stream. */
  reset(): void {
    this.#parser.reset();
    this.#events = [];
  }
}
