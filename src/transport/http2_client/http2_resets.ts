/**
 * What it means for a call that its server does not take it, or has reset its stream.
 *
 * @module
 */

import { type ErrorCode, type Processed, TransportError } from "../../core/errors.ts";
import { errorCode, errorName } from "../../framing/http2/http2_codes.ts";

interface Meaning {
  readonly code: ErrorCode;
  readonly processed: Processed;
}

const unknown: Meaning = { code: "connection-lost", processed: "maybe" };
const broken: Meaning = { code: "protocol", processed: "maybe" };

const meanings: Readonly<Record<number, Meaning>> = {
  [errorCode.protocolError]: broken,
  [errorCode.internalError]: { code: "remote", processed: "yes" },
  [errorCode.flowControlError]: broken,
  [errorCode.streamClosed]: broken,
  [errorCode.frameSizeError]: broken,
  // The server has not looked at it (RFC 9113 section 8.7).
  [errorCode.refusedStream]: { code: "overloaded", processed: "no" },
  [errorCode.compressionError]: broken,
  [errorCode.enhanceYourCalm]: { code: "overloaded", processed: "maybe" },
  [errorCode.inadequateSecurity]: { code: "unsupported", processed: "no" },
  [errorCode.http11Required]: { code: "version-mismatch", processed: "no" },
};

/** The error for a call whose stream the server at `where` has reset with a code. `begun` says that its response had. */
export function resetError(where: string, code: number, begun: boolean): TransportError {
  const meaning = meanings[code] ?? unknown;
  const what = begun ? "Response body lost" : "Call lost";
  return new TransportError(meaning.code, `${what}: ${where} reset its stream: ${errorName(code)}`, {
    processed: begun ? "yes" : meaning.processed,
    remote: true,
    details: { http2: code },
  });
}

/** The error for a call that the server at `where` has said that it does not take. */
export function notTaken(where: string, code: number): TransportError {
  const why = `Call not taken: ${where} takes no more on its connection: ${errorName(code)}`;
  return new TransportError("draining", why, { details: { http2: code } });
}

/** The error for a call whose connection takes no more. */
export function takesNoMore(where: string): TransportError {
  return new TransportError("draining", `Call not sent: ${where} takes no more on its connection`);
}

/** The error for a call that would be one too many. */
export function tooMany(where: string, open: number, allowed: number): TransportError {
  return new TransportError("too-many-calls", `Call refused: ${open} streams are open, ${where} allows ${allowed}`);
}
