/**
 * A request to the server of sse() channels, whatever HTTP server it came to,
 * and the answers that refuse it.
 *
 * @module
 */

import type { Address } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import type { SseDown } from "./sse_down.ts";

/** A request as the server of channels sees it. */
export interface SseExchange {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Scheme and authority by which the server was addressed. */
  readonly ownOrigin: string;
  readonly remote: Address;
  /** Whether there is a body, which may be empty all the same. */
  readonly hasBody: boolean;
  header(name: string): string | undefined;
  headers(): Headers;
  /** The body where it is there already, and not over the limit; undefined otherwise. */
  bodyAtHand(maxBytes: number): Uint8Array | undefined;
  /** All of the body. Rejects with `message-too-large` past the limit. */
  body(maxBytes: number): Promise<Uint8Array>;
  /** Gives the reading of the body up: `body()` rejects. */
  cancelBody(): void;
}

/** The answer to a request. */
export interface SseAnswer {
  readonly status: number;
  readonly fields: [string, string][];
  /** A text for people. */
  readonly text?: string;
  /** The body, where it is a stream of events. */
  readonly down?: SseDown;
}

/** The error that is answered with a status. */
export function refused(
  status: number,
  why: string,
  code: "protocol" | "overloaded" | "message-too-large" = "protocol",
): TransportError {
  return new TransportError(code, `Request refused: ${why}`, { details: { status }, processed: "no" });
}
