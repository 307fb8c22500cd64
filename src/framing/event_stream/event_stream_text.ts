/**
 * Looks into the text of an event stream.
 *
 * @module
 */

/** Where a character stands next; the end where it stands nowhere. */
export function find(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from);
  return at < 0 ? text.length : at;
}

/** Whether a line that begins with a `d` goes on with `ata`. */
export function isData(text: string, start: number): boolean {
  return text.charCodeAt(start + 1) === 97 && text.charCodeAt(start + 2) === 116 && text.charCodeAt(start + 3) === 97;
}

/** How many bytes characters take as UTF-8. */
export function utf8Length(text: string, start: number, end = text.length): number {
  let bytes = end - start;
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i);
    // Each half of a surrogate pair stands for two of its four bytes; a decoder makes no lone ones.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes;
}
