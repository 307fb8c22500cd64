/**
 * Writes events as `text/event-stream` (HTML standard, 9.2.6).
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { EventMessage } from "./event_stream_events.ts";

const encoder = new TextEncoder();

/**
 * An event as bytes: encode it once and send it to any number of readers.
 *
 * Errors: `invalid-request` for an id, a type or a retry time that can't be
 * written.
 *
 * @example
 * ```ts
 * import { encodeEvent } from "@wireway/wireway";
 * const bytes = encodeEvent({ id: "7", event: "price", data: "17" });
 * ```
 */
export function encodeEvent(event: EventMessage): Uint8Array<ArrayBuffer> {
  return encoder.encode(formatEvent(event));
}

/**
 * A comment as bytes: nothing that a client shows, but it keeps the connection
 * from looking dead.
 *
 * @example
 * ```ts
 * import { encodeComment } from "@wireway/wireway";
 * const heartbeat = encodeComment();
 * ```
 */
export function encodeComment(text = ""): Uint8Array<ArrayBuffer> {
  return encoder.encode(formatComment(text));
}

/**
 * Encodes messages of a {@linkcode Topic} as events: what {@linkcode eventEncoding} makes.
 *
 * @example
 * ```ts
 * import { type EventEncoding, eventEncoding } from "@wireway/wireway";
 * const encoding: EventEncoding<string> = eventEncoding((text) => ({ data: text }));
 * ```
 */
export interface EventEncoding<T> {
  /** A message as an event with this id. */
  encode(message: T, id: string): Uint8Array;
  /** An event named `gap`. */
  gap(missed: number | undefined): Uint8Array;
}

/**
 * An encoding for a {@linkcode Topic} whose readers are event streams. Each
 * event gets the message's id, so that a reader can resume.
 *
 * @example
 * ```ts
 * import { eventEncoding, Topic } from "@wireway/wireway";
 * const encodings = { events: eventEncoding((euros: number) => ({ event: "price", data: `${euros}` })) };
 * const prices = new Topic({ encodings });
 * ```
 */
export function eventEncoding<T>(toEvent: (message: T) => EventMessage): EventEncoding<T> {
  return {
    encode: (message, id) => encodeEvent({ ...toEvent(message), id }),
    gap: (missed) => encoder.encode(formatGap(missed)),
  };
}

/** An event as text. Throws `invalid-request`. */
export function formatEvent({ data, event, id, retry }: EventMessage): string {
  let text = "";
  if (event !== undefined && event !== "") {
    if (hasLineEnd(event)) throw refused("type", event, "a line end");
    text = `event: ${event}\n`;
  }
  if (id !== undefined) {
    if (hasLineEnd(id)) throw refused("id", id, "a line end");
    // Clients ignore such an id without a word, and would resume at an earlier event.
    if (id.includes("\0")) throw refused("id", id, "a NUL");
    text += `id: ${id}\n`;
  }
  if (retry !== undefined) {
    if (!Number.isSafeInteger(retry) || retry < 0) {
      throw new TransportError(
        "invalid-request",
        `Cannot send event: its retry time is ${retry}, not whole milliseconds`,
      );
    }
    text += `retry: ${retry}\n`;
  }
  if (data !== undefined) text += hasLineEnd(data) ? lines("data: ", data) : `data: ${data}\n`;
  return `${text}\n`;
}

/** A comment as text. */
export function formatComment(text = ""): string {
  return text === "" ? ":\n\n" : `${lines(": ", text)}\n`;
}

/**
 * What tells a client that events are missing: an event named `gap`, its data
 * the JSON of how many, where that is known. It has no id, so a client that
 * loses the connection right behind it hears of the gap again.
 */
export function formatGap(missed: number | undefined): string {
  return `event: gap\ndata: {"missed":${missed ?? null}}\n\n`;
}

function hasLineEnd(text: string): boolean {
  return text.includes("\n") || text.includes("\r");
}

function lines(prefix: string, text: string): string {
  return `${prefix}${text.split(/\r\n|[\r\n]/).join(`\n${prefix}`)}\n`;
}

function refused(what: string, value: string, cause: string): TransportError {
  return new TransportError(
    "invalid-request",
    `Cannot send event: its ${what} ${
      JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
    } has ${cause}`,
  );
}
