/**
 * How long messages are.
 *
 * @module
 */

/** How many bytes a message takes: those of a text in UTF-8. */
export function byteLengthOf(message: string | Uint8Array): number {
  let bytes = message.length;
  if (typeof message !== "string") return bytes;
  for (let i = 0; i < message.length; i++) {
    const unit = message.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes++;
    } else {
      bytes += 2;
      // The two halves of a pair are two units and four bytes; half of one becomes a character of three.
      if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(message.charCodeAt(i + 1))) i++;
    }
  }
  return bytes;
}

function isLowSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}
