/**
 * The frame of mux() that ends a call with an error: see `mux.md` beside this
 * file.
 *
 * @module
 */

import { type ErrorCode, errorCodes, type Processed, TransportError } from "../core/errors.ts";
import { Kind, need, readU32, writeU32 } from "./mux_wire.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const processedWords: readonly Processed[] = ["no", "maybe", "yes"];
const errorHeadBytes = 5 + 1 + 1 + 4 + 2;

/** The frame that ends a call with an error: its code, message and details survive the trip. */
export function encodeError(id: number, error: TransportError, maxBytes: number): Uint8Array {
  const details = error.details === undefined ? new Uint8Array(0) : encodeDetails(error.details);
  let message = encoder.encode(error.message);
  const room = Math.min(maxBytes - errorHeadBytes, 0xffff);
  if (message.length > room) message = message.subarray(0, Math.max(0, room));
  // Details that do not fit are left out: half of them would be none.
  const kept = errorHeadBytes + message.length + details.length <= maxBytes ? details : new Uint8Array(0);
  const frame = new Uint8Array(errorHeadBytes + message.length + kept.length);
  frame[0] = Kind.error;
  writeU32(frame, 1, id);
  frame[5] = errorCodes.indexOf(error.code);
  frame[6] = processedWords.indexOf(error.processed);
  // 0 says nothing, n says n − 1 milliseconds.
  writeU32(
    frame,
    7,
    error.retryAfterMs === undefined ? 0 : Math.min(Math.ceil(Math.max(0, error.retryAfterMs)) + 1, 0xffff_ffff),
  );
  frame[11] = message.length >>> 8;
  frame[12] = message.length;
  frame.set(message, errorHeadBytes);
  frame.set(kept, errorHeadBytes + message.length);
  return frame;
}

/** The frame that ends a stream with an error: laid out like that of a call. */
export function encodeFailedEnd(id: number, flag: number, error: TransportError, maxBytes: number): Uint8Array {
  const frame = encodeError(id, error, maxBytes);
  frame[0] = Kind.end | flag;
  return frame;
}

/** Reads the error that ends a call or a stream. Throws `protocol` where it is cut short. */
export function decodeError(frame: Uint8Array): TransportError {
  need(frame, errorHeadBytes);
  const messageEnd = errorHeadBytes + ((frame[11] << 8) | frame[12]);
  need(frame, messageEnd);
  // A code that a later version has added is at least the far side's.
  const code: ErrorCode = errorCodes[frame[5]] ?? "remote";
  const retryAfter = readU32(frame, 7);
  return new TransportError(code, decoder.decode(frame.subarray(errorHeadBytes, messageEnd)), {
    processed: processedWords[frame[6]] ?? "maybe",
    retryAfterMs: retryAfter === 0 ? undefined : retryAfter - 1,
    details: decodeDetails(frame.subarray(messageEnd)),
    remote: true,
  });
}

function encodeDetails(details: Readonly<Record<string, unknown>>): Uint8Array {
  try {
    return encoder.encode(JSON.stringify(details));
  } catch {
    // Details that are not JSON must not keep the error itself from being told.
    return new Uint8Array(0);
  }
}

function decodeDetails(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  if (bytes.length === 0) return undefined;
  try {
    const details: unknown = JSON.parse(decoder.decode(bytes));
    return typeof details === "object" && details !== null ? details as Record<string, unknown> : undefined;
  } catch {
    throw new TransportError("protocol", "Frame refused: the details of an error are not JSON");
  }
}
