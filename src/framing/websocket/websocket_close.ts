/**
 * The codes with which WebSocket connections close, and what they mean as
 * errors: RFC 6455, section 7.4, and the registry that it began.
 *
 * @module
 */

import { type ErrorCode, TransportError } from "../../core/errors.ts";

/** The longest reason in a close frame, in bytes of UTF-8. */
export const maxReasonBytes = 123;

/** Registered codes: what they are called, and what they are as errors; none where the end was in order. */
const registered: Record<number, readonly [name: string, error: ErrorCode | undefined]> = {
  1000: ["normal closure", undefined],
  1001: ["going away", "draining"],
  1002: ["protocol error", "protocol"],
  1003: ["unsupported data", "unsupported"],
  1005: ["no code given", undefined],
  1006: ["closed without a close frame", "connection-lost"],
  1007: ["invalid data", "protocol"],
  1008: ["policy violation", "invalid-request"],
  1009: ["message too large", "message-too-large"],
  1010: ["extension required", "unsupported"],
  1011: ["internal error", "remote"],
  1012: ["service restart", "draining"],
  1013: ["try again later", "overloaded"],
  1014: ["bad gateway", "remote"],
  3000: ["unauthorized", "invalid-request"],
  3003: ["forbidden", "invalid-request"],
  3008: ["timeout", "deadline-exceeded"],
};

/** The code to close with for an error that does not name one itself. What is missing is 1011. */
const codeOf: Partial<Record<ErrorCode, number>> = {
  "cancelled": 1000,
  "closed": 1000,
  "superseded": 1000,
  "draining": 1001,
  "protocol": 1002,
  "version-mismatch": 1002,
  "unsupported": 1003,
  "invalid-request": 1008,
  "rate-limited": 1008,
  "message-too-large": 1009,
  "overloaded": 1013,
  "too-many-calls": 1013,
  "deadline-exceeded": 3008,
};

/**
 * Whether a close frame may have this code: those of the RFC that are not for
 * local use only, 1012 to 1014 of the registry, and all from 3000 to 4999.
 */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

/**
 * The code to close a connection with: 1000 in order, else what the error says
 * in `details.closeCode` or implies. A server that cuts off its clients because
 * it ends is one that goes away.
 */
export function closeCodeOf(error: TransportError | undefined, side: "client" | "server" = "client"): number {
  if (error === undefined) return 1000;
  const named = error.details?.closeCode;
  if (typeof named === "number" && isCloseCode(named)) return named;
  if (error.code === "closed" && side === "server") return 1001;
  return codeOf[error.code] ?? 1011;
}

/**
 * What a close with `code` means for the connection: undefined where it ended
 * in order, else an error with `details.closeCode` and, if there is one,
 * `details.reason`. A code that nobody registered is the far side's business: `remote`.
 */
export function errorOfClose(code: number, reason: string): TransportError | undefined {
  const known = registered[code];
  if (known !== undefined && known[1] === undefined) return undefined;
  const [name, error = "remote"] = known ?? ["a code of its own"];
  const said = reason === "" ? "" : `: ${JSON.stringify(reason)}`;
  return new TransportError(
    error,
    code === 1006
      ? "Connection lost: it ended without a close frame"
      : `Connection closed by the peer: ${code}, ${name}${said}`,
    {
      details: reason === "" ? { closeCode: code } : { closeCode: code, reason },
      remote: code !== 1006,
      // What was under way when the connection ended may have been worked on, whatever the code implies of a call.
      processed: "maybe",
    },
  );
}

/** A close reason cut to what a close frame can carry, at the end of a character. */
export function closeReason(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxReasonBytes) return bytes;
  let end = maxReasonBytes;
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
