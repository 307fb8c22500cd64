/**
 * A stream that this end receives: gives credit as its items are taken up.
 *
 * @module
 */

import type { Cancellation, CancelListener } from "../../core/cancellation.ts";
import type { CallContext } from "../../core/context.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import type { JsonRpcLink } from "./json_rpc_link.ts";
import { StreamMethod } from "./json_rpc_methods.ts";
import { notificationText } from "./json_rpc_text.ts";

interface Item {
  readonly value: unknown;
  readonly chars: number;
}

/** See the module. Read once, by one reader. */
export class StreamIn implements AsyncIterableIterator<unknown, undefined>, CancelListener, DeadlineEntry {
  dueAt = Infinity;
  position = -1;
  readonly holds = true;
  readonly #link: JsonRpcLink;
  readonly #number: number;
  readonly #ended: () => void;
  readonly #items: Item[] = [];
  /** What the far side may still send. */
  #creditItems = 0;
  #creditChars = 0;
  /** What was taken up and not given back. */
  #takenItems = 0;
  #takenChars = 0;
  #begun = false;
  #over = false;
  #error: TransportError | undefined = undefined;
  #waiting: PromiseWithResolvers<void> | undefined = undefined;
  #cancellation: Cancellation | undefined = undefined;

  /** `ended` is called once, when nothing more is to come. */
  constructor(link: JsonRpcLink, number: number, ended: () => void) {
    this.#link = link;
    this.#number = number;
    this.#ended = ended;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends with the call that it belongs to: when that is cancelled, and at its deadline. */
  follow({ cancellation, deadline, deadlineEnforced }: CallContext): void {
    if (this.#over) return;
    this.#cancellation = cancellation;
    cancellation?.subscribe(this);
    if (deadlineEnforced) return;
    this.dueAt = deadline;
    deadlinesOf(this.#link.settings.clock).add(this);
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    this.#begin();
    while (this.#items.length === 0) {
      if (this.#over) {
        const error = this.#error;
        this.#error = undefined;
        if (error !== undefined) throw error;
        return { done: true, value: undefined };
      }
      await (this.#waiting ??= Promise.withResolvers<void>()).promise;
    }
    const { value, chars } = this.#items.shift()!;
    this.#giveBack(chars);
    return { done: false, value };
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Takes no more, and says so. */
  leave(): void {
    this.#items.length = 0;
    this.#error = undefined;
    if (this.#over) return;
    this.#link.sendOrAbort(notificationText(StreamMethod.cancel, `[${this.#number}]`));
    this.finish(undefined);
  }

  /** The call is over before this stream is: the far side hears that nobody takes more, and who reads on hears why. */
  abandon(): void {
    if (this.#over) return;
    this.#link.sendOrAbort(notificationText(StreamMethod.cancel, `[${this.#number}]`));
    this.finish(new TransportError("cancelled", "Stream ended: its call is over", { processed: "maybe" }));
  }

  /** An item has come. Throws `protocol` where there was no credit for it. */
  item(value: unknown, chars: number): void {
    if (this.#creditItems <= 0 || this.#creditChars <= 0) {
      throw new TransportError("protocol", `Message refused: an item of stream ${this.#number} without credit`);
    }
    this.#creditItems--;
    this.#creditChars -= chars;
    this.#items.push({ value, chars });
    this.#wake();
  }

  /** Nothing more comes. */
  finish(error: TransportError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#cancellation?.unsubscribe(this);
    deadlinesOf(this.#link.settings.clock).remove(this);
    this.#wake();
    this.#ended();
  }

  cancelled(reason: TransportError): void {
    this.leave();
    this.#error = reason;
  }

  expire(): void {
    this.cancelled(
      new TransportError("deadline-exceeded", "Stream ended: the deadline of its call has passed", {
        processed: "maybe",
      }),
    );
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const { streamWindowItems, streamWindowChars } = this.#link.settings;
    this.#grant(streamWindowItems, streamWindowChars);
  }

  /** Half a window at a time, so that credit does not cost as many messages as the items do. */
  #giveBack(chars: number): void {
    this.#takenItems++;
    this.#takenChars += chars;
    const { streamWindowItems, streamWindowChars } = this.#link.settings;
    if (2 * this.#takenItems < streamWindowItems && 2 * this.#takenChars < streamWindowChars) return;
    this.#grant(this.#takenItems, this.#takenChars);
    this.#takenItems = this.#takenChars = 0;
  }

  #grant(items: number, chars: number): void {
    if (this.#over) return;
    this.#creditItems += items;
    this.#creditChars += chars;
    this.#link.sendOrAbort(notificationText(StreamMethod.credit, `[${this.#number},${items},${chars}]`));
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
