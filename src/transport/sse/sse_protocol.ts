/**
 * The names and numbers of the protocol that sse.md describes.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";

/** The version that both ends must share. */
export const sseVersion = "1";

/** The header fields of the protocol, in lower case. */
export const sseFields = {
  /** On the opening GET: this client numbers and acknowledges. */
  version: "wireway-version",
  /** On everything after it: the channel's id. */
  channel: "wireway-channel",
  /** On a POST: the number of the first message in its body. */
  first: "wireway-first",
  /** On a POST: the number up to which all events were received. */
  ack: "wireway-ack",
  /** On a GET that resumes. */
  lastEventId: "last-event-id",
} as const;

/** The media type of a POST. */
export const ssePostType = "application/octet-stream";

/** What the first event of a stream tells. Times are in milliseconds. */
export interface SseTerms {
  readonly channel: string;
  readonly heartbeatMs: number;
  readonly livenessMs: number;
  readonly resumeWindowMs: number;
  readonly postTimeoutMs: number;
  readonly retryMs: number;
  readonly maxMessageBytes: number;
  readonly maxPostBytes: number;
  readonly ackBytes: number;
}

const numbers = [
  "heartbeatMs",
  "livenessMs",
  "resumeWindowMs",
  "postTimeoutMs",
  "retryMs",
  "maxMessageBytes",
  "maxPostBytes",
  "ackBytes",
] as const;

/** The first event of a stream. */
export function formatOpen(terms: SseTerms): string {
  // JSON has no Infinity: null stands for it.
  return `event: open\nretry: ${Math.min(terms.retryMs, 0x7fff_ffff)}\ndata: ${JSON.stringify(terms)}\n\n`;
}

/** Reads the data of the first event. Throws `protocol`. */
export function readOpen(data: string): SseTerms {
  let told: Record<string, unknown>;
  try {
    told = Object(JSON.parse(data));
  } catch (cause) {
    throw new TransportError("protocol", "Stream refused: its first event is not JSON", { cause });
  }
  const terms: Record<string, unknown> = { channel: told.channel };
  if (typeof told.channel !== "string" || !isChannelId(told.channel)) {
    throw new TransportError("protocol", "Stream refused: its first event names no channel");
  }
  for (const name of numbers) {
    const value = told[name] === null ? Infinity : told[name];
    // A window, or what is acknowledged at once, may be nothing; a time between two signs of life may not.
    if (typeof value !== "number" || !(value >= (name === "resumeWindowMs" || name === "ackBytes" ? 0 : 1))) {
      throw new TransportError("protocol", `Stream refused: ${name} of its first event is not a number from 1`);
    }
    terms[name] = value;
  }
  return terms as unknown as SseTerms;
}

/** A new channel's id: 144 bits that nobody can guess. */
export function newChannelId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

/** Whether a text looks like a channel's id. */
export function isChannelId(text: string): boolean {
  return /^[A-Za-z0-9_-]{16,64}$/.test(text);
}

/** The event that tells a client that the other end gave the channel up. */
export function formatAbort(why: string): string {
  return `event: abort\ndata: ${JSON.stringify({ message: why.slice(0, 1000) })}\n\n`;
}

/** What an abort event says. */
export function readAbort(data: string): string {
  try {
    const { message } = Object(JSON.parse(data));
    if (typeof message === "string") return message;
  } catch {
    // It is over whatever it says.
  }
  return "it said nothing more";
}
