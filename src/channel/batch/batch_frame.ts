/**
 * Many messages in one, as bytes: see `batch.md` beside this file. Pure
 * functions, no state.
 *
 * @module
 */

import type { Message } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { byteLengthOf } from "../../util/byte_length.ts";

/** The most that a message takes beside its own bytes. */
export const maxEntryHeadBytes = 5;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Writes messages one after the other behind `head`. `bytes` is at least what all of them take. */
export function encodeBatch(head: readonly number[], messages: readonly Message[], bytes: number): Uint8Array {
  const frame = new Uint8Array(head.length + bytes + maxEntryHeadBytes * messages.length);
  let at = 0;
  for (const byte of head) frame[at++] = byte;
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i];
    const isText = typeof message === "string";
    const length = isText ? byteLengthOf(message) : message.length;
    let rest = length * 2 + (isText ? 1 : 0);
    while (rest > 0x7f) {
      frame[at++] = rest % 128 | 0x80;
      rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 128);
    }
    frame[at++] = rest;
    if (isText) encoder.encodeInto(message, frame.subarray(at));
    else frame.set(message, at);
    at += length;
  }
  return frame.subarray(0, at);
}

/** Takes the messages out of a batch, one after the other. */
export class BatchReader {
  readonly #frame: Uint8Array;
  #at: number;

  constructor(frame: Uint8Array, at: number) {
    this.#frame = frame;
    this.#at = at;
  }

  /** Whether there are more. */
  get more(): boolean {
    return this.#at < this.#frame.length;
  }

  /** The next message. Throws `protocol` where the bytes are none. */
  next(): Message {
    const frame = this.#frame;
    const start = this.#at;
    let at = start;
    let value = frame[at++];
    if (value > 0x7f) {
      value &= 0x7f;
      for (let factor = 128;; factor *= 128) {
        const byte = frame[at++];
        if (byte === undefined || at - start > maxEntryHeadBytes) throw broken(start, "its length has no end");
        value += (byte & 0x7f) * factor;
        if (byte <= 0x7f) break;
      }
    }
    const length = Math.floor(value / 2);
    const left = frame.length - at;
    if (length > left) throw broken(start, `it has ${length} bytes, and ${left} are left`);
    this.#at = at + length;
    const bytes = frame.subarray(at, this.#at);
    if (value % 2 === 0) return bytes;
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      throw broken(start, "its text is not in UTF-8", cause);
    }
  }
}

function broken(at: number, why: string, cause?: unknown): TransportError {
  return new TransportError("protocol", `Batch refused: its message at byte ${at}: ${why}`, { cause });
}
