/**
 * What tests of shared topics have in common: an encoding that shows ids and
 * gaps, and a reader that keeps them.
 *
 * @module
 */

import type { SharedTopic } from "../../adapters/nats.ts";

/** A text, and behind it its id. */
export const textEncodings = {
  text: { encode: (text: string, id: string): string => `${text} ${id}`, gap: (missed?: number) => `gap ${missed}` },
};

/** What a reader gets, without ids; and the ids. */
export function readTexts(topic: SharedTopic<string, { text: string }>, after = ""): { got: string[]; ids: string[] } {
  const seen: { got: string[]; ids: string[] } = { got: [], ids: [] };
  topic.subscribe("text", (text) => {
    const [word, id] = text.startsWith("gap") ? [text, ""] : text.split(" ");
    seen.got.push(word);
    seen.ids.push(id);
  }, { after });
  return seen;
}
