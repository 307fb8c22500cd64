/**
 * Says so where a platform has no sockets.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";

/** Throws `unsupported` where there is no `Deno`: `what` can't be done in a browser or on the edge. */
export function needDeno(what: string): void {
  if (typeof Deno === "object") return;
  throw new TransportError("unsupported", `${what}: this platform has no Deno, and so no sockets and processes`, {
    processed: "no",
  });
}
