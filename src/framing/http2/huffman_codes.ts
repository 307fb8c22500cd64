/**
 * The Huffman code of HPACK (RFC 7541 appendix B).
 *
 * @module
 */

/**
 * How many bits the code of each byte has. The code is canonical: that is all
 * there is to know, since the codes of a length follow each other in the order
 * of their bytes, and those of the next length follow them.
 */
const lengths = [
  [13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  [28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  [6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  [5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  [13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  [7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  [15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  [6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  [20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  [24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  [22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  [21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  [26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  [19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  [20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  [26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
];

/** The most bits that a code has. */
export const maxCodeBits = 30;

/** How many bits the code of each byte has. */
export const codeBits: Uint8Array = Uint8Array.from(lengths.flat());

/** The code of each byte. */
export const codes: Uint32Array = new Uint32Array(256);

/** For each length: the bytes that have a code of it, in the order of their codes. */
export const symbolsOf: number[][] = Array.from({ length: maxCodeBits + 1 }, () => []);

/** For each length: the first code of it. */
export const firstCodeOf: number[] = [];

for (let symbol = 0; symbol < 256; symbol++) symbolsOf[codeBits[symbol]].push(symbol);
for (let bits = 0, code = 0; bits <= maxCodeBits; bits++) {
  firstCodeOf.push(code);
  for (const symbol of symbolsOf[bits]) codes[symbol] = code++;
  code <<= 1;
}
