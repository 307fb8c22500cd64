/**
 * Requests that are made again and again: what goes out of them is put
 * together once.
 *
 * @module
 */

import type { PlainParts } from "../../core/plain_request.ts";
import type { OutgoingRequest } from "./http_request.ts";

/** How many are kept: the places that one client asks again and again are few. */
const maxKept = 32;

interface Kept {
  readonly method: string;
  readonly origin: string;
  readonly given: PlainParts["fields"];
  readonly request: OutgoingRequest;
}

/** The last of the plain requests of one transport, one for each URL. */
export class RepeatedRequests {
  readonly #kept = new Map<string, Kept>();

  /** The request that was made of the same parts before, whatever its body was. */
  find({ method, url, fields }: PlainParts, origin: string): OutgoingRequest | undefined {
    const kept = this.#kept.get(url);
    if (kept === undefined || kept.method !== method || kept.origin !== origin) return undefined;
    return areSame(kept.given, fields) ? kept.request : undefined;
  }

  /** Keeps what was made of such parts. */
  keep({ method, url, fields }: PlainParts, origin: string, request: OutgoingRequest): void {
    // Who asks for ever other places gains nothing: to begin anew costs less than to find the oldest.
    if (this.#kept.size >= maxKept && !this.#kept.has(url)) this.#kept.clear();
    this.#kept.set(url, { method, origin, given: fields, request });
  }
}

function areSame(one: PlainParts["fields"], other: PlainParts["fields"]): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i][0] !== other[i][0] || one[i][1] !== other[i][1]) return false;
  return true;
}
