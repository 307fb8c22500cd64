/**
 * How large a buffer must be to keep a connection busy.
 *
 * @module
 */

import { bytesOnTheWay } from "../util/bytes_on_the_way.ts";
import { fraction, integer, invalidOption, readOptions } from "../core/options.ts";

/**
 * What {@linkcode bufferBytesFor} goes by.
 *
 * @example
 * ```ts
 * import { bufferBytesFor, type LinkFigures } from "@wireway/wireway";
 * const link: LinkFigures = { bandwidthBitsPerSecond: 100_000_000, roundTripMs: 40 };
 * bufferBytesFor(link);
 * ```
 */
export interface LinkFigures {
  /** What one connection shall be able to carry, in bits a second. */
  bandwidthBitsPerSecond: number;
  /** The time of a round trip, in milliseconds. */
  roundTripMs: number;
  /** The least that is given, in bytes. @default {16384} 16 KiB, a TLS record */
  minBytes?: number;
  /** The most that is given, in bytes. @default {16777216} 16 MiB, what a channel buffers at the most by default */
  maxBytes?: number;
}

/**
 * The size of a buffer that keeps a connection busy: what is on its way in one
 * round trip, `bandwidth × round trip`, since for so long a sender hears
 * nothing of what it sent. With less the connection stands still for a part of
 * each round trip; more only adds to the time that messages wait.
 *
 * It is rounded up to a power of two, so that small differences in what was
 * measured change nothing, and kept within `minBytes` and `maxBytes`. Bounds
 * need not be powers of two.
 *
 * The system's own buffers must be as large, and no program sets those on Deno:
 * they grow up to `tcp_rmem` and `tcp_wmem`, which `deno task doctor` looks at.
 *
 * Errors: `invalid-option`.
 *
 * @example 100 Mbit/s over 40 ms: 500 000 bytes are on their way, and so 512 KiB
 * ```ts
 * import { bufferBytesFor, tcp } from "@wireway/wireway";
 * const highWaterBytes = bufferBytesFor({ bandwidthBitsPerSecond: 100_000_000, roundTripMs: 40 });
 * tcp({ port: 9000, highWaterBytes });
 * ```
 */
export function bufferBytesFor(figures: LinkFigures): number {
  const owner = "bufferBytesFor()";
  const { bandwidthBitsPerSecond, roundTripMs, minBytes, maxBytes } = readOptions(owner, figures, {
    bandwidthBitsPerSecond: fraction(undefined, 1, 1e13),
    roundTripMs: fraction(undefined, 0, 3_600_000),
    minBytes: integer(16 * 1024, 1, 0x7fff_ffff),
    maxBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
  });
  if (bandwidthBitsPerSecond === undefined) {
    throw invalidOption(owner, "bandwidthBitsPerSecond", undefined, "a number of bits a second");
  }
  if (roundTripMs === undefined) throw invalidOption(owner, "roundTripMs", undefined, "a time in milliseconds");
  if (minBytes > maxBytes) throw invalidOption(owner, "minBytes", minBytes, `maxBytes (${maxBytes}) or less`);
  const onTheWay = bytesOnTheWay(bandwidthBitsPerSecond, roundTripMs);
  return Math.min(maxBytes, Math.max(minBytes, 2 ** Math.ceil(Math.log2(Math.max(1, onTheWay)))));
}
