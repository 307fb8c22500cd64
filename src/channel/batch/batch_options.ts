/**
 * The options of batch(), and what its channels offer beside sending.
 *
 * @module
 */

import type { Channel, ChannelTransport, DialOptions, Listener, Message } from "../../core/channel.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { duration, given, integer, invalidOption, oneOf, readOptions } from "../../core/options.ts";
import { BatchStats } from "./batch_stats.ts";

/**
 * Options of {@linkcode batch}.
 *
 * @example
 * ```ts
 * import { batch, type BatchOptions } from "@wireway/wireway";
 * const options: BatchOptions = { maxMessages: 100, maxBytes: 65_536, lingerMs: 10 };
 * batch(options);
 * ```
 */
export interface BatchOptions {
  /** Messages in a batch at most. @default {100} */
  maxMessages?: number;
  /** Bytes in a batch at most, 16 for each message included. A larger message goes alone. @default {65536} 64 KiB */
  maxBytes?: number;
  /**
   * Time that a message may wait for others, in milliseconds. With 0 a batch is what is sent in one turn, or
   * while the channel is full: nothing ever waits for others that may not come. @default {0}
   */
  lingerMs?: number;
  /**
   * What a batch looks like: a frame of its own, or its messages as lines, for peers that know nothing of
   * batch(). @default {"binary"}
   */
  format?: "binary" | "newline";
  /** Bytes held here and below past which `send()` returns a promise. @default {262144} 256 KiB */
  highWaterBytes?: number;
  /** Bytes held here and below past which `send()` refuses. @default {16777216} 16 MiB */
  maxBufferedBytes?: number;
  /** Time after `close()` in which the peer must have taken something of what is held, in milliseconds. @default {2000} */
  drainTimeoutMs?: number;
  /** Counts what is sent. */
  stats?: BatchStats;
  /** Measures the times. @default {systemClock} */
  clock?: Clock;
}

/**
 * A channel that gathers its messages.
 *
 * @example
 * ```ts
 * import { type BatchChannel, batch, chain, tcp } from "@wireway/wireway";
 * const channel: BatchChannel = await chain(tcp({ port: 9000 }), batch({ lingerMs: 10 })).dial();
 * channel.receive({ message: () => {}, end: () => {}, closed: () => {} });
 * channel.send("one");
 * channel.send("two");
 * await channel.flush();
 * ```
 */
export interface BatchChannel extends Channel {
  /**
   * Sends a message, and says what became of it: resolves when its batch was taken by the channel below, and
   * rejects with what that batch failed with. Throws as `send()` does.
   */
  post(message: Message, priority?: number): Promise<void>;
  /** Sends what is held without waiting for more. Resolves when the channel below has taken it all. */
  flush(): Promise<void>;
}

/**
 * A transport whose channels gather their messages.
 *
 * @example
 * ```ts
 * import { batch, type BatchTransport, chain, tcp } from "@wireway/wireway";
 * const transport: BatchTransport = chain(tcp({ port: 9000 }), batch());
 * ```
 */
export interface BatchTransport extends ChannelTransport {
  /** Connects. */
  dial(options?: DialOptions): Promise<BatchChannel>;
  /** Listens. */
  listen(accept: (channel: BatchChannel) => void): Promise<Listener>;
}

/** The settings that batch() works by. */
export interface BatchSettings {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly lingerMs: number;
  readonly format: "binary" | "newline";
  readonly highWaterBytes: number;
  readonly maxBufferedBytes: number;
  readonly drainTimeoutMs: number;
  readonly stats: BatchStats;
  readonly clock: Clock;
}

/** How they are read. */
export const batchRules = {
  maxMessages: integer(100, 1, 1_000_000),
  maxBytes: integer(65_536, 64, 0x7fff_ffff),
  lingerMs: duration(0),
  format: oneOf("binary", ["binary", "newline"]),
  highWaterBytes: integer(256 * 1024, 0, 0x7fff_ffff),
  maxBufferedBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
  drainTimeoutMs: duration(2000, 1),
  stats: given<BatchStats | undefined>(undefined, "an object"),
  clock: given<Clock>(systemClock, "an object"),
};

/** Checks the options and fills in the defaults. */
export function readBatchOptions(options: BatchOptions): BatchSettings {
  const settings = readOptions("batch()", options, batchRules);
  checkBatch(settings);
  return { ...settings, stats: settings.stats ?? new BatchStats() };
}

/** Refuses settings that don't go together. */
export function checkBatch({ lingerMs, highWaterBytes, maxBufferedBytes }: Omit<BatchSettings, "stats">): void {
  if (maxBufferedBytes < highWaterBytes) {
    throw invalidOption("batch()", "maxBufferedBytes", maxBufferedBytes, `highWaterBytes (${highWaterBytes}) or more`);
  }
  if (lingerMs === Infinity) throw invalidOption("batch()", "lingerMs", Infinity, "a finite time");
}
