/**
 * How long messages are.
 *
 * @module
 */

import type { Message } from "../core/channel.ts";

/** How many bytes a message takes: those of a text in UTF-8. */
export function byteLengthOf(message: Message): number {
  if (typeof message !== "string") return message.length;
  let bytes = message.length;
  for (let i = 0; i < message.length; i++) {
    const code = message.charCodeAt(i);
    if (code < 0x80) continue;
    if (code < 0x800) bytes += 1;
    // Half of a pair takes 2 of the 4 bytes, or as half of none the 3 of its replacement.
    else bytes += code >= 0xd800 && code < 0xdc00 && isLow(message.charCodeAt(i + 1)) ? (i++, 2) : 2;
  }
  return bytes;
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}
