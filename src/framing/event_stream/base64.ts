/**
 * Base64 (RFC 4648, section 4), by the platform's own functions where it has
 * them.
 *
 * @module
 */

/** What newer platforms have. */
interface NativeBytes {
  toBase64?(): string;
}
interface NativeConstructor {
  fromBase64?(text: string, options: { lastChunkHandling: "strict" }): Uint8Array;
}

const strict = { lastChunkHandling: "strict" } as const;

/** Arguments that a function takes at once without trouble; divisible by three, so that only the last piece is padded. */
const pieceBytes = 3 * 4096;

/** Bytes as base64. */
export function encodeBase64(bytes: Uint8Array): string {
  const native = (bytes as NativeBytes).toBase64;
  if (native !== undefined) return native.call(bytes);
  let text = "";
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + pieceBytes)));
  }
  return text;
}

/** The bytes in base64, padded as it must be; undefined where it is none. */
export function decodeBase64(text: string): Uint8Array | undefined {
  try {
    const native = (Uint8Array as NativeConstructor).fromBase64;
    if (native !== undefined) return native.call(Uint8Array, text, strict);
    if (text.length % 4 !== 0) return undefined;
    const characters = atob(text);
    const bytes = new Uint8Array(characters.length);
    for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
    return bytes;
  } catch {
    return undefined;
  }
}
