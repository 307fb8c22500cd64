/**
 * A response of the platform, made of what came in on a connection.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { textOf } from "../../core/thrown.ts";
import type { HttpFields } from "../../framing/http1/http1_fields.ts";
import type { ResponseHead } from "../../framing/http1/http1_head.ts";
import type { StreamedBody } from "./http_body.ts";
import { keptBytes } from "../../util/kept_bytes.ts";
import { type MakeResponse, type WholeParts, wholeResponses } from "./http_whole_response.ts";

/** A `Response` that says where it came from, which the platform lets only its own `fetch` say. */
class HttpResponse extends Response {
  #url = "";
  #redirected = false;

  /** Notes where it came from. */
  from(url: string, redirected: boolean): this {
    this.#url = url;
    this.#redirected = redirected;
    return this;
  }

  override get url(): string {
    return this.#url;
  }

  override get redirected(): boolean {
    return this.#redirected;
  }

  override clone(): Response {
    const copy = super.clone();
    Object.defineProperties(copy, { url: { value: this.#url }, redirected: { value: this.#redirected } });
    return copy;
  }
}

/** Formats of `DecompressionStream`, by their names in header fields. */
const formats: Readonly<Record<string, string>> = {
  "gzip": "gzip",
  "x-gzip": "gzip",
  "deflate": "deflate",
  "br": "brotli",
};

/** Where a response came from, and what is done about its body. */
export interface ResponseOrigin {
  readonly url: string;
  readonly redirected: boolean;
  readonly method: string;
  readonly decompress: boolean;
}

/** Makes the response. */
export function responseOf(
  head: ResponseHead,
  body: Uint8Array | StreamedBody,
  { url, redirected, method, decompress }: ResponseOrigin,
): Response {
  const { status, reason: statusText, fields } = head;
  const bodiless = status === 204 || status === 205 || status === 304 || method === "HEAD";
  if (bodiless && !(body instanceof Uint8Array)) body.discard();
  const codings = decompress && !bodiless ? codingsOf(fields) : undefined;
  if (bodiless || (codings === undefined && body instanceof Uint8Array)) {
    const bytes = bodiless ? undefined : keptBytes(body as Uint8Array);
    whole ??= wholeResponses(platforms);
    return whole({ status, statusText, url, redirected, fields, bytes });
  }
  const response = new HttpResponse(streamOf(body, codings), { status, statusText }).from(url, redirected);
  const { headers } = response;
  for (let i = 0; i < fields.size; i++) {
    const name = fields.nameAt(i);
    // What is given is neither coded nor so long any more.
    if (codings !== undefined && (name === "content-encoding" || name === "content-length")) continue;
    headers.append(name, fields.valueAt(i));
  }
  return response;
}

/** How responses are made that are whole; undefined as long as none was. */
let whole: MakeResponse | undefined = undefined;

/** The platform's response of one that is whole. */
function platforms({ status, statusText, url, redirected, fields, bytes }: WholeParts): Response {
  const response = new HttpResponse(bytes, { status, statusText }).from(url, redirected);
  const { headers } = response;
  for (let i = 0; i < fields.size; i++) headers.append(fields.nameAt(i), fields.valueAt(i));
  return response;
}

/** The formats to undo, the last one first; undefined where there are none, or one is not known. */
function codingsOf(fields: HttpFields): string[] | undefined {
  if (!fields.has("content-encoding")) return undefined;
  const codings = fields.tokens("content-encoding").filter((coding) => coding !== "identity").reverse();
  if (codings.length === 0 || codings.length > 3 || codings.some((coding) => !Object.hasOwn(formats, coding))) {
    return undefined;
  }
  return codings.map((coding) => formats[coding]);
}

function streamOf(
  body: Uint8Array | StreamedBody,
  codings: string[] | undefined,
): ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) {
    // The memory is the connection's, which uses it again.
    return body.length === 0 ? body.slice() : decompressed(ReadableStream.from([body.slice()]), codings!);
  }
  const begun = (): void => {
    body.unread = false;
  };
  const stream = codings === undefined ? body.open() : decompressed(body.open(true), codings, begun);
  body.watch(stream);
  return stream;
}

function decompressed(
  stream: ReadableStream<Uint8Array>,
  codings: string[],
  begun?: () => void,
): ReadableStream<Uint8Array> {
  for (const coding of codings) {
    // The types of the platform don't know all of its formats.
    const undone = new DecompressionStream(coding as CompressionFormat);
    stream = stream.pipeThrough(undone as ReadableWritablePair<Uint8Array, Uint8Array>);
  }
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      begun?.();
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        const why = `Response body refused: it is not ${codings.join(", ")}: ${textOf(error)}`;
        controller.error(
          error instanceof TransportError ? error : new TransportError("invalid-reply", why, { cause: error }),
        );
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
