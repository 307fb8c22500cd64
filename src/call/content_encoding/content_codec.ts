/**
 * Bodies through the platform's codecs, with a limit on what comes out.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { ContentEncodingStats } from "./content_encoding_stats.ts";
import type { ContentCoding } from "./content_negotiation.ts";

/** What both ends go by. */
export interface ContentEncodingSettings {
  readonly side: "server" | "client";
  readonly codings: readonly ContentCoding[];
  /** Whether this end encodes; with the two limits it may become another while it works. */
  readonly encode: boolean;
  readonly thresholdBytes: number;
  readonly isCompressible: (contentType: string | null) => boolean;
  readonly maxDecodedBytes: number;
  /** Counts what is done. */
  readonly stats: ContentEncodingStats;
}

/** Those of the codings that this platform has; asked with the first call, since nothing may be made at load. */
export function supportedOf({ codings }: ContentEncodingSettings): () => readonly ContentCoding[] {
  let supported: readonly ContentCoding[] | undefined;
  return () => supported ??= codings.filter(isSupported);
}

/** What the platform's streams call a coding. */
const formats: Record<ContentCoding, string> = { br: "brotli", gzip: "gzip", deflate: "deflate" };

/** Whether this runtime can encode and decode it: all can gzip and deflate, not all brotli. */
export function isSupported(coding: ContentCoding): boolean {
  if (coding !== "br") return true;
  try {
    new DecompressionStream(formats.br as CompressionFormat);
    return true;
  } catch {
    return false;
  }
}

/** The coding of a Content-Encoding field; undefined where it is none of these. */
export function knownCoding(field: string, known: readonly ContentCoding[]): ContentCoding | undefined {
  const name = field.trim().toLowerCase();
  return known.find((coding) => coding === (name === "x-gzip" ? "gzip" : name));
}

/** A stream of bytes as the platform's codecs want it. */
type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

/** The body, encoded and counted. What is written in one piece can be read at once on the other side. */
export function encoded(
  body: ReadableStream<Uint8Array>,
  coding: ContentCoding,
  stats: ContentEncodingStats,
): ReadableStream<Uint8Array> {
  stats.compressed++;
  const before = passing(body, (bytes) => stats.bytesBefore += bytes) as Bytes;
  const after = before.pipeThrough(new CompressionStream(formats[coding] as CompressionFormat));
  return passing(after, (bytes) => stats.bytesAfter += bytes);
}

/** The same bytes, told of as they are read. */
function passing(body: ReadableStream<Uint8Array>, tell: (bytes: number) => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      tell(value.length);
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** The body, decoded; it fails past `maxBytes`, before more than a piece beyond them was made. */
export function decoded(
  body: ReadableStream<Uint8Array>,
  coding: ContentCoding,
  maxBytes: number,
): ReadableStream<Uint8Array> {
  let inner: ReadableStreamDefaultReader<Uint8Array> | undefined = undefined;
  // Not before somebody reads: who stands below must be able to tell a body that was forgotten.
  const open = (): ReadableStreamDefaultReader<Uint8Array> =>
    inner ??= (body as Bytes).pipeThrough(new DecompressionStream(formats[coding] as CompressionFormat)).getReader();
  let total = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const { done, value } = await open().read().catch((cause) => {
        throw cause instanceof TransportError ? cause : new TransportError(
          "invalid-request",
          `Cannot decode body: it is not what Content-Encoding says, ${coding}`,
          { cause, details: { status: 400 } },
        );
      });
      if (done) return controller.close();
      total += value.length;
      if (total > maxBytes) {
        const error = new TransportError(
          "message-too-large",
          `Cannot decode body: it has more than ${maxBytes} bytes when decoded`,
          { details: { status: 413 } },
        );
        void open().cancel(error).catch(() => {});
        throw error;
      }
      controller.enqueue(value);
    },
    cancel: (reason) => inner === undefined ? body.cancel(reason) : inner.cancel(reason),
  }, { highWaterMark: 0 });
}

/**
 * The beginning of a body, to see whether it is worth encoding: the whole of it
 * where that comes at once and is short. A body that is slow is not waited for.
 */
export async function peeked(
  body: ReadableStream<Uint8Array>,
  thresholdBytes: number,
): Promise<{ short: boolean; body: ReadableStream<Uint8Array> }> {
  const reader = body.getReader();
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  let next = reader.read();
  let ended = false;
  while (bytes < thresholdBytes) {
    const piece = await soon(next, pieces.length === 0);
    if (piece === undefined) break;
    if (piece.done) {
      ended = true;
      break;
    }
    pieces.push(piece.value);
    bytes += piece.value.length;
    next = reader.read();
  }
  next.catch(() => {});
  const rest = new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const first = pieces.shift();
      if (first !== undefined) return controller.enqueue(first);
      const { done, value } = await next;
      if (done) return controller.close();
      next = reader.read();
      next.catch(() => {});
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
  return { short: ended, body: rest };
}

/** How many turns of promises a piece may take that is there already. */
const turns = 8;

/** The piece, if it is there or comes with the first one; undefined where it takes longer. */
async function soon<T>(reading: Promise<T>, first: boolean): Promise<T | undefined> {
  if (first) return await reading;
  let piece: T | undefined;
  reading.then((value) => void (piece = value), () => {});
  for (let turn = 0; turn < turns && piece === undefined; turn++) await undefined;
  return piece;
}
