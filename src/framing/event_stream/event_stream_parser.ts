/**
 * Finds the events in a stream of `text/event-stream` (HTML standard, 9.2.6).
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { integer, readOptions } from "../../core/options.ts";
import type { EventStreamSink } from "./event_stream_events.ts";
import { find, isData, utf8Length } from "./event_stream_text.ts";

/**
 * Options of {@linkcode EventStreamParser}.
 *
 * @example
 * ```ts
 * import { EventStreamParser, type EventStreamParserOptions } from "@wireway/wireway";
 * const options: EventStreamParserOptions = { maxEventBytes: 64 * 1024, lastEventId: "7" };
 * new EventStreamParser({ event: console.log }, options);
 * ```
 */
export interface EventStreamParserOptions {
  /** The longest line and the most data of one event, in bytes. @default {1048576} 1 MiB */
  maxEventBytes?: number;
  /** The id that holds before the stream has named one: where a client resumes. @default {""} */
  lastEventId?: string;
}

const byteOrderMark = 0xfeff;
const lineFeed = 10;
const carriageReturn = 13;
const space = 32;
const colon = 58;
const letterD = 100;
const letterI = 105;

const streaming = { stream: true };

/**
 * A push parser of event streams: give it bytes as they come, and it calls
 * `sink` with the events in them, before `push()` returns. It keeps the
 * unfinished line and the unfinished event, nothing else; both are bounded.
 *
 * Errors, out of `push()`: `message-too-large`; `closed` after an error, its
 * own or one that the sink threw, until `reset()`. Out of the constructor:
 * `invalid-option`.
 *
 * @example
 * ```ts
 * import { EventStreamParser } from "@wireway/wireway";
 * const parser = new EventStreamParser({ event: ({ event, data, id }) => console.log(event, data, id) });
 * const response = await fetch("http://127.0.0.1:8000/prices");
 * for await (const chunk of response.body!) parser.push(chunk);
 * ```
 */
export class EventStreamParser {
  readonly #sink: EventStreamSink;
  readonly #maxBytes: number;
  /** A text of up to this many characters is within the limit whatever they are: it need not be counted. */
  readonly #surelyAllowed: number;
  /** Decoding a whole chunk costs less than to look for lines in its bytes. */
  #decoder: TextDecoder = newDecoder();
  /** Whether no character has come yet: the first one may be a byte order mark. */
  #first = true;
  #usable = true;
  /** The line whose end has not come. */
  #rest = "";
  /** How many bytes it has; not counted before it may be over the limit. */
  #restBytes = -1;
  /** Pieces that the rest was put together from since it was last made one. */
  #restPieces = 0;
  /** Whether the last character was a carriage return: a line feed that follows belongs to it. */
  #afterReturn = false;
  #type = "";
  /** The data so far; none where there was no data field. */
  #data: string | undefined = undefined;
  /** How many bytes it has; not counted before it may be over the limit. */
  #dataBytes = -1;
  /** The id that holds from the next empty line on. */
  #id: string;
  #lastEventId: string;

  /** Makes the parser of one stream. */
  constructor(sink: EventStreamSink, options: EventStreamParserOptions = {}) {
    const { maxEventBytes, lastEventId } = readOptions("EventStreamParser", options, {
      maxEventBytes: integer(1024 * 1024, 1, 0x0fff_ffff),
      lastEventId: { allowed: "a text", fallback: "", accepts: (value) => typeof value === "string" },
    });
    this.#sink = sink;
    this.#maxBytes = maxEventBytes;
    this.#surelyAllowed = Math.floor(maxEventBytes / 3);
    this.#lastEventId = this.#id = lastEventId;
  }

  /** What a client says in `Last-Event-ID` when it reconnects; empty where there is nothing to say. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** Begins with a new stream, after an error too: drops what was unfinished and keeps the last event id. */
  reset(): void {
    this.#decoder = newDecoder();
    this.#first = true;
    this.#usable = true;
    this.#rest = "";
    this.#restBytes = -1;
    this.#restPieces = 0;
    this.#afterReturn = false;
    this.#type = "";
    this.#data = undefined;
    this.#dataBytes = -1;
    this.#id = this.#lastEventId;
  }

