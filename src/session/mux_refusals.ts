/**
 * The errors of calls that mux() refuses or loses, and of peers that it can't
 * speak with.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";

/** The error for a call over the limit of calls in flight. */
export function tooManyCalls(inFlight: number, allowed: number): TransportError {
  return new TransportError("too-many-calls", `Call refused: ${inFlight} are in flight, ${allowed} are allowed`, {
    details: { inFlight, allowed },
  });
}

/** The error for a request or a reply over the limit. */
export function tooLarge(bytes: number, allowed: number): TransportError {
  return new TransportError("message-too-large", `Message refused: it has ${bytes} bytes, ${allowed} are allowed`, {
    details: { bytes, allowed },
  });
}

/** The error for a frame of a kind that there is not. */
export function unknownKind(frame: Uint8Array): TransportError {
  const kind = frame.length === 0 ? "missing" : `0x${frame[0].toString(16).padStart(2, "0")}`;
  return new TransportError("protocol", `Frame refused: its kind is ${kind}`);
}

/** The error for a peer that says nothing. */
export function noHello(where: string, withinMs: number): TransportError {
  return new TransportError("connect-timeout", `Cannot speak mux with ${where}: no hello came within ${withinMs} ms`);
}

/** The error for a peer that was gone before it said anything. */
export function endedBeforeHello(where: string): TransportError {
  return new TransportError("connection-lost", `Connection lost: ${where} ended it before its hello`, {
    processed: "no",
  });
}

/** The error for a stream to or from an end that knows none. */
export function unsupportedStream(where: string, processed: "no" | "yes" = "no"): TransportError {
  const why = `Stream not sent: both this end and ${where} must know streams, see mux({ streams: true })`;
  return new TransportError("unsupported", why, { processed });
}
