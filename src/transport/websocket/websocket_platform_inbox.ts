/**
 * Messages that have come and wait for their receiver.
 *
 * @module
 */

import type { Message } from "../../core/channel.ts";
import { heldBytes } from "./websocket_platform_sender.ts";

/** What stands where a message was handed out, so that it is not held any longer. */
const nothing = { message: "", cost: 0 };

/** A bounded queue, the oldest first. */
export class PlatformInbox {
  /** The most that may wait, in bytes. */
  readonly maxBytes: number;
  #messages: { readonly message: Message; readonly cost: number }[] = [];
  #next = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** How many wait. */
  get length(): number {
    return this.#messages.length - this.#next;
  }

  /** Takes a message in; false where that is past the limit. */
  add(message: Message, byteLength: number): boolean {
    const cost = byteLength + heldBytes;
    if (this.#bytes > 0 && this.#bytes + cost > this.maxBytes) return false;
    this.#messages.push({ message, cost });
    this.#bytes += cost;
    return true;
  }

  /** Hands the oldest out. */
  take(): Message {
    const { message, cost } = this.#messages[this.#next];
    this.#messages[this.#next++] = nothing;
    this.#bytes -= cost;
    // The places are given back now and then: at once would cost a move of all the rest.
    if (this.#next === this.#messages.length || this.#next > 1024) {
      this.#messages.splice(0, this.#next);
      this.#next = 0;
    }
    return message;
  }

  /** Drops all. */
  clear(): void {
    this.#messages = [];
    this.#next = 0;
    this.#bytes = 0;
  }
}
