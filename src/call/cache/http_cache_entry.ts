/**
 * A response as httpCache() keeps it.
 *
 * @module
 */

import type { CacheCodec } from "./cache_store.ts";

/** A whole response, or what tells the variants of a resource apart. */
export type HttpKept = KeptResponse | KeptVariants;

/** A whole response. */
export interface KeptResponse {
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  /** How old it was when it came, in milliseconds. */
  readonly initialAgeMs: number;
  /** How long it is fresh from when it was made, in milliseconds. */
  readonly freshMs: number;
}

/** The responses of a resource depend on these fields of a request. */
export interface KeptVariants {
  readonly names: readonly string[];
}

/** What each name and value in a list of fields counts for, in bytes. */
const fieldBytes = 32;

/** About how many bytes it takes. */
export function keptBytes(kept: HttpKept): number {
  if ("names" in kept) return kept.names.reduce((bytes, name) => bytes + 2 * name.length + fieldBytes, 0);
  let bytes = kept.body.byteLength + 2 * kept.url.length;
  for (const [name, value] of kept.headers) bytes += 2 * (name.length + value.length) + fieldBytes;
  return bytes;
}

/** Statuses whose responses have no body (what `new Response` demands). */
const bodiless = new Set([204, 205, 304]);

/** A response to be given out. */
export function responseOf(kept: KeptResponse, ageMs: number, request: Request): Response {
  const headers = new Headers(kept.headers);
  headers.set("age", String(Math.floor(ageMs / 1000)));
  const { status, statusText } = kept;
  const body = bodiless.has(status) || request.method === "HEAD" ? null : kept.body;
  return Object.defineProperty(new Response(body, { status, statusText, headers }), "url", { value: kept.url });
}

/** A response that says that the caller has what is kept. */
export function notModifiedOf(kept: KeptResponse, ageMs: number): Response {
  const headers = new Headers(kept.headers);
  headers.set("age", String(Math.floor(ageMs / 1000)));
  for (const name of ["content-length", "content-encoding", "content-type"]) headers.delete(name);
  return Object.defineProperty(new Response(null, { status: 304, headers }), "url", { value: kept.url });
}

/** Writes one as the length of its head in four bytes, the head as JSON, then the body. */
export const keptCodec: CacheCodec<HttpKept> = {
  encode(kept: HttpKept): Uint8Array {
    const { body = new Uint8Array(0), headers = [], ...rest } = kept as Partial<KeptResponse>;
    const head = new TextEncoder().encode(JSON.stringify({ ...rest, headers: Array.from(headers) }));
    const bytes = new Uint8Array(4 + head.length + body.length);
    new DataView(bytes.buffer).setUint32(0, head.length);
    bytes.set(head, 4);
    bytes.set(body, 4 + head.length);
    return bytes;
  },
  decode(bytes: Uint8Array): HttpKept {
    const headLength = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
    const { headers, ...head } = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + headLength)));
    if ("names" in head) return { names: head.names };
    return { ...head, headers: new Headers(headers), body: bytes.slice(4 + headLength) };
  },
};
