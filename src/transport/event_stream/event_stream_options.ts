/**
 * The options of event streams and what a stream offers, in both forms: mounted
 * on somebody else's server, and on our own sockets.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import type { TransportError } from "../../core/errors.ts";
import { duration, given, integer, oneOf, type OptionRule } from "../../core/options.ts";
import type { EventMessage } from "../../framing/event_stream/event_stream_events.ts";
import type { ReplayBuffer } from "./event_stream_replay.ts";

/**
 * Options of {@linkcode eventStream}.
 *
 * @example
 * ```ts
 * import { eventStream, type EventStreamOptions } from "@wireway/wireway";
 * const options: EventStreamOptions = { retryMs: 2000, overflow: "close" };
 * const handler = (request: Request): Response => eventStream(request, (events) => void events.send({ data: "x" }), options);
 * ```
 */
export interface EventStreamOptions {
  /** How long a reader shall wait before it reconnects, in milliseconds. Default: the reader's own, about 3 seconds. */
  retryMs?: number;
  /** A comment is sent when nothing else was for this long, in milliseconds; `Infinity` for never. @default {15000} */
  heartbeatMs?: number;
  /** Past this many bytes that wait, `send()` returns a promise. @default {65536} 64 KiB */
  highWaterBytes?: number;
  /**
   * The most bytes that wait for a reader that is slow, beside what the
   * platform buffers (`Deno.serve`: some MB). What is replayed comes on top.
   * @default {1048576} 1 MiB
   */
  maxBufferedBytes?: number;
  /**
   * What happens past it: `drop-oldest` drops the events that have waited
   * longest and tells the reader by an event `gap`; `close` cuts the
   * connection, so that the reader comes back and resumes.
   * @default {"drop-oldest"}
   */
  overflow?: "drop-oldest" | "close";
  /** Where a reader who comes back gets what was missed. Default: nothing is replayed. */
  replay?: ReplayBuffer;
  /** The id to resume after. Default: what the request says in `Last-Event-ID`. */
  lastEventId?: string;
  /** Further headers of the response. `content-type` stays what it must be. */
  headers?: HeadersInit;
  /** Times the heartbeat. @default {systemClock} */
  clock?: Clock;
}

/**
 * One reader's stream of events. Its functions may be passed on by themselves.
 *
 * @example
 * ```ts
 * import type { EventStream } from "@wireway/wireway";
 * async function count({ send, signal }: EventStream): Promise<void> {
 *   for (let i = 0; i < 1_000_000 && !signal.aborted; i++) await send({ id: `${i}`, data: `${i}` });
 * }
 * ```
 */
export interface EventStream {
  /** The id of the last event that the reader has seen; empty where it is new. */
  readonly lastEventId: string;
  /** Bytes that wait for the reader. */
  readonly bufferedBytes: number;
  /** Events that were dropped because the reader is slow. */
  readonly dropped: number;
  /** Aborts when the stream is over: pass it to what makes the events. */
  readonly signal: AbortSignal;
  /** Resolves when the stream is over, with an error where it was not the reader or `close()` that ended it. */
  readonly closed: Promise<TransportError | undefined>;
  /**
   * Sends an event, or one that {@linkcode encodeEvent} has encoded, whose
   * bytes must not be changed afterwards. What is sent in one turn goes out as
   * one chunk, and of several turns where {@linkcode eventStream} rests.
   *
   * Returns a promise past the high-water mark, resolved when there is room
   * again. Throws `closed` after the end, `invalid-request` for an event that
   * can't be written, `message-too-large` for one that could never wait.
   */
  readonly send: (event: EventMessage | Uint8Array) => void | Promise<void>;
  /** Sends a comment; does nothing where bytes wait for the reader anyway, and after the end. */
  readonly comment: (text?: string) => void;
  /** Ends the stream when what was sent has gone out. The reader comes back, unless it is answered 204 then. */
  readonly close: () => void;
}

/**
 * Called with each stream at its begin. What it returns says how long the
 * stream lives: a promise, until that has settled (a rejection cuts the
 * connection, and `closed` says why); a `Disposable`, such as the subscription
 * of a {@linkcode Topic}, until the reader leaves, whereupon it is disposed of;
 * nothing, until `close()` or the reader ends it.
 *
 * @example
 * ```ts
 * import type { EventStreamStart } from "@wireway/wireway";
 * const clock: EventStreamStart = ({ send }) => {
 *   const timer = setInterval(() => send({ data: new Date().toISOString() }), 1000);
 *   return { [Symbol.dispose]: () => clearInterval(timer) };
 * };
 * ```
 */
export type EventStreamStart = (events: EventStream) => void | Disposable | Promise<void>;

/** The settings that an event stream works by, checked and complete. */
export interface EventStreamSettings {
  readonly retryMs: number | undefined;
  readonly heartbeatMs: number;
  readonly highWaterBytes: number;
  readonly maxBufferedBytes: number;
  readonly overflow: "drop-oldest" | "close";
  readonly replay: ReplayBuffer | undefined;
  readonly clock: Clock;
}

/** How the options are read. Made once: there is a call for each connection. */
export const eventStreamRules = {
  retryMs: integer(undefined, 0, 0x7fff_ffff),
  heartbeatMs: duration(15_000, 1),
  highWaterBytes: integer(64 * 1024, 0, 0x7fff_ffff),
  maxBufferedBytes: integer(1024 * 1024, 1, 0x7fff_ffff),
  overflow: oneOf("drop-oldest", ["drop-oldest", "close"]),
  replay: given<ReplayBuffer | undefined>(undefined, "an object"),
  lastEventId: {
    allowed: "a text",
    fallback: undefined as string | undefined,
    accepts: (value: unknown) => typeof value === "string",
  },
  headers: given<HeadersInit | undefined>(undefined, "an object"),
  clock: given<Clock>(systemClock, "an object"),
} satisfies Record<string, OptionRule<unknown>>;

/** What readers and proxies need. */
const neededFields = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  // nginx, and what is built on it, would otherwise collect the events.
  "x-accel-buffering": "no",
};

/** The fields of the response: those given, and those needed. */
export function eventStreamFields(given: HeadersInit | undefined): HeadersInit {
  if (given === undefined) return neededFields;
  const headers = new Headers(given);
  for (const [name, value] of Object.entries(neededFields)) {
    if (name === "content-type" || !headers.has(name)) headers.set(name, value);
  }
  return headers;
}

/** The id in a field `Last-Event-ID`: browsers write it as UTF-8, and a value has a character for each byte. */
export function lastEventIdOf(value: string): string {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(value)) return value;
  return new TextDecoder().decode(Uint8Array.from(value, (character) => character.charCodeAt(0)));
}
