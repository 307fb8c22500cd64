/**
 * Frames with damage, at random.
 *
 * @module
 */

import type { Random } from "../support/random.ts";
import { frame } from "./_frames.ts";

const interesting = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 0x7f, 0x80, 0xc0, 0xfe, 0xff];

/** Damages a frame in one to three places. */
export function mutated(original: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = original.slice();
  for (let rounds = random.between(1, 3); rounds > 0; rounds--) {
    const at = random.below(bytes.length + 1);
    switch (random.below(6)) {
      case 0:
        if (at < bytes.length) bytes[at] ^= 1 << random.below(8);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = random.pick(interesting);
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        bytes = frame([...bytes.subarray(0, at)], [...random.bytes(random.between(1, 8))], [...bytes.subarray(at)]);
        break;
      case 4:
        bytes = frame([...bytes.subarray(0, at)], [...bytes.subarray(at + random.between(1, 4))]);
        break;
      default:
        if (bytes.length > 0) bytes[0] = random.below(256);
    }
  }
  return bytes;
}
