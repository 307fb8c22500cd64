/**
 * An inflater by the letter of RFC 1951 that says how far back the data refers:
 * what zlib accepts is more than what was agreed on.
 *
 * @module
 */

const lengthBase = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115]
  .concat([131, 163, 195, 227, 258]);
const lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBase = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049]
  .concat([3073, 4097, 6145, 8193, 12_289, 16_385, 24_577]);
const codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A Huffman code: the symbol of each code, with its length before it. */
type Code = Map<string, number>;

function codeOf(lengths: readonly number[]): Code {
  const code: Code = new Map();
  let next = 0;
  for (let length = 1; length <= 15; length++, next <<= 1) {
    for (const [symbol, its] of lengths.entries()) if (its === length) code.set(`${length}:${next++}`, symbol);
  }
  return code;
}

const fixedLengths = Array.from({ length: 288 }, (_, i) => i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);

/** Inflates a stream of whole messages, each ending with its flush. */
export function inflateReference(bytes: Uint8Array): { data: Uint8Array; farthest: number } {
  const data: number[] = [];
  let farthest = 0;
  let bit = 0;
  const take = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++, bit++) value |= ((bytes[bit >> 3] >> (bit & 7)) & 1) << i;
    return value;
  };
  const symbolOf = (code: Code): number => {
    let value = 0;
    for (let length = 1; length <= 15; length++) {
      value = (value << 1) | take(1);
      const symbol = code.get(`${length}:${value}`);
      if (symbol !== undefined) return symbol;
    }
    throw new Error("there is no such code");
  };
  const readCodes = (): [Code, Code] => {
    const counts = [take(5) + 257, take(5) + 1];
    const lengthOfLengths = new Array<number>(19).fill(0);
    for (let i = take(4) + 4, at = 0; at < i; at++) lengthOfLengths[codeOrder[at]] = take(3);
    const code = codeOf(lengthOfLengths);
    const lengths: number[] = [];
    while (lengths.length < counts[0] + counts[1]) {
      const symbol = symbolOf(code);
      if (symbol < 16) lengths.push(symbol);
      else if (symbol === 16) lengths.push(...new Array<number>(3 + take(2)).fill(lengths.at(-1)!));
      else lengths.push(...new Array<number>(symbol === 17 ? 3 + take(3) : 11 + take(7)).fill(0));
    }
    return [codeOf(lengths.slice(0, counts[0])), codeOf(lengths.slice(counts[0]))];
  };
  while (bit < 8 * bytes.length) {
    take(1);
    const kind = take(2);
    if (kind === 0) {
      bit = (bit + 7) & ~7;
      const length = take(16);
      if (take(16) !== (length ^ 0xffff)) throw new Error("a stored block has a wrong length");
      for (let i = 0; i < length; i++) data.push(take(8));
      continue;
    }
    const [literals, distances] = kind === 1
      ? [codeOf(fixedLengths), codeOf(new Array<number>(30).fill(5))]
      : readCodes();
    for (let symbol = symbolOf(literals); symbol !== 256; symbol = symbolOf(literals)) {
      if (symbol < 256) {
        data.push(symbol);
        continue;
      }
      const length = lengthBase[symbol - 257] + take(lengthExtra[symbol - 257]);
      const code = symbolOf(distances);
      const distance = distanceBase[code] + take(code < 4 ? 0 : (code >> 1) - 1);
      if (distance > data.length) throw new Error("there is nothing so far back");
      farthest = Math.max(farthest, distance);
      for (let i = 0; i < length; i++) data.push(data[data.length - distance]);
    }
  }
  return { data: Uint8Array.from(data), farthest };
}
