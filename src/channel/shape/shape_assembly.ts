/**
 * Cuts messages into fragments, and puts those together again, one message a class at a time.
 *
 * @module
 */

import { lastPriority, type Message } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { joinBytes } from "../../util/join_bytes.ts";
import { joined } from "../agreed_channel.ts";
import type { Waiting } from "./shape_queue.ts";

/** What stands beside the class in a fragment's third byte. */
const Flag = { first: 0x80, last: 0x40, text: 0x20 } as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The next fragment of a message that waits, behind `head`. */
export function fragmentOf(head: readonly number[], waiting: Waiting, className: number, bytes: number): Uint8Array {
  const { message, sent, size } = waiting;
  const isText = typeof message === "string";
  const whole = waiting.bytes ??= isText ? encoder.encode(message) : message;
  const flags = (sent === 0 ? Flag.first : 0) | (sent + bytes === size ? Flag.last : 0) | (isText ? Flag.text : 0);
  return joined([...head, className | flags], head.length + 1, whole.subarray(sent, sent + bytes));
}

/** See the module. */
export class ShapeAssembly {
  readonly #parts: (Uint8Array[] | undefined)[] = [];
  readonly #bytes: number[] = new Array(lastPriority + 1).fill(0);
  readonly #maxMessageBytes: number;
  readonly #maxBytes: number;
  #total = 0;

  constructor(maxMessageBytes: number, maxBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#maxBytes = maxBytes;
  }

  /** Takes a fragment; returns the message that it ends, if it ends one. Throws `protocol` and `message-too-large`. */
  add(flags: number, fragment: Uint8Array): Message | undefined {
    const className = flags & 0x1f;
    if (className > lastPriority) throw refused(`its class is ${className}`);
    const isFirst = (flags & Flag.first) !== 0;
    const begun = this.#parts[className];
    if (isFirst === (begun !== undefined)) {
      throw refused(isFirst ? "the message before it has no end" : "it begins no message, and none has begun");
    }
    if (fragment.length === 0) throw refused("it is empty");
    const bytes = this.#bytes[className] += fragment.length;
    this.#total += fragment.length;
    if (bytes > this.#maxMessageBytes || this.#total > this.#maxBytes) {
      const why = bytes > this.#maxMessageBytes
        ? `its message has ${bytes} bytes or more, ${this.#maxMessageBytes} are allowed`
        : `${this.#total} bytes of messages are unfinished, ${this.#maxBytes} are allowed`;
      throw new TransportError("message-too-large", `Fragment refused: ${why}`);
    }
    const parts = this.#parts[className] = begun ?? [];
    parts.push(fragment);
    if ((flags & Flag.last) === 0) return undefined;
    this.#parts[className] = undefined;
    this.#bytes[className] = 0;
    this.#total -= bytes;
    const message = joinBytes(parts);
    if ((flags & Flag.text) === 0) return message;
    try {
      return decoder.decode(message);
    } catch (cause) {
      throw refused("its text is not in UTF-8", cause);
    }
  }
}

function refused(why: string, cause?: unknown): TransportError {
  return new TransportError("protocol", `Fragment refused: ${why}`, { cause });
}
