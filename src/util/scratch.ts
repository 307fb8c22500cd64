/**
 * Scratch buffers that connections borrow for the time of a write, so that an
 * idle connection holds none.
 *
 * @module
 */

/**
 * Sizes that are lent. A connection begins with the smallest and moves up as it
 * has more to write. The second holds a message of 16 KiB with its head: many
 * connections with one such message each would otherwise borrow more of the
 * largest than are kept (measured: 40 µs a message, with this 26).
 */
const sizes = [2 * 1024, 20 * 1024, 128 * 1024];

/** The largest scratch buffer. */
export const maxScratchBytes: number = sizes[sizes.length - 1];

/** How many bytes of unused buffers are kept of each size. */
const maxKeptBytes = 4 * 1024 * 1024;

const kept: Uint8Array[][] = sizes.map(() => []);

/** Borrows a buffer of at least `byteLength` bytes, or of the largest size. */
export function borrowScratch(byteLength: number): Uint8Array {
  let size = 0;
  while (size < sizes.length - 1 && sizes[size] < byteLength) size++;
  return kept[size].pop() ?? new Uint8Array(sizes[size]);
}

/** Gives a borrowed buffer back. Nobody may hold a view of it. */
export function returnScratch(buffer: Uint8Array): void {
  const size = sizes.indexOf(buffer.length);
  if (size >= 0 && kept[size].length * sizes[size] < maxKeptBytes) kept[size].push(buffer);
}
