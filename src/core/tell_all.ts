/**
 * Telling all who wait for the end of a reply.
 *
 * @module
 */

import { reportUncaught } from "../util/report_uncaught.ts";
import type { CompletionListener } from "./completion.ts";

/** Tells each of them. What one holds must be let go of although another one throws. */
export function tellAll(listeners: readonly CompletionListener[], error: unknown): void {
  for (const listener of listeners) {
    try {
      listener(error);
    } catch (thrown) {
      reportUncaught(thrown);
    }
  }
}
