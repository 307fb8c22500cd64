/**
 * A response of the platform, made of what came in on a connection.
 *
 * @module
 */

import type { ResponseHead } from "../../framing/http1/http1_head.ts";
import type { StreamedBody } from "./http_body.ts";
import { codingsOf, decompressed } from "./http_decompress.ts";
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

  override get type(): ResponseType {
    return "basic";
  }

  override clone(): Response {
    return copied(super.clone(), this);
  }
}

/** A clone that says the same, as its own clones do. */
function copied(copy: Response, { url, redirected, type }: Response): Response {
  const clone = (): Response => copied(Response.prototype.clone.call(copy), copy);
  return Object.defineProperties(copy, {
    url: { value: url },
    redirected: { value: redirected },
    type: { value: type },
    clone: { value: clone },
  });
}

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

function streamOf(
  body: Uint8Array | StreamedBody,
  codings: string[] | undefined,
): ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) {
    // The memory is the connection's, which uses it again.
    return body.length === 0 ? body.slice() : decompressed(ReadableStream.from([body.slice()]), codings!);
  }
  const stream = codings === undefined ? body.open() : decompressed(body.open(), codings);
  body.watch(stream);
  return stream;
}
