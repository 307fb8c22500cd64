/**
 * Knowing the first message of mux() where nobody expects it: the two ends have
 * not the same chain.
 *
 * @module
 */

/** A zero and `wire`, as `src/session/mux.md` says. */
const muxHello = [0, 0x77, 0x69, 0x72, 0x65];

/** The most that a version's number is taken for one, so that hardly anything else looks like it. */
const maxVersion = 15;

/** The first of those bytes, read as the length of a frame. */
export const muxHelloAsLength = 0x0077_6972;

/** Whether the bytes from `at` on begin as a hello of mux() does: its mark, its version and its oldest version. */
export function isMuxHello(bytes: Uint8Array, at: number, end: number): boolean {
  const versionAt = at + muxHello.length;
  return versionAt + 1 < end && muxHello.every((byte, index) => bytes[at + index] === byte) &&
    bytes[versionAt] >= 1 && bytes[versionAt] <= maxVersion &&
    bytes[versionAt + 1] >= 1 && bytes[versionAt + 1] <= bytes[versionAt];
}
