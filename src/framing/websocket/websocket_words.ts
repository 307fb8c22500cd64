/**
 * Bytes seen four at a time, for the loops that run over every byte received.
 *
 * @module
 */

/** Buffers up to this size are remembered; making a view of a larger one is cheap beside what is done with it. */
const maxRememberedBytes = 512 * 1024;

let remembered: ArrayBufferLike | undefined;
let rememberedWords: Uint32Array;

/**
 * All whole 32-bit words of a buffer. Asked again for the same buffer, as for
 * one frame after the other of a read, gives the same view: making one costs
 * more than to mask 128 bytes.
 */
export function wordsOf(buffer: ArrayBufferLike): Uint32Array {
  if (buffer === remembered) return rememberedWords;
  const words = new Uint32Array(buffer, 0, buffer.byteLength >> 2);
  if (buffer.byteLength <= maxRememberedBytes) {
    remembered = buffer;
    rememberedWords = words;
  }
  return words;
}
