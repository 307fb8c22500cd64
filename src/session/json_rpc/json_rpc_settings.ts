/**
 * The options of jsonRpc(): what they are, their defaults, and what is refused.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import type { SentCalls } from "../../core/session_figures.ts";
import type { Observer } from "../../core/observer.ts";
import { duration, flag, given, integer, readOptions } from "../../core/options.ts";

/**
 * Options of {@linkcode jsonRpc}.
 *
 * @example
 * ```ts
 * import { jsonRpc, type JsonRpcOptions } from "@wireway/wireway";
 * const options: JsonRpcOptions = { maxInFlight: 256, maxDepth: 64, extensions: false };
 * jsonRpc(options);
 * ```
 */
export interface JsonRpcOptions {
  /** Calls in flight at once on a connection, in each direction. @default {1024} */
  maxInFlight?: number;
  /** The largest message, in bytes. Default: what the channel takes. */
  maxMessageBytes?: number;
  /** How deep arrays and objects of a message that comes in may stand in each other. @default {256} */
  maxDepth?: number;
  /** Requests and replies in one batch that comes in. @default {1000} */
  maxBatchLength?: number;
  /**
   * Sends requests as batches of up to so many: those that are made in one turn, or within `batchLingerMs`. The far
   * side must know batches, which a good deal of software does not. @default {1} none
   */
  maxBatchCalls?: number;
  /** How long a batch is waited for, in milliseconds; 0 for the end of the turn. @default {0} */
  batchLingerMs?: number;
  /** Tells the far side with `$/cancelRequest` of calls that are given up. @default {true} */
  cancel?: boolean;
  /**
   * Sends the member `wireway`, in which deadlines, priorities and metadata travel, and speaks of streams and of the
   * end. Other software passes over it. @default {true}
   */
  extensions?: boolean;
  /** Items of a stream that may be on their way to this end before they are taken up. @default {64} */
  streamWindowItems?: number;
  /** The same in characters of JSON. @default {262144} */
  streamWindowChars?: number;
  /** Time for calls in flight to finish when a session is closed, in milliseconds. @default {30000} */
  closeTimeoutMs?: number;
  /** Time for the answer to a ping, in milliseconds. @default {10000} */
  pingTimeoutMs?: number;
  /**
   * Characters that wait for a peer that reads slowly. Past it calls are refused with `overloaded`, and where replies
   * wait, nothing more is read. @default {67108864} 64 Mi
   */
  maxQueuedChars?: number;
  /** Measures deadlines. @default {systemClock} */
  clock?: Clock;
  /** Hears of sessions that drain. */
  observer?: Observer;
}

/** The settings of a session, checked and complete. */
export interface JsonRpcSettings {
  readonly maxInFlight: number;
  readonly maxMessageBytes: number | undefined;
  readonly maxDepth: number;
  readonly maxBatchLength: number;
  readonly maxBatchCalls: number;
  readonly batchLingerMs: number;
  readonly cancel: boolean;
  readonly extensions: boolean;
  readonly streamWindowItems: number;
  readonly streamWindowChars: number;
  readonly closeTimeoutMs: number;
  readonly pingTimeoutMs: number;
  readonly maxQueuedChars: number;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
  /** Counts the calls of all sessions. */
  readonly sent: SentCalls;
}

/** Checks the options and fills in the defaults. */
export function readJsonRpcOptions(options: JsonRpcOptions): Omit<JsonRpcSettings, "sent"> {
  return readOptions("jsonRpc()", options, {
    maxInFlight: integer(1024, 1, 1_000_000),
    maxMessageBytes: integer(undefined, 1, 0x7fff_ffff),
    maxDepth: integer(256, 3, 10_000),
    maxBatchLength: integer(1000, 1, 1_000_000),
    maxBatchCalls: integer(1, 1, 1_000_000),
    batchLingerMs: duration(0),
    cancel: flag(true),
    extensions: flag(true),
    streamWindowItems: integer(64, 1, 1_000_000),
    streamWindowChars: integer(256 * 1024, 1, 0x7fff_ffff),
    closeTimeoutMs: duration(30_000),
    pingTimeoutMs: duration(10_000, 1),
    maxQueuedChars: integer(64 * 1024 * 1024, 1, 0x7fff_ffff),
    clock: given<Clock>(systemClock, "an object"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
}
