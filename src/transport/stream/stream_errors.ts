/**
 * How a connection over a stream of bytes ends where that was not in order, and
 * what it does not take.
 *
 * @module
 */

import { type Address, formatAddress } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { textOf } from "../../core/thrown.ts";

/** The peer has a goodbye, and ended without it. */
export function endedWithoutGoodbye(remote: Address): TransportError {
  const why = `Connection lost: ${formatAddress(remote)} ended it without saying goodbye`;
  return new TransportError("connection-lost", why);
}

/** The peer ended in the middle of a frame. */
export function endedInFrame(remote: Address, bytes: number): TransportError {
  const why = `Connection lost: ${formatAddress(remote)} ended in the middle of a frame, after ${bytes} of its bytes`;
  return new TransportError("connection-lost", why);
}

/** The system has lost it. */
export function lostWhile(doing: string, remote: Address, cause: unknown): TransportError {
  const why = `Connection lost: cannot ${doing} ${formatAddress(remote)}: ${textOf(cause)}`;
  return new TransportError("connection-lost", why, { cause });
}

/** It was closed before, by this end. */
export function alreadyClosed(remote: Address): TransportError {
  return new TransportError("closed", `Cannot use connection to ${formatAddress(remote)}: it is closed`);
}

/** The error for a message over the limit. */
export function tooLarge(messageBytes: number, maxBytes: number): TransportError {
  return new TransportError(
    "message-too-large",
    `Cannot send message: it has ${messageBytes} bytes, ${maxBytes} are allowed`,
    { details: { messageBytes, maxBytes } },
  );
}
