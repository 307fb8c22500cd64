/**
 * Views of a piece of memory, made once for every message that comes in.
 *
 * @module
 */

/** As `bytes.subarray(from, to)`, which looks for the constructor first and takes half as long again. */
export function viewOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
}
