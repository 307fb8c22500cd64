/**
 * Streams that get past the types to a protocol that has none.
 *
 * @module
 */

import { discardReply } from "../core/completion.ts";
import { type Processed, TransportError } from "../core/errors.ts";
import { Streamed } from "../core/streamed.ts";

/** The error for a stream that `protocol` can't send. Nobody will read it: it is cancelled. */
export function refuseStream(
  stream: Streamed<unknown, unknown>,
  protocol: string,
  processed: Processed,
): TransportError {
  discardReply(stream);
  return new TransportError("unsupported", `Stream not sent: ${protocol} takes what it sends whole`, {
    processed,
  });
}

/** The error for a reply that is no bytes: `unsupported` for a stream. */
export function noBytes(reply: unknown, protocol: string): Error {
  if (reply instanceof Streamed) return refuseStream(reply, protocol, "yes");
  return new TypeError(`The handler's reply is ${typeof reply}, not Uint8Array`);
}
