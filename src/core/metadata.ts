/**
 * Metadata: the small text fields that travel with a call on every transport.
 *
 * @module
 */

import { TransportError } from "./errors.ts";

/**
 * Text fields that travel with a call, such as a trace context or a tenant.
 *
 * Keys are lower-case HTTP field names and values are printable ASCII without
 * space at either end, so that the same metadata fits every transport. Encode
 * anything else, as base64 say.
 *
 * @example
 * ```ts
 * import { callContext, type Metadata } from "@wireway/wireway";
 * const metadata: Metadata = { tenant: "acme", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
 * const context = callContext({ metadata });
 * ```
 */
export type Metadata = Readonly<Record<string, string>>;

/** No metadata; compared by identity on hot paths. */
export const noMetadata: Metadata = Object.freeze(Object.create(null));

const validKey = /^[a-z0-9!#$%&'*+.^_`|~-]{1,255}$/;
const validValue = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/;
const maxValueLength = 65_535;

/**
 * Joins two sets of metadata, the second winning, and checks the second.
 *
 * Throws `invalid-request` where a key or a value can't travel.
 */
export function mergeMetadata(base: Metadata, added: Metadata): Metadata {
  const merged: Record<string, string> = Object.assign(Object.create(null), base);
  for (const key of Object.keys(added)) {
    const value = added[key];
    if (!isKey(key)) {
      const why = `Cannot send metadata key ${JSON.stringify(key)}: not a lower-case field name`;
      throw new TransportError("invalid-request", why);
    }
    if (!isValue(value)) {
      const why =
        `Cannot send metadata ${key}: its value is not printable ASCII of at most ${maxValueLength} characters`;
      throw new TransportError("invalid-request", why);
    }
    merged[key] = value;
  }
  return merged;
}

/** Whether a key can travel on every transport. */
export function isKey(key: string): boolean {
  return validKey.test(key);
}

/** Whether a value can travel on every transport. */
export function isValue(value: unknown): boolean {
  return typeof value === "string" && value.length <= maxValueLength && validValue.test(value);
}
