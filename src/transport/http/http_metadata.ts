/**
 * Metadata of a call as HTTP header fields. The fields of trace context go by
 * their own names, all others with a prefix: a handler that passes its context
 * on must not pass on its caller's cookies with it.
 *
 * @module
 */

import type { Metadata } from "../../core/metadata.ts";
import { noMetadata } from "../../core/metadata.ts";

/** Fields that keep their names: W3C Trace Context and Baggage. */
const ownNames = new Set(["traceparent", "tracestate", "baggage"]);

const prefix = "meta-";

/** The metadata in a request's header fields. */
export function metadataOf(headers: Headers): Metadata {
  let metadata: Record<string, string> | undefined;
  for (const [name, value] of headers) {
    const key = ownNames.has(name) ? name : name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
    if (key !== undefined) (metadata ??= Object.create(null) as Record<string, string>)[key] = value;
  }
  return metadata ?? noMetadata;
}

/** Reads the metadata when somebody asks, and once. The platform takes the fields away when the call is over. */
export function lazyMetadata(request: Request): () => Metadata {
  let metadata: Metadata | undefined;
  return () => {
    try {
      return metadata ??= metadataOf(request.headers);
    } catch {
      return noMetadata;
    }
  };
}

/** The name of the header field that a key of the metadata travels in. */
export function fieldOf(key: string): string {
  return ownNames.has(key) ? key : prefix + key;
}

/** Adds metadata to header fields. */
export function setMetadata(headers: Headers, metadata: Metadata): void {
  for (const key of Object.keys(metadata)) headers.set(fieldOf(key), metadata[key]);
}