  /** Takes the next bytes of the stream. They are the caller's again when it returns. */
  push(chunk: Uint8Array): void {
    if (!this.#usable) throw new TransportError("closed", "Cannot parse event stream: an error has ended it");
    this.#usable = false;
    const text = this.#decoder.decode(chunk, streaming);
    if (text !== "") this.#lines(text);
    this.#usable = true;
  }

  #lines(text: string): void {
    const { length } = text;
    const skips = this.#first
      ? text.charCodeAt(0) === byteOrderMark
      : this.#afterReturn && text.charCodeAt(0) === lineFeed;
    let at = skips ? 1 : 0;
    this.#first = false;
    this.#afterReturn = text.charCodeAt(length - 1) === carriageReturn;
    let feed = find(text, "\n", at);
    let carriage = find(text, "\r", at);
    while (feed < length || carriage < length) {
      const stop = Math.min(feed, carriage);
      if (this.#rest !== "") {
        const line = this.#rest + text.slice(at, stop);
        this.#rest = "";
        this.#restBytes = -1;
        this.#restPieces = 0;
        this.#line(line, 0, line.length);
      } else if (stop === at) {
        this.#dispatch();
      } else {
        this.#line(text, at, stop);
      }
      at = stop + 1;
      if (stop === carriage) {
        if (at === feed) at++;
        carriage = find(text, "\r", at);
      }
      if (feed < at) feed = text.charCodeAt(at) === lineFeed ? at : find(text, "\n", at);
    }
    if (at < length) this.#keep(at === 0 ? text : text.slice(at));
  }

  /** Keeps what belongs to a line whose end has not come. */
  #keep(text: string): void {
    const rest = this.#rest + text;
    if (rest.length > this.#surelyAllowed) {
      this.#restBytes = this.#restBytes < 0 ? utf8Length(rest, 0) : this.#restBytes + utf8Length(text, 0);
      this.#check("line", this.#restBytes);
    }
    this.#rest = rest;
    // A text that is put together keeps its pieces, each many times the size of a character, until it is searched.
    if (++this.#restPieces > 64 + (rest.length >> 4)) {
      // There is none: the search is for its side effect, and its result for that it is not left out.
      this.#restPieces = rest.indexOf("\n") + 1;
    }
  }

  #line(text: string, start: number, end: number): void {
    if (start === end) return this.#dispatch();
    if (end - start > this.#surelyAllowed) this.#check("line", utf8Length(text, start, end));
    // Comparing characters costs a fraction of startsWith(), and nearly all lines are of these two kinds.
    const first = text.charCodeAt(start);
    if (first === letterD && text.charCodeAt(start + 4) === colon && isData(text, start)) {
      this.#append(text.slice(text.charCodeAt(start + 5) === space ? start + 6 : start + 5, end));
    } else if (first === letterI && text.charCodeAt(start + 2) === colon && text.charCodeAt(start + 1) === letterD) {
      this.#identify(text.slice(text.charCodeAt(start + 3) === space ? start + 4 : start + 3, end));
    } else {
      this.#field(text.slice(start, end));
    }
  }

  #append(line: string): void {
    const data = this.#data === undefined ? line : `${this.#data}\n${line}`;
    if (data.length > this.#surelyAllowed) {
      this.#dataBytes = this.#dataBytes < 0 ? utf8Length(data, 0) : this.#dataBytes + 1 + utf8Length(line, 0);
      this.#check("data", this.#dataBytes);
    }
    this.#data = data;
  }

  #identify(id: string): void {
    if (!id.includes("\0")) this.#id = id;
  }

  #field(line: string): void {
    const at = line.indexOf(":");
    if (at === 0) {
      this.#sink.comment?.(line.slice(1));
      return;
    }
    const value = at < 0 ? "" : line.slice(line.charCodeAt(at + 1) === space ? at + 2 : at + 1);
    switch (at < 0 ? line : line.slice(0, at)) {
      case "event":
        this.#type = value;
        break;
      case "data":
        this.#append(value);
        break;
      case "id":
        this.#identify(value);
        break;
      case "retry":
        if (/^[0-9]+$/.test(value)) this.#sink.retry?.(Math.min(Number(value), Number.MAX_SAFE_INTEGER));
        break;
    }
  }

  #dispatch(): void {
    this.#lastEventId = this.#id;
    const type = this.#type;
    const data = this.#data;
    this.#type = "";
    if (data === undefined) return;
    this.#data = undefined;
    this.#dataBytes = -1;
    this.#sink.event({ event: type === "" ? "message" : type, data, id: this.#lastEventId });
  }

  #check(what: "line" | "data", bytes: number): void {
    if (bytes > this.#maxBytes) throw tooLarge(what, bytes, this.#maxBytes);
  }
}

/** Deno's own handling of the mark takes one off every chunk (2.9.6), and it must be off the first alone. */
function newDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}

function tooLarge(what: "line" | "data", bytes: number, maxBytes: number): TransportError {
  return new TransportError(
    "message-too-large",
    `Event refused: its ${what} has ${bytes} bytes or more, ${maxBytes} are allowed`,
    { details: { bytes, maxBytes } },
  );
}
