/**
 * The options of sse() in all its forms: what they are, their defaults, and
 * what is refused.
 *
 * @module
 */

import type { Adjustable } from "../../core/adjustable.ts";
import type { Admittance } from "../../core/admittance.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { liveSettings } from "../../core/live_settings.ts";
import type { Observer } from "../../core/observer.ts";
import { duration, given, integer, invalidOption, type readOptions } from "../../core/options.ts";

/**
 * What is known of a client when it asks to be let in.
 *
 * @example
 * ```ts
 * import { sse, type SseRequest } from "@wireway/wireway";
 * const knows = (request: SseRequest) => request.headers.get("authorization") === "Bearer 7";
 * sse({ port: 9000, authenticate: knows });
 * ```
 */
export interface SseRequest {
  /** Path and query. */
  readonly target: string;
  /** The header fields of the request. */
  readonly headers: Headers;
}

/**
 * Options that all forms of sse() have in common. One set describes both ends;
 * what only one of them needs, the other ignores.
 *
 * @example
 * ```ts
 * import { mountedSse, type SseChannelOptions } from "@wireway/wireway";
 * const options: SseChannelOptions = { resumeWindowMs: 60_000, maxChannels: 1000 };
 * mountedSse(options);
 * ```
 */
export interface SseChannelOptions {
  /** Header fields that a client sends with each request. @default {{}} */
  headers?: Record<string, string>;
  /** Origins whose pages may connect beside the server's own, such as `https://shop.example`; `*` for all. @default {[]} */
  origins?: string[];
  /**
   * Decides on each stream before it is let in, a resumed one too; one that is not is answered 401, and one that is not
   * decided on within `connectTimeoutMs` 503. What it says of the client that opens a channel, handlers find in `context.peer.identity`.
   * Default: all are.
   */
  authenticate?: (request: SseRequest) => Admittance | Promise<Admittance>;
  /** The largest message, in bytes. @default {16777216} 16 MiB */
  maxMessageBytes?: number;
  /** The largest body of a POST, in bytes. Default: a message of the largest size and 256 KiB more. */
  maxPostBytes?: number;
  /** Channels open at once; further ones are answered 503. @default {65536} */
  maxChannels?: number;
  /** Bytes that the peer has not acknowledged, past which `send()` returns a promise. @default {262144} 256 KiB */
  highWaterBytes?: number;
  /** Bytes that the peer has not acknowledged, past which `send()` refuses: also what is kept for a resume. @default {16777216} 16 MiB */
  maxBufferedBytes?: number;
  /** How long a channel outlives its connection, in milliseconds: the time to come back and resume. @default {30000} */
  resumeWindowMs?: number;
  /** The longest first wait before a client reconnects, in milliseconds, as the server tells it; doubled with each attempt. @default {500} */
  retryMs?: number;
  /** The longest wait before a client reconnects, in milliseconds. @default {10000} */
  maxRetryMs?: number;
  /** The longest silence of either end, in milliseconds; then it says that it is there. @default {15000} */
  heartbeatMs?: number;
  /** How much longer a silence may be until the connection counts as lost, in milliseconds. @default {10000} */
  livenessMs?: number;
  /** The longest time that a client puts off an acknowledgement, in milliseconds. @default {50} */
  ackDelayMs?: number;
  /** Time for connecting and the answer to it, in milliseconds. @default {10000} */
  connectTimeoutMs?: number;
  /** Time in which the body of a POST must be whole, in milliseconds. @default {30000} */
  postTimeoutMs?: number;
  /** Time that the peer has for its end after this end's, in milliseconds. @default {2000} */
  lingerMs?: number;
  /** Measures the timeouts. @default {systemClock} */
  clock?: Clock;
  /** Hears of channels. */
  observer?: Observer;
}

/** The settings that sse() works by, checked and complete. */
export interface SseSettings extends Required<Omit<SseChannelOptions, "authenticate" | "observer">> {
  readonly authenticate: SseChannelOptions["authenticate"];
  readonly observer: Observer | undefined;
}

/** A message as an event is a third larger; the parser of events has its limit at 256 MiB. */
const largestMessageBytes = 128 * 1024 * 1024;

const rules = {
  headers: given<Record<string, string>>({}, "an object"),
  origins: given<string[]>([], "a list"),
  authenticate: given<SseChannelOptions["authenticate"]>(undefined, "a function"),
  maxMessageBytes: integer(16 * 1024 * 1024, 1, largestMessageBytes),
  maxPostBytes: integer(undefined, 1, 0x7fff_ffff),
  maxChannels: integer(65_536, 1, 10_000_000),
  highWaterBytes: integer(256 * 1024, 0, 0x7fff_ffff),
  maxBufferedBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
  resumeWindowMs: duration(30_000),
  retryMs: duration(500, 1),
  maxRetryMs: duration(10_000, 1),
  heartbeatMs: duration(15_000, 1),
  livenessMs: duration(10_000, 1),
  ackDelayMs: duration(50),
  connectTimeoutMs: duration(10_000, 1),
  postTimeoutMs: duration(30_000, 1),
  lingerMs: duration(2000),
  clock: given<Clock>(systemClock, "an object"),
  observer: given<Observer | undefined>(undefined, "a function"),
};

/** The rules of the options that all forms have in common. */
export const sseRules: typeof rules = rules;

/** Checks what the rules can't and fills in what depends on other options. */
export function completeSseSettings(
  owner: string,
  read: ReturnType<typeof readOptions<typeof rules>>,
): SseSettings {
  const settings = { ...read, maxPostBytes: read.maxPostBytes ?? read.maxMessageBytes + 256 * 1024 };
  checkSseSizes(owner, settings);
  return settings;
}

/** Limits that are looked at as they are now, and terms that the next channels are told of. */
export const sseLiveNames = [
  "maxChannels",
  "maxMessageBytes",
  "connectTimeoutMs",
  "heartbeatMs",
  "livenessMs",
  "resumeWindowMs",
  "retryMs",
  "maxRetryMs",
  "ackDelayMs",
  "lingerMs",
  "highWaterBytes",
  "maxBufferedBytes",
] as const;

/** What can be changed while it works, of the forms without sockets of their own. */
export function adjustableSseChannels(owner: string, settings: SseSettings): Adjustable {
  return liveSettings<SseSettings>(owner, settings, rules, sseLiveNames, {
    check: (next) => checkSseSizes(owner, next),
  });
}

/** Refuses sizes that don't go together. */
export function checkSseSizes(
  owner: string,
  { maxMessageBytes, maxPostBytes, highWaterBytes, maxBufferedBytes }: Pick<
    SseSettings,
    "maxMessageBytes" | "maxPostBytes" | "highWaterBytes" | "maxBufferedBytes"
  >,
): void {
  // One head of a frame must fit in beside the message.
  const least = maxMessageBytes + 5;
  if (maxPostBytes < least) {
    throw invalidOption(owner, "maxPostBytes", maxPostBytes, `maxMessageBytes and 5 (${least}) or more`);
  }
  if (maxBufferedBytes < highWaterBytes) {
    throw invalidOption(owner, "maxBufferedBytes", maxBufferedBytes, `highWaterBytes (${highWaterBytes}) or more`);
  }
}
