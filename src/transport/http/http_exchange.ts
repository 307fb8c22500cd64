/**
 * What a connection of the calling end carries, and what may go wrong with it.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { textOf } from "../../core/thrown.ts";
import type { ResponseHead } from "../../framing/http1/http1_head.ts";
import type { StreamedBody } from "./http_body.ts";
import type { HttpSettings } from "./http_options.ts";
import type { OutgoingRequest } from "./http_request.ts";
import type { Upload } from "./http_upload.ts";

/** What a connection carries at a time: a request that goes out and the response to it. */
export interface Exchange {
  /** The method of the request. */
  readonly method: string;
  /** The request wants no other on the connection. */
  readonly closes: boolean;
  /** The response is there: all of its body, valid until this returns, or one that comes. */
  answered(head: ResponseHead, body: Uint8Array | StreamedBody): void;
  /** Both are over: the connection carries the next one, unless it is over itself. */
  over(): void;
  /** The connection is over. Called instead of `over()`, before or after `answered()`. */
  failed(error: TransportError): void;
}

/** A connection of the calling end, as a call has it. */
export interface CallLine {
  /** Nothing more can be sent on it. */
  readonly closed: boolean;
  /** Sends a request with its body. Throws what keeps it from being sent. */
  begin(exchange: Exchange, request: OutgoingRequest, body: Uint8Array | Upload | undefined): Carried;
  /** Ends it at once, with all that it carries. */
  abort(error: TransportError): void;
}

/** An exchange that a connection carries. */
export interface Carried {
  /** Ends it, and its connection only where that can't carry on without. The exchange fails with the error. */
  abort(error: TransportError): void;
}

/** The most fields of a response's head. */
export const maxFields = 256;

/** How many interim responses may come before the final one. */
export const maxInterims = 16;

/** What lasts longer than this, in milliseconds, may cost a little more. */
export const lingerMs = 5;

/** How long the rest of an exchange that nobody waits for may take, in milliseconds. */
export const drainTimeoutMs = 1000;

/** The error for an exchange of which nothing moves. */
export function lateness(
  phase: "head" | "body" | "unread body" | "rest",
  where: string,
  { headTimeoutMs, bodyTimeoutMs }: HttpSettings,
): TransportError {
  const why = {
    "head": `Call to ${where} lost: no response came for ${headTimeoutMs} ms`,
    "body": `Response body lost: nothing of it came from ${where} for ${bodyTimeoutMs} ms`,
    "unread body": `Response body closed: nobody read it for ${bodyTimeoutMs} ms`,
    "rest": `Connection to ${where} closed: what was left of an exchange took more than ${drainTimeoutMs} ms`,
  }[phase];
  return new TransportError("connection-lost", why);
}

/** The error for a connection that ended before the response. */
export function endedEarly(where: string, inHead: boolean, cause: unknown): TransportError {
  const middle = inHead ? " in the middle of its response's head" : "";
  return new TransportError("connection-lost", `Call lost: ${where} ended the connection before its answer${middle}`, {
    cause,
  });
}

/** The error for a connection that broke. `sent` says whether the far side may have any of the request. */
export function brokenOff(where: string, sent: boolean, cause: unknown): TransportError {
  return new TransportError("connection-lost", `Call lost: the connection to ${where} broke: ${textOf(cause)}`, {
    processed: sent ? "maybe" : "no",
    cause,
  });
}

/** The error for a response that is not allowed. */
export function protocol(message: string): TransportError {
  return new TransportError("protocol", message);
}

/** How long the server says that it lets the connection idle. */
export function announcedIdleMs(head: ResponseHead): number {
  const { fields } = head;
  if (!fields.has("keep-alive")) return Infinity;
  for (const token of fields.tokens("keep-alive")) {
    const seconds = /^timeout="?(\d{1,9})"?$/.exec(token);
    if (seconds !== null) return Number(seconds[1]) * 1000;
  }
  return Infinity;
}
