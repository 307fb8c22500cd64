/**
 * Copies of bytes that are kept while their owner goes on with the originals.
 *
 * @module
 */

/** Small bodies are copied into memory that they share: a memory of its own for each costs more than the copying. */
const slabBytes = 8 * 1024;
const maxSharedBytes = 512;
let slab = new Uint8Array(0);
let slabUsed = 0;

/** A copy of the bytes, not to be written to or handed out. */
export function keptBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = bytes;
  if (length > maxSharedBytes) return new Uint8Array(bytes);
  if (slabUsed + length > slab.length) {
    slab = new Uint8Array(slabBytes);
    slabUsed = 0;
  }
  const copy = slab.subarray(slabUsed, slabUsed += length);
  copy.set(bytes);
  return copy;
}
