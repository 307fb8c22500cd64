/**
 * The block format of LZ4: fast, and in every runtime.
 *
 * Y. Collet, "LZ4 Block Format Description". Pure functions; the compressor
 * keeps a table and a buffer between messages.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";

const hashBits = 14;
const minMatch = 4;
/** A match may not begin in the last 12 bytes, nor reach into the last 5: the format says so. */
const noMatchFrom = 12;
const lastLiterals = 5;
const maxOffset = 65_535;
/** A byte of a length stands for 255 bytes, and no other one for more. */
const maxRatio = 255;
/** The buffer that results are made in grows up to this many bytes and is kept. */
const keptBytes = 1024 * 1024;

/** Where each hash was last seen, counted from the first message on, so that the table need not be cleared. */
let table: Int32Array | undefined;
let base = 1;
let scratch = new Uint8Array(0);

/** Compresses one block. The result may be larger than what was given, by 1 byte in 255 and 16 more. */
export function lz4Compress(source: Uint8Array): Uint8Array {
  const length = source.length;
  const most = length + Math.ceil(length / 255) + 16;
  let target = scratch;
  if (target.length < most) {
    target = new Uint8Array(most);
    if (most <= keptBytes) scratch = target;
  }
  table ??= new Int32Array(1 << hashBits);
  if (base > 0x4000_0000) {
    table.fill(0);
    base = 1;
  }
  const end = length - noMatchFrom;
  let out = 0;
  let anchor = 0;
  let at = 0;
  // Steps grow where nothing is found, so that what does not compress costs little.
  let tries = 64;
  while (at <= end) {
    const sequence = read32(source, at);
    const hash = Math.imul(sequence, 0x9e3779b1) >>> (32 - hashBits);
    let found = table[hash] - base;
    table[hash] = at + base;
    if (found < 0 || at - found > maxOffset || read32(source, found) !== sequence) {
      at += tries++ >> 6;
      continue;
    }
    while (at > anchor && found > 0 && source[at - 1] === source[found - 1]) {
      at--;
      found--;
    }
    const offset = at - found;
    let matched = at + minMatch;
    const limit = length - lastLiterals;
    while (matched < limit && source[matched] === source[matched - offset]) matched++;
    out = writeLiterals(source, anchor, at, target, out, matched - at - minMatch);
    target[out++] = offset;
    target[out++] = offset >>> 8;
    if (matched - at - minMatch >= 15) out = writeMore(target, out, matched - at - minMatch - 15);
    at = anchor = matched;
    tries = 64;
  }
  out = writeLiterals(source, anchor, length, target, out, 0);
  base += length;
  return target.slice(0, out);
}

/** Decompresses one block into exactly `size` bytes, and never writes more. Throws `protocol` where it is none. */
export function lz4Decompress(source: Uint8Array, size: number): Uint8Array {
  const length = source.length;
  // Known before any room is taken: a few bytes shall not cost megabytes.
  if (size > maxRatio * length) throw broken(0, `the claim that ${length} bytes become ${size}`);
  const target = new Uint8Array(size);
  let at = 0;
  let out = 0;
  while (at < length) {
    const token = source[at++];
    let literals = token >>> 4;
    if (literals === 15) {
      let more: number;
      do {
        if (at >= length) throw broken(at, "a length without an end");
        more = source[at++];
        literals += more;
      } while (more === 255);
    }
    if (literals > length - at || literals > size - out) throw broken(at, `${literals} bytes that have no room`);
    if (literals > 16) target.set(source.subarray(at, at + literals), out);
    else for (let i = 0; i < literals; i++) target[out + i] = source[at + i];
    at += literals;
    out += literals;
    if (at === length) break;
    if (length - at < 2) throw broken(at, "an offset cut short");
    const offset = source[at] | source[at + 1] << 8;
    at += 2;
    if (offset === 0 || offset > out) throw broken(at - 2, `an offset of ${offset} after ${out} bytes`);
    let matched = (token & 15) + minMatch;
    if (matched === 15 + minMatch) {
      let more: number;
      do {
        if (at >= length) throw broken(at, "a length without an end");
        more = source[at++];
        matched += more;
      } while (more === 255);
    }
    if (matched > size - out) throw broken(at, `${matched} bytes that have no room`);
    if (offset >= matched && matched > 32) target.copyWithin(out, out - offset, out - offset + matched);
    else for (let i = 0; i < matched; i++) target[out + i] = target[out - offset + i];
    out += matched;
  }
  if (out !== size) throw broken(length, `its end after ${out} of ${size} bytes`);
  return target;
}

function writeLiterals(
  source: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
  out: number,
  matchCode: number,
): number {
  const literals = to - from;
  target[out++] = Math.min(literals, 15) << 4 | Math.min(matchCode, 15);
  if (literals >= 15) out = writeMore(target, out, literals - 15);
  if (literals > 16) target.set(source.subarray(from, to), out);
  else for (let i = 0; i < literals; i++) target[out + i] = source[from + i];
  return out + literals;
}

function writeMore(target: Uint8Array, out: number, rest: number): number {
  for (; rest >= 255; rest -= 255) target[out++] = 255;
  target[out++] = rest;
  return out;
}

function read32(bytes: Uint8Array, at: number): number {
  return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
}

function broken(at: number, what: string): TransportError {
  return new TransportError("protocol", `LZ4 block refused: at byte ${at} stands ${what}`);
}
