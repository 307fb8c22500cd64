/**
 * Messages of a channel as server-sent events, and back.
 *
 * @module
 */

import type { Message } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import type { ReceivedEvent } from "./event_stream_events.ts";

/** What ends one direction: the last of its messages. */
export const endMark: unique symbol = Symbol("end");

/** A numbered item of one direction: a message, or its end. */
export type Item = Message | typeof endMark;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * An item as an event whose id is its number. A text is an event without a
 * name, so that a plain reader gets it as it is; one with a carriage return,
 * which the format would turn into a line feed, goes as base64.
 */
export function formatItem(number: number, item: Item): string {
  if (item === endMark) return `event: end\nid: ${number}\ndata\n\n`;
  if (typeof item !== "string") return `event: bytes\nid: ${number}\ndata: ${encodeBase64(item)}\n\n`;
  if (!isPlain(item)) return `event: text\nid: ${number}\ndata: ${encodeBase64(encoder.encode(item))}\n\n`;
  const data = item.includes("\n") ? item.replaceAll("\n", "\ndata: ") : item;
  return `id: ${number}\ndata: ${data}\n\n`;
}

/** Whether a text survives as lines, and does not grow to a multiple by it: a line feed takes seven bytes. */
function isPlain(text: string): boolean {
  if (text.includes("\r")) return false;
  let left = 64 + (text.length >> 4);
  for (let at = text.indexOf("\n"); at >= 0 && left >= 0; at = text.indexOf("\n", at + 1)) left--;
  return left >= 0;
}

/** How much data an event has at most, in bytes, for a message of `byteLength`: in base64 three bytes take four. */
export function maxDataBytes(byteLength: number): number {
  return Math.ceil(byteLength / 3) * 4 + 1024;
}

/**
 * The item in an event; undefined for an event that is none. Throws `protocol`
 * for one that can't be read.
 */
export function readItem({ event, data }: ReceivedEvent): Item | undefined {
  switch (event) {
    case "message":
      return data;
    case "bytes":
      return decoded(data);
    case "text":
      try {
        return strictDecoder.decode(decoded(data));
      } catch (cause) {
        throw new TransportError("protocol", "Event refused: its text is not UTF-8", { cause });
      }
    case "end":
      return endMark;
    default:
      return undefined;
  }
}

/** The number in the id of an event, or in a header field; undefined where it is none. */
export function readNumber(text: string): number | undefined {
  // Fifteen digits are exact in a number.
  return /^(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : undefined;
}

function decoded(data: string): Uint8Array {
  const bytes = decodeBase64(data);
  if (bytes === undefined) throw new TransportError("protocol", "Event refused: its data is not base64");
  return bytes;
}
