/**
 * A stream that this end receives: gives credit as its items are taken up.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { withProcessed } from "../../core/with_processed.ts";
import { IncomingStream } from "./json_rpc_incoming.ts";
import type { JsonRpcLink } from "./json_rpc_link.ts";
import { StreamMethod } from "./json_rpc_methods.ts";
import { notificationText } from "./json_rpc_text.ts";

interface Item {
  readonly value: unknown;
  readonly chars: number;
}

/** See the module. Read once, by one reader. */
export class StreamIn extends IncomingStream {
  readonly #link: JsonRpcLink;
  readonly #number: number;
  readonly #ended: () => void;
  readonly #ofReply: boolean;
  readonly #items: Item[] = [];
  /** What the far side may still send. */
  #creditItems = 0;
  #creditChars = 0;
  /** What was taken up and not given back. */
  #takenItems = 0;
  #takenChars = 0;
  #begun = false;
  #error: TransportError | undefined = undefined;
  #waiting: PromiseWithResolvers<void> | undefined = undefined;

  /** `ended` is called once, when nothing more is to come. */
  constructor(link: JsonRpcLink, number: number, ended: () => void, ofReply: boolean) {
    super(link.settings.clock);
    this.#link = link;
    this.#number = number;
    this.#ended = ended;
    this.#ofReply = ofReply;
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    this.#begin();
    while (this.#items.length === 0) {
      if (this.over) {
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
    if (this.over) return;
    this.#link.sendOrAbort(notificationText(StreamMethod.cancel, `[${this.#number}]`));
    this.finish(undefined);
  }

  /** The call is over before this stream is: the far side hears that nobody takes more, and who reads on hears why. */
  abandon(): void {
    if (this.over) return;
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
    if (!this.finished()) return;
    this.#error = error;
    this.#wake();
    this.#ended();
  }

  /** The rest is lost with the connection. Where it is of a reply, the handler of its call ran. */
  lose(error: TransportError): void {
    this.finish(this.#ofReply ? withProcessed(error, "yes") : error);
  }

  cancelled(reason: TransportError): void {
    this.leave();
    this.#error = reason;
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
    if (this.over) return;
    this.#creditItems += items;
    this.#creditChars += chars;
    this.#link.sendOrAbort(notificationText(StreamMethod.credit, `[${this.#number},${items},${chars}]`));
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
