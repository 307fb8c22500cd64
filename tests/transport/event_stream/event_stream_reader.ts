/**
 * Reads event streams chunk by chunk, as slowly as a test wants.
 *
 * @module
 */

import { ManualClock } from "../../../mod.ts";
import {
  EventStreamParser,
  type EventStreamParserOptions,
} from "../../../src/framing/event_stream/event_stream_parser.ts";
import {
  type EventStream,
  eventStream,
  type EventStreamOptions,
} from "../../../src/transport/event_stream/event_stream.ts";

/** A request for a stream. */
export const request = (headers: HeadersInit = {}, method = "GET"): Request =>
  new Request("http://127.0.0.1/", { headers, method });

/** Opens a stream and returns both of its ends. */
export function open(
  options: EventStreamOptions = {},
): { events: EventStream; response: Response; clock: ManualClock } {
  const clock = new ManualClock();
  let events!: EventStream;
  const response = eventStream(request(), (stream) => void (events = stream), { clock, ...options });
  return { events, response, clock };
}

/** Lets promise reactions run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await undefined;
}

/** A reader of a response's body. */
export class BodyReader {
  /** The chunks, as text. */
  readonly chunks: string[] = [];
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(response: Response) {
    this.#reader = response.body!.getReader();
  }

  /** The next chunk; `undefined` at the end. */
  async read(): Promise<string | undefined> {
    const { value } = await this.#reader.read();
    if (value === undefined) return undefined;
    const text = new TextDecoder().decode(value);
    this.chunks.push(text);
    return text;
  }

  /** All chunks up to the end. */
  async rest(): Promise<string> {
    let text = "";
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) text += chunk;
    return text;
  }

  /** Leaves. */
  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}

/** Reads all along; what came is in `chunks`. */
export function follow(response: Response): BodyReader {
  const reader = new BodyReader(response);
  reader.rest().catch(() => {});
  return reader;
}

/** Type and data of the events in a text. */
export function eventsIn(text: string, options?: EventStreamParserOptions): string[] {
  const events: string[] = [];
  const parser = new EventStreamParser({ event: ({ event, data }) => events.push(`${event} ${data}`) }, options);
  parser.push(new TextEncoder().encode(text));
  return events;
}
