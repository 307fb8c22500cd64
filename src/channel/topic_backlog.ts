/**
 * The messages that a topic keeps: for readers that lag behind, and for those
 * who come late or back.
 *
 * @module
 */

import type { Message } from "../core/channel.ts";

/** What holding a message costs beside its bytes, roughly: without it, empty messages would never fill a backlog. */
const heldBytes = 64;

/** A message that is kept, with what it was encoded to. */
export interface Kept<T> {
  readonly message: T;
  /** By the number of the encoding; encoded when the first reader needs it. */
  readonly encoded: (Message | undefined)[];
  bytes: number;
}

/** The last messages, numbered without gaps. Past a limit the oldest are forgotten. */
export class Backlog<T> {
  /** Bytes that are kept. */
  bytes = 0;
  /** The number of the oldest message that is kept; that of the next one, where none is. */
  first = 1;
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  /** The messages; those before `#head` are forgotten. */
  #messages: (Kept<T> | undefined)[] = [];
  #head = 0;

  /** How many encodings there are whose bytes count. */
  readonly #encodings: number;

  /** Makes an empty backlog. */
  constructor(encodings: number, maxMessages: number, maxBytes: number) {
    this.#encodings = encodings;
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  /** How many messages are kept. */
  get size(): number {
    return this.#messages.length - this.#head;
  }

  /** Keeps the next message. */
  add(message: T, encoded: (Message | undefined)[]): void {
    let bytes = heldBytes + sizeOf(message);
    for (let i = 0; i < this.#encodings; i++) bytes += encoded[i]?.length ?? 0;
    this.#messages.push({ message, encoded, bytes });
    this.bytes += bytes;
    this.#shrink();
  }

  /** A message by its number; it must be kept. */
  get(number: number): Kept<T> {
    return this.#messages[this.#head + number - this.first]!;
  }

  /** Takes note of what a message was encoded to. May forget it. */
  grow(kept: Kept<T>, encoding: number, encoded: Message): void {
    kept.encoded[encoding] = encoded;
    if (encoding >= this.#encodings) return;
    kept.bytes += encoded.length;
    this.bytes += encoded.length;
    this.#shrink();
  }

  /** Forgets all; the next message has this number. */
  clear(next: number): void {
    if (this.#messages.length > 0) this.#messages = [];
    this.#head = this.bytes = 0;
    this.first = next;
  }

  #shrink(): void {
    while (this.size > this.#maxMessages || this.bytes > this.#maxBytes) {
      this.bytes -= this.#messages[this.#head]!.bytes;
      this.#messages[this.#head++] = undefined;
      this.first++;
    }
    if (this.#head > 64 && this.#head > this.#messages.length >> 1) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
  }
}

function sizeOf(message: unknown): number {
  if (typeof message === "string") return message.length;
  return ArrayBuffer.isView(message) ? message.byteLength : 0;
}
