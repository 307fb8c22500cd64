/**
 * The bodies of the POSTs that carry messages up: frames of a kind, a length
 * and bytes.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { endMark, type Item } from "./sse_messages.ts";
import { decodeUtf8, isUtf8 } from "../websocket/utf8.ts";

/** What stands before the bytes of a frame: its kind and its length. */
export const postHeadBytes = 5;

const text = 0x74; // t
const bytes = 0x62; // b
const end = 0x65; // e

const encoder = new TextEncoder();

/** An item made ready to be put into a body: texts are encoded already. */
export interface PostItem {
  readonly kind: "text" | "bytes" | "end";
  readonly payload: Uint8Array;
}

const nothing = new Uint8Array(0);

/** Makes an item ready. */
export function toPostItem(item: Item): PostItem {
  if (item === endMark) return { kind: "end", payload: nothing };
  if (typeof item === "string") return { kind: "text", payload: encoder.encode(item) };
  return { kind: "bytes", payload: item };
}

/** The body with these items. */
export function encodePost(items: readonly PostItem[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const { payload } of items) size += postHeadBytes + payload.length;
  const body = new Uint8Array(size);
  let at = 0;
  for (const { kind, payload } of items) {
    const { length } = payload;
    body[at] = kind === "text" ? text : kind === "bytes" ? bytes : end;
    body[at + 1] = length >>> 24;
    body[at + 2] = length >>> 16;
    body[at + 3] = length >>> 8;
    body[at + 4] = length;
    body.set(payload, at + postHeadBytes);
    at += postHeadBytes + length;
  }
  return body;
}

/**
 * The items in a body. All of it is checked before anything is handed out: a
 * body is taken whole or not at all.
 *
 * Throws `protocol`, and `message-too-large`, with the status to answer with in
 * its details.
 */
export class PostItems {
  /** How many there are. */
  readonly count: number;
  readonly #body: Uint8Array;
  #at = 0;

  constructor(body: Uint8Array, maxMessageBytes: number) {
    this.#body = body;
    let at = 0;
    let count = 0;
    let ended = false;
    while (at < body.length) {
      if (ended) throw refused("it goes on after the end", at);
      if (body.length - at < postHeadBytes) throw refused("it ends in the head of a frame", at);
      const kind = body[at];
      const length = lengthAt(body, at);
      if (length > maxMessageBytes) {
        throw new TransportError(
          "message-too-large",
          `POST refused: a message has ${length} bytes, ${maxMessageBytes} are allowed`,
          { details: { status: 413, offset: at } },
        );
      }
      const from = at + postHeadBytes;
      const to = from + length;
      if (to > body.length) {
        throw refused(`a frame says it has ${length} bytes, of which ${body.length - from} came`, at);
      }
      if (kind === text) {
        if (!isUtf8(body, from, to)) throw refused("a text is not UTF-8", at);
      } else if (kind === end) {
        if (length > 0) throw refused("the end has bytes", at);
        ended = true;
      } else if (kind !== bytes) {
        throw refused(`a frame of kind ${kind}`, at);
      }
      at = to;
      count++;
    }
    this.count = count;
  }

  /** The next item; there are as many as `count` says. Bytes are a view of the body. */
  next(): Item {
    const body = this.#body;
    const from = this.#at + postHeadBytes;
    const kind = body[this.#at];
    const to = from + lengthAt(body, this.#at);
    this.#at = to;
    if (kind === end) return endMark;
    return kind === text ? decodeUtf8(body, from, to) : body.subarray(from, to);
  }
}

function lengthAt(body: Uint8Array, at: number): number {
  return ((body[at + 1] << 24) | (body[at + 2] << 16) | (body[at + 3] << 8) | body[at + 4]) >>> 0;
}

function refused(why: string, offset: number): TransportError {
  return new TransportError("protocol", `POST refused: ${why}, at byte ${offset} of its body`, {
    details: { status: 400, offset },
  });
}
