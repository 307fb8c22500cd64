/**
 * The options of shape(), and its figures.
 *
 * @module
 */

import { byteRate, checkWeights, weightsRule } from "../../core/bandwidth_options.ts";
import { lastPriority, type Message } from "../../core/channel.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { duration, given, integer, invalidOption, readOptions } from "../../core/options.ts";

/**
 * Options of {@linkcode shape}.
 *
 * @example
 * ```ts
 * import { shape, type ShapeOptions } from "@wireway/wireway";
 * const options: ShapeOptions = { upBytesPerSecond: 1_000_000, fragmentBytes: 16_384 };
 * shape(options);
 * ```
 */
export interface ShapeOptions {
  /** Bytes a second from the dialling end to the listening one, on each connection. @default {Infinity} */
  upBytesPerSecond?: number;
  /** Bytes a second from the listening end to the dialling one, on each connection. @default {Infinity} */
  downBytesPerSecond?: number;
  /** Bytes that may go at once after a pause. @default {65536} 64 KiB */
  burstBytes?: number;
  /** Larger messages are cut into fragments of this many bytes: what an urgent message may have to wait for. @default {16384} 16 KiB */
  fragmentBytes?: number;
  /** The shares of priorities 1 to 7 in what goes, where they compete. @default {[8, 6, 4, 3, 2, 1.5, 1]} */
  weights?: readonly number[];
  /** The priority of a message, 0 to 8, from what its sender said. Default: that. Messages of one priority keep their order. */
  classOf?: (message: Message, priority: number) => number;
  /** Bytes on their way to the peer at the most, whatever the round trips say. @default {4194304} 4 MiB */
  maxWindowBytes?: number;
  /** Bytes of unfinished messages of the peer at the most. @default {67108864} 64 MiB */
  maxAssemblyBytes?: number;
  /** Bytes held here and below past which `send()` returns a promise. @default {262144} 256 KiB */
  highWaterBytes?: number;
  /** Bytes held here and below past which `send()` refuses. @default {16777216} 16 MiB */
  maxBufferedBytes?: number;
  /** Time after `close()` in which the peer must have taken something of what is held, in milliseconds. @default {2000} */
  drainTimeoutMs?: number;
  /** Shows what goes on. */
  stats?: ShapeStats;
  /** Measures the times. @default {systemClock} */
  clock?: Clock;
}

/**
 * One connection as it is shaped now.
 *
 * @example
 * ```ts
 * import type { ShapeUse } from "@wireway/wireway";
 * const isSlow = (use: ShapeUse): boolean => use.queuedBytes > 1_000_000;
 * ```
 */
export interface ShapeUse {
  /** Bytes that wait here. */
  readonly queuedBytes: number;
  /** Bytes on their way to the peer. */
  readonly inFlightBytes: number;
  /** Bytes that may be on their way. */
  readonly windowBytes: number;
  /** The last round trip that was measured, in milliseconds; 0 where there was none. */
  readonly roundTripMs: number;
  /** Bytes that went so far. */
  readonly bytesSent: number;
  /** Bytes that went in the last second. */
  readonly bytesPerSecond: number;
}

/**
 * Shows what {@linkcode shape} does on each of the connections that it is given
 * for.
 *
 * @example
 * ```ts
 * import { chain, shape, ShapeStats, tcp } from "@wireway/wireway";
 * const stats = new ShapeStats();
 * chain(tcp({ port: 9000 }), shape({ stats }));
 * for (const { bytesPerSecond, roundTripMs } of stats.connections()) console.log(bytesPerSecond, roundTripMs);
 * ```
 */
export class ShapeStats {
  /** Bytes that went so far in each class, 0 to 8, over all connections. */
  readonly bytesByClass: number[] = new Array(lastPriority + 1).fill(0);
  /** The open connections; each adds and takes away itself. */
  readonly #open = new Set<{ use(): ShapeUse }>();

  /** The open connections, as they are now. */
  connections(): ShapeUse[] {
    return Array.from(this.#open, (connection) => connection.use());
  }

  /** Adds a connection, or takes one away that is over. For shape() itself. */
  note(connection: { use(): ShapeUse }, isOpen: boolean): void {
    if (isOpen) this.#open.add(connection);
    else this.#open.delete(connection);
  }
}

/** The settings that shape() works by. */
export type ShapeSettings = ReturnType<typeof readShapeOptions>;

/** The smallest window, and what a fragment may have at the most. */
export const leastWindowBytes: number = 32 * 1024;
const mostFragmentBytes = 64 * 1024;

/** How they are read. */
export const shapeRules = {
  upBytesPerSecond: byteRate,
  downBytesPerSecond: byteRate,
  burstBytes: integer(64 * 1024, 1, 0x7fff_ffff),
  fragmentBytes: integer(16 * 1024, 256, mostFragmentBytes),
  weights: weightsRule,
  classOf: given<ShapeOptions["classOf"]>(undefined, "a function"),
  maxWindowBytes: integer(4 * 1024 * 1024, leastWindowBytes, 0x7fff_ffff),
  maxAssemblyBytes: integer(64 * 1024 * 1024, 1, 0x7fff_ffff),
  highWaterBytes: integer(256 * 1024, 0, 0x7fff_ffff),
  maxBufferedBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
  drainTimeoutMs: duration(2000, 1),
  stats: given<ShapeStats | undefined>(undefined, "an object"),
  clock: given<Clock>(systemClock, "an object"),
};

/** Checks the options and fills in the defaults. */
export function readShapeOptions(options: ShapeOptions): Readonly<Required<Omit<ShapeOptions, "classOf">>> & {
  readonly classOf: ShapeOptions["classOf"];
  /** The open connections, to be told of changes. */
  readonly channels: Set<{ changed(): void }>;
} {
  const settings = readOptions("shape()", options, shapeRules);
  const { weights, highWaterBytes, maxBufferedBytes } = settings;
  checkWeights("shape()", weights);
  if (maxBufferedBytes < highWaterBytes) {
    throw invalidOption("shape()", "maxBufferedBytes", maxBufferedBytes, `highWaterBytes (${highWaterBytes}) or more`);
  }
  return { ...settings, stats: settings.stats ?? new ShapeStats(), channels: new Set() };
}
