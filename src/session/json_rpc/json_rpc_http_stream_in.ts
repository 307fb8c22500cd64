/**
 * Streams behind a request over HTTP, as they come in: a body of lines, of
 * which the first is the request, and each other an item or the end.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import { errorOf, tooLarge } from "./json_rpc_errors.ts";
import { LineReader, LineTooLong } from "./json_rpc_http_lines.ts";
import { IncomingStream } from "./json_rpc_incoming.ts";
import { Fault, parse, textOfMessage } from "./json_rpc_parse.ts";

/** What it takes of the settings of the answering end. */
export interface RequestItemsSettings {
  readonly maxMessageBytes: number;
  readonly maxDepth: number;
  readonly clock: Clock;
}

/** What a line after the first may say. */
interface ItemLine {
  readonly item?: unknown;
  readonly end?: unknown;
  readonly error?: unknown;
}

const over: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Whether a body is of such lines. */
export function isLines(contentType: string | null): boolean {
  return /^\s*application\/x-ndjson\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?$/i.test(contentType ?? "");
}

/** The items behind one request. Nothing of the body is read before it is asked for. */
export class RequestItems extends IncomingStream {
  readonly #settings: RequestItemsSettings;
  readonly #lines: LineReader;
  /** A generator, since it has those wait in line who ask before the last one was answered. */
  readonly #items: AsyncGenerator<unknown, undefined>;
  #line = 1;
  #stopped = false;
  #reason: TransportError | undefined = undefined;

  constructor(body: ReadableStream<Uint8Array> | null, settings: RequestItemsSettings) {
    super(settings.clock);
    this.#settings = settings;
    this.#lines = new LineReader(body, settings.maxMessageBytes);
    this.#items = this.#read();
  }

  /** The request: the first line, empty where there is none. Rejects with `message-too-large`. */
  async head(): Promise<Uint8Array> {
    try {
      return await this.#lines.next() ?? new Uint8Array(0);
    } catch (error) {
      throw error instanceof LineTooLong ? this.#tooLong(error, "no") : error;
    }
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    return this.#items.next();
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.stop(undefined);
    return Promise.resolve(over);
  }

  /** The call was answered: nobody should read any more. */
  answered(): void {
    this.stop(new TransportError("cancelled", "Stream ended: its call has been answered", { processed: "maybe" }));
  }

  /** Takes no more. Whoever still reads is given the reason, or finds the end. */
  stop(reason: TransportError | undefined): void {
    if (!this.#stopped) {
      this.#stopped = true;
      if (!this.over) this.#reason = reason;
    }
    this.finished();
    this.#lines.cancel();
  }

  cancelled(reason: TransportError): void {
    this.stop(reason);
  }

  async *#read(): AsyncGenerator<unknown, undefined> {
    try {
      for (;;) {
        const line = await this.#next();
        if (line === undefined) return;
        yield line.item;
      }
    } finally {
      this.finished();
    }
  }

  /** The next item; undefined at the end. Whatever goes wrong is the end of the body, too. */
  async #next(): Promise<ItemLine | undefined> {
    let bytes: Uint8Array | undefined;
    let error: unknown;
    try {
      bytes = await this.#lines.next();
    } catch (thrown) {
      error = thrown;
    }
    if (this.#stopped) {
      if (this.#reason !== undefined) throw this.#reason;
      return undefined;
    }
    this.#line++;
    try {
      if (error instanceof LineTooLong) throw this.#tooLong(error, "maybe");
      if (error !== undefined) throw TransportError.from(error, "connection-lost", { processed: "maybe" });
      const line = this.#itemOf(bytes);
      if (line !== undefined) return line;
    } catch (error) {
      this.#lines.cancel();
      throw error;
    }
    this.#lines.finish();
    return undefined;
  }

  #itemOf(bytes: Uint8Array | undefined): ItemLine | undefined {
    if (bytes === undefined) throw this.#cut();
    const text = textOfMessage(bytes);
    const value = text instanceof Fault ? text : parse(text, this.#settings.maxDepth);
    if (value instanceof Fault) {
      // What a connection that ended has left of a line.
      if (this.#lines.ended) throw this.#cut();
      throw this.#refused(`${JSON.parse(value.error).data.details.reason}`);
    }
    if (typeof value !== "object" || value === null) throw this.#refused("it is no object");
    const line = value as ItemLine;
    if (line.item !== undefined) return line;
    if (line.end === true) return undefined;
    if (line.error !== undefined) throw errorOf(line.error);
    throw this.#refused("it has neither an item, nor an error, nor the end");
  }

  #refused(why: string): TransportError {
    const line = this.#line;
    return new TransportError("invalid-request", `Line ${line} of the request refused: ${why}`, {
      processed: "maybe",
      details: { line },
    });
  }

  #cut(): TransportError {
    const why = `Stream lost: the request ended before it did, at line ${this.#line}`;
    return new TransportError("connection-lost", why, { processed: "maybe" });
  }

  #tooLong({ bytes }: LineTooLong, processed: "no" | "maybe"): TransportError {
    const { message, code, details } = tooLarge(bytes, this.#settings.maxMessageBytes);
    const why = processed === "no" ? message : `Line ${this.#line} of the request is too long: ${message}`;
    return new TransportError(code, why, { processed, details });
  }
}
