/**
 * Undoing the codings of a response's body.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { textOf } from "../../core/thrown.ts";
import type { HttpFields } from "../../framing/http1/http1_fields.ts";

/** Formats of `DecompressionStream`, by their names in header fields. */
const formats: Readonly<Record<string, string>> = {
  "gzip": "gzip",
  "x-gzip": "gzip",
  "deflate": "deflate",
  "br": "brotli",
};

type Pieces = ReadableStreamDefaultReader<Uint8Array>;

/** The formats to undo, the last one first; undefined where there are none, or one is not known. */
export function codingsOf(fields: HttpFields): string[] | undefined {
  if (!fields.has("content-encoding")) return undefined;
  const codings = fields.tokens("content-encoding").filter((coding) => coding !== "identity").reverse();
  if (codings.length === 0 || codings.length > 3 || codings.some((coding) => !Object.hasOwn(formats, coding))) {
    return undefined;
  }
  return codings.map((coding) => formats[coding]);
}

/** The body that was compressed to `stream`, of which nothing is read before somebody reads this. */
export function decompressed(stream: ReadableStream<Uint8Array>, codings: string[]): ReadableStream<Uint8Array> {
  const told = (error: unknown): TransportError => {
    if (error instanceof TransportError) return error;
    const why = `Response body refused: it is not ${codings.join(", ")}: ${textOf(error)}`;
    return new TransportError("invalid-reply", why, { cause: error });
  };
  const last = codings.length - 1;
  for (let i = 0; i < last; i++) stream = undone(stream, codings[i], (error) => error);
  return undone(stream, codings[last], told);
}

/**
 * Undoes one coding. A body without a byte stays one: servers say how they
 * would have compressed what they have nothing of.
 */
function undone(
  stream: ReadableStream<Uint8Array>,
  coding: string,
  told: (error: unknown) => unknown,
): ReadableStream<Uint8Array> {
  const source = stream.getReader();
  let reader: Pieces | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      try {
        if (reader === undefined) {
          const first = await firstOf(source);
          if (first === undefined) return controller.close();
          // The types of the platform don't know all of its formats.
          const format = (coding === "deflate" ? flavourOf(first) : coding) as CompressionFormat;
          const undoing = new DecompressionStream(format) as ReadableWritablePair<Uint8Array, Uint8Array>;
          reader = behind(first, source).pipeThrough(undoing).getReader();
        }
        await handOn(reader, controller);
      } catch (error) {
        controller.error(told(error));
      }
    },
    cancel: (reason) => (reader ?? source).cancel(reason),
  }, { highWaterMark: 0 });
}

/** The next piece that has a byte. */
async function firstOf(source: Pieces): Promise<Uint8Array | undefined> {
  for (;;) {
    const { done, value } = await source.read();
    if (done || value.length > 0) return value;
  }
}

/** Some servers send deflate without the header of zlib, whose first byte says method 8 (RFC 9110 section 8.4.1.2). */
function flavourOf(first: Uint8Array): string {
  return (first[0] & 0x0f) === 8 ? "deflate" : "deflate-raw";
}

/** A piece, and all that follows it. */
function behind(first: Uint8Array, source: Pieces): ReadableStream<Uint8Array> {
  let next: Uint8Array | undefined = first;
  return new ReadableStream<Uint8Array>({
    pull(controller): Promise<void> | void {
      if (next === undefined) return handOn(source, controller);
      controller.enqueue(next);
      next = undefined;
    },
    cancel: (reason) => source.cancel(reason),
  }, { highWaterMark: 0 });
}

async function handOn(reader: Pieces, controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
  const { done, value } = await reader.read();
  if (done) controller.close();
  else controller.enqueue(value);
}
