/**
 * Texts in the Huffman code of HPACK (RFC 7541 section 5.2).
 *
 * @module
 */

import { codeBits, codes, firstCodeOf, maxCodeBits, symbolsOf } from "./huffman_codes.ts";
import { errorCode } from "./http2_codes.ts";
import { http2Error } from "./http2_errors.ts";

/** Codes of up to this many bits are looked up at once; longer ones are of bytes that texts hardly have. */
const lookupBits = 9;

/** For each value of the next bits: the byte in the lower half, how many bits it took in the upper; 0 for a longer code. */
const lookup = new Uint16Array(1 << lookupBits);
for (let symbol = 0; symbol < 256; symbol++) {
  const bits = codeBits[symbol];
  if (bits > lookupBits) continue;
  const first = codes[symbol] << (lookupBits - bits);
  lookup.fill(bits << 8 | symbol, first, first + (1 << (lookupBits - bits)));
}

/** How many bytes the text takes in the code; `text` has a character for each byte. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += codeBits[text.charCodeAt(i)];
  return (bits + 7) >> 3;
}

/** Writes the text in the code, and returns where it ends. */
export function writeHuffman(target: Uint8Array, offset: number, text: string): number {
  // At most 7 bits wait; a code of 30 would not fit beside them into 32.
  let waiting = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    let bits = codeBits[symbol];
    const code = codes[symbol];
    if (bits > 24) {
      bits -= 16;
      waiting = waiting << bits | code >>> 16;
      count += bits;
      while (count >= 8) target[offset++] = waiting >>> (count -= 8);
      waiting = waiting << 16 | (code & 0xffff);
      count += 16;
    } else {
      waiting = waiting << bits | code;
      count += bits;
    }
    while (count >= 8) target[offset++] = waiting >>> (count -= 8);
  }
  // What is left of the last byte is the beginning of the code that ends a text: ones.
  if (count > 0) target[offset++] = waiting << (8 - count) | 0xff >>> count;
  return offset;
}

/**
 * Reads a text in the code into `target`, which has room for twice as many
 * bytes, and returns how many there are. Throws `protocol`, for the connection.
 */
export function readHuffman(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let waiting = 0;
  let count = 0;
  let length = 0;
  let at = start;
  for (;;) {
    while (count <= 16 && at < end) {
      waiting = (waiting << 8 | bytes[at++]) & 0xff_ffff;
      count += 8;
    }
    if (count < lookupBits && at === end) break;
    const found = lookup[waiting >>> (count - lookupBits) & ((1 << lookupBits) - 1)];
    if (found !== 0) {
      target[length++] = found;
      count -= found >> 8;
      continue;
    }
    // A long one: bit by bit, from the bits that are there on.
    let code = 0;
    let bits = 0;
    let symbol: number | undefined;
    while (symbol === undefined) {
      if (count === 0) {
        if (at === end) return ended(code, bits, length);
        waiting = bytes[at++];
        count = 8;
      }
      code = (code << 1 | (waiting >>> --count & 1)) >>> 0;
      if (++bits > maxCodeBits || (bits === maxCodeBits && code === 0x3fff_ffff)) throw refused("the end of a text");
      symbol = symbolsOf[bits][code - firstCodeOf[bits]];
    }
    target[length++] = symbol;
  }
  while (count > 0) {
    const found = lookup[waiting << (lookupBits - count) & ((1 << lookupBits) - 1)];
    const bits = found >> 8;
    if (found === 0 || bits > count) break;
    target[length++] = found;
    count -= bits;
  }
  return ended(waiting & ((1 << count) - 1), count, length);
}

/** What is left must be less than a byte of ones. */
function ended(left: number, bits: number, length: number): number {
  if (bits > 7) throw refused(`${bits} bits of padding`);
  if (left !== (1 << bits) - 1) throw refused("padding that is not ones");
  return length;
}

function refused(why: string): Error {
  return http2Error(errorCode.compressionError, `${why} in a Huffman code`);
}
