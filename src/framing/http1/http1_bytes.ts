/**
 * Which bytes HTTP/1.1 allows where (RFC 9110 section 5.6, RFC 3986), as tables.
 *
 * @module
 */

/** `:` */
export const colon = 0x3a;
/** `\r` */
export const carriageReturn = 0x0d;
/** `\n` */
export const lineFeed = 0x0a;
/** The space. */
export const space = 0x20;
/** The horizontal tab. */
export const tab = 0x09;

/** For each byte of a token its lower case, 0 for a byte that no token has. */
export const tokenBytes: Uint8Array = new Uint8Array(256);
/** 1 for an ASCII byte of a field value or a reason phrase, 2 for one past ASCII, 0 for a control character. */
export const textBytes: Uint8Array = new Uint8Array(256).fill(2, 0x80);
/** 1 for the bytes of a request target. Wider than RFC 3986, since browsers send `|`, `[` or `{` as they are. */
export const targetBytes: Uint8Array = new Uint8Array(256).fill(1, 0x21, 0x7f);
/** 1 for the bytes of a host name, without the comma that joins two Host fields. */
export const hostBytes: Uint8Array = new Uint8Array(256);
/** For each hexadecimal digit its value plus one, 0 for other bytes. */
export const hexDigits: Uint8Array = new Uint8Array(256);

textBytes.fill(1, space, 0x7f);
textBytes[tab] = 1;
targetBytes["#".charCodeAt(0)] = 0;
const alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
for (const char of `${alphanumeric}!#$%&'*+-.^_\`|~`) tokenBytes[char.charCodeAt(0)] = char.toLowerCase().charCodeAt(0);
for (const char of `${alphanumeric}-._~%!$&'()*+;=`) hostBytes[char.charCodeAt(0)] = 1;
for (const char of "0123456789abcdefABCDEF") hexDigits[char.charCodeAt(0)] = parseInt(char, 16) + 1;

const decoder = new TextDecoder();

/** The text of `bytes[start..end)`, a character for each byte (ISO 8859-1). `ascii` says that none is past 0x7f. */
export function textOfBytes(bytes: Uint8Array, start: number, end: number, ascii: boolean): string {
  if (ascii) return decoder.decode(bytes.subarray(start, end));
  let text = "";
  for (let at = start; at < end; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + 4096)));
  }
  return text;
}

/** Whether a text is a token (RFC 9110 section 5.6.2): a method, a field name, a protocol. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!(tokenBytes[text.charCodeAt(i)] > 0)) return false;
  return text.length > 0;
}
