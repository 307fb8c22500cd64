/**
 * Messages that wait for their batch, the urgent ones first.
 *
 * @module
 */

import { lastPriority, type Message } from "../../core/channel.ts";
import type { TransportError } from "../../core/errors.ts";
import { byteLengthOf } from "../../util/byte_length.ts";

/** A message whose sender wants to know what becomes of it. */
export interface Posted {
  readonly message: Message;
  resolve(): void;
  reject(error: TransportError): void;
}

type Item = Message | Posted;

/** What a message counts beside its own bytes: more than it takes in a frame, so that a flood of empty ones is bounded. */
export const itemBytes = 16;

const usualPriority = 3;

/** What goes into one batch. */
export interface Gathered {
  readonly messages: readonly Message[];
  /** Who wants to know. */
  readonly posted: readonly Posted[] | undefined;
  /** The most urgent priority among them. */
  readonly priority: number;
  /** What they counted. */
  readonly bytes: number;
}

/** See the module. */
export class BatchQueue {
  /** How many wait. */
  size = 0;
  /** What they count, in bytes. */
  bytes = 0;
  #usual: Item[] = [];
  /** The messages of other priorities, where there were any. */
  #lanes: Item[][] | undefined = undefined;
  #posted = false;

  add(message: Message, countedBytes: number, priority: number | undefined): void {
    this.size++;
    this.bytes += countedBytes;
    if (priority === undefined || priority === usualPriority) this.#usual.push(message);
    else this.#lane(priority).push(message);
  }

  post(posted: Posted, countedBytes: number, priority = usualPriority): void {
    this.size++;
    this.bytes += countedBytes;
    this.#posted = true;
    (priority === usualPriority ? this.#usual : this.#lane(priority)).push(posted);
  }

  /** Takes the next batch: the most urgent messages within the bounds, one at least. */
  take(maxMessages: number, maxBytes: number): Gathered {
    if (this.#lanes === undefined && !this.#posted && this.size <= maxMessages && this.bytes <= maxBytes) {
      const { bytes } = this;
      const messages = this.#usual as Message[];
      this.#usual = [];
      this.size = this.bytes = 0;
      return { messages, posted: undefined, priority: usualPriority, bytes };
    }
    return this.#pick(maxMessages, maxBytes);
  }

  /** Takes all out, and tells those who want to know. */
  fail(error: TransportError): void {
    for (const { posted } of [this.take(Infinity, Infinity)]) posted?.forEach((one) => one.reject(error));
  }

  #pick(maxMessages: number, maxBytes: number): Gathered {
    const messages: Message[] = [];
    const posted: Posted[] = [];
    let bytes = 0;
    let priority = lastPriority;
    let full = false;
    for (let lane = 0; lane <= lastPriority && !full; lane++) {
      const items = lane === usualPriority ? this.#usual : this.#lanes?.[lane] ?? [];
      let taken = 0;
      while (taken < items.length) {
        const item = items[taken];
        const isPosted = typeof item === "object" && "resolve" in item;
        const message = isPosted ? item.message : item as Message;
        const counted = byteLengthOf(message) + itemBytes;
        full = messages.length >= maxMessages || (messages.length > 0 && bytes + counted > maxBytes);
        if (full) break;
        messages.push(message);
        if (isPosted) posted.push(item);
        bytes += counted;
        priority = Math.min(priority, lane);
        taken++;
      }
      items.splice(0, taken);
    }
    this.size -= messages.length;
    this.bytes -= bytes;
    if (this.size === 0) {
      this.#lanes = undefined;
      this.#posted = false;
    }
    return { messages, posted, priority, bytes };
  }

  /** What is no number is no urgency either. */
  #lane(priority: number): Item[] {
    const lane = Math.max(0, Math.min(lastPriority, Math.trunc(priority)));
    if (lane === usualPriority || Number.isNaN(lane)) return this.#usual;
    const lanes = this.#lanes ??= Array.from({ length: lastPriority + 1 }, () => []);
    return lanes[lane];
  }
}
