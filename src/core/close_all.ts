/**
 * Closing several parts, each whatever becomes of the others.
 *
 * @module
 */

import type { Closable } from "./service.ts";
import type { CloseOptions } from "./session.ts";

/** Closes those that can be closed, and waits for all. Rejects with the first failure once all have ended. */
export async function closeAll(parts: Iterable<object>, options?: CloseOptions): Promise<void> {
  const ends = await Promise.allSettled(Array.from(parts, async (part) => {
    if ("close" in part) await (part as Closable).close(options);
  }));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
