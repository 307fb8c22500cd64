/**
 * The masking of WebSocket payloads: RFC 6455, section 5.3.
 *
 * A mask is a number here: its lowest byte is the first on the wire, which is
 * the order in which every platform with JavaScript keeps words in memory.
 *
 * @module
 */

import { wordsOf } from "./websocket_words.ts";

/** Below this many bytes, going byte by byte is faster than finding the words. */
const minWordBytes = 20;

/**
 * Masks or unmasks `bytes[start..end)` where it is. `phase` is how many bytes of
 * the payload came before `start`.
 */
export function maskInPlace(bytes: Uint8Array, start: number, end: number, mask: number, phase = 0): void {
  let key = rotated(mask, phase);
  let at = start;
  if (end - start >= minWordBytes) {
    const base = bytes.byteOffset;
    for (; ((base + at) & 3) !== 0; at++) {
      bytes[at] ^= key;
      key = (key >>> 8) | (key << 24);
    }
    const words = wordsOf(bytes.buffer);
    const lastWord = (base + end) >>> 2;
    for (let i = (base + at) >>> 2; i < lastWord; i++) words[i] ^= key;
    at = (lastWord << 2) - base;
  }
  for (; at < end; at++) {
    bytes[at] ^= key;
    key = (key >>> 8) | (key << 24);
  }
}

/**
 * Copies `source` to `target` from `offset` on, and masks the copy. `phase` is
 * how many bytes of the payload came before.
 */
export function copyMasked(source: Uint8Array, target: Uint8Array, offset: number, mask: number, phase = 0): void {
  const length = source.length;
  if (length >= minWordBytes) {
    // Two passes, both fast, whatever the two alignments are.
    target.set(source, offset);
    maskInPlace(target, offset, offset + length, mask, phase);
    return;
  }
  let key = rotated(mask, phase);
  for (let i = 0; i < length; i++) {
    target[offset + i] = source[i] ^ key;
    key = (key >>> 8) | (key << 24);
  }
}

function rotated(mask: number, phase: number): number {
  const bits = (phase & 3) << 3;
  return bits === 0 ? mask : (mask >>> bits) | (mask << (32 - bits));
}

/** How many masks are drawn at once: drawing one by one would cost more than to mask a small message. */
const pooledMasks = 1024;

let pool: Uint32Array<ArrayBuffer> | undefined;
let nextInPool = pooledMasks;

/** A mask that nobody can predict, from the platform's generator of random numbers for secrets. */
export function newMask(): number {
  if (nextInPool === pooledMasks) {
    pool = crypto.getRandomValues(pool ?? new Uint32Array(pooledMasks));
    nextInPool = 0;
  }
  const mask = pool![nextInPool];
  // A mask that was used is public: it must not be found in memory as one still to come.
  pool![nextInPool++] = 0;
  return mask;
}
