/**
 * Field names that are met often or have rules of their own. They are
 * recognised by their bytes, which saves making a string for each.
 *
 * @module
 */

import { tokenBytes } from "./http1_bytes.ts";

/** A field name that is known beforehand. */
export interface FieldName {
  /** In lower case. */
  readonly text: string;
  /** The same as bytes. */
  readonly bytes: Uint8Array;
  /** A bit of its own, 0 for a name that has no rules. */
  readonly bit: number;
}

/** Fields that a request may have once at most. Two of them are read differently by two readers. */
const onceInRequest = "host content-length transfer-encoding content-type content-range authorization " +
  "proxy-authorization origin referer user-agent from max-forwards range if-range if-modified-since " +
  "if-unmodified-since last-event-id sec-websocket-key sec-websocket-version";

/** Fields that a response may have once at most. Fewer, since servers do repeat what harms nobody. */
const onceInResponse = "content-length transfer-encoding content-type content-range location sec-websocket-accept";

const plain = "accept accept-encoding accept-language accept-ranges access-control-allow-origin age alt-svc " +
  "cache-control connection content-disposition content-encoding content-language cookie date dnt etag expect " +
  "expires forwarded if-match if-none-match keep-alive last-modified link pragma priority retry-after " +
  "sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user " +
  "sec-websocket-extensions sec-websocket-protocol server set-cookie strict-transport-security te traceparent " +
  "tracestate trailer upgrade upgrade-insecure-requests vary via www-authenticate x-content-type-options " +
  "x-forwarded-for x-forwarded-host x-forwarded-proto x-frame-options x-real-ip x-request-id";

/** Fields that no trailer section may have: framing, routing, authentication, content and controls (RFC 9110 6.5.1). */
const notInTrailers: ReadonlySet<string> = new Set(
  ("age authorization cache-control connection content-disposition content-encoding content-length content-location " +
    "content-range content-type cookie date expect expires forwarded host if-match if-modified-since if-none-match " +
    "if-range if-unmodified-since keep-alive last-event-id location max-forwards origin pragma proxy-authenticate " +
    "proxy-authorization proxy-connection range retry-after set-cookie te trailer transfer-encoding upgrade vary via " +
    "warning www-authenticate").split(" "),
);

/** Whether a trailer section may have the field. `name` is in lower case. */
export function mayTrail(name: string): boolean {
  return !notInTrailers.has(name) && !name.startsWith("sec-") && !name.startsWith("x-forwarded-");
}

const buckets: FieldName[][] = Array.from({ length: 256 }, () => []);

function bucketOf(length: number, first: number, middle: number, last: number): number {
  return (length * 7 + first * 3 + middle * 11 + last * 5) & 0xff;
}

const bits = new Map<string, number>();
for (const list of [onceInRequest, onceInResponse]) {
  for (const text of list.split(" ")) if (!bits.has(text)) bits.set(text, 1 << bits.size);
}
for (const text of new Set([...bits.keys(), ...plain.split(" ")])) {
  const { length } = text;
  const bucket = bucketOf(length, text.charCodeAt(0), text.charCodeAt(length >> 1), text.charCodeAt(length - 1));
  buckets[bucket].push({ text, bytes: new TextEncoder().encode(text), bit: bits.get(text) ?? 0 });
}

/** Finds the name that `bytes[start..end)`, a token in any case, is one of. */
export function findFieldName(bytes: Uint8Array, start: number, end: number): FieldName | undefined {
  const length = end - start;
  const bucket = buckets[
    bucketOf(
      length,
      tokenBytes[bytes[start]],
      tokenBytes[bytes[start + (length >> 1)]],
      tokenBytes[bytes[end - 1]],
    )
  ];
  search:
  for (let i = 0; i < bucket.length; i++) {
    const name = bucket[i];
    const known = name.bytes;
    if (known.length !== length) continue;
    for (let j = 0; j < length; j++) if (tokenBytes[bytes[start + j]] !== known[j]) continue search;
    return name;
  }
  return undefined;
}

/** The bit of `content-length`. */
export const contentLengthBit: number = bits.get("content-length")!;
/** The bit of `transfer-encoding`. */
export const transferEncodingBit: number = bits.get("transfer-encoding")!;
/** The bit of `host`. */
export const hostBit: number = bits.get("host")!;
/** The bits of the fields that each side may have once. */
export const onceBits: Readonly<Record<"request" | "response", number>> = {
  request: maskOf(onceInRequest),
  response: maskOf(onceInResponse),
};

function maskOf(names: string): number {
  return names.split(" ").reduce((mask, name) => mask | bits.get(name)!, 0);
}
