/**
 * Tells a receiver that its channel is over, whatever it makes of that.
 *
 * @module
 */

import type { Receiver } from "./channel.ts";
import { TransportError } from "./errors.ts";

/**
 * Calls `closed()`, and returns the error that the connection ended with for
 * whoever observes it: `error`, or else what the receiver threw.
 *
 * A receiver that throws here has a fault of its own. There is nothing left to
 * end for it, and it must not end more: the end of a connection is often heard
 * in a callback of the platform, where a throw ends the process.
 */
export function tellClosed(
  receiver: Receiver | undefined,
  error: TransportError | undefined,
): TransportError | undefined {
  try {
    receiver?.closed(error);
  } catch (thrown) {
    return error ?? TransportError.from(thrown, "protocol");
  }
  return error;
}
