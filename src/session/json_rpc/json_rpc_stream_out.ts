/**
 * A stream that this end sends: asks for the next item when the far side has
 * given credit for it.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { errorObject } from "./json_rpc_errors.ts";
import type { JsonRpcLink } from "./json_rpc_link.ts";
import { StreamMethod } from "./json_rpc_methods.ts";
import { notificationText } from "./json_rpc_text.ts";

/** See the module. */
export class StreamOut {
  readonly #link: JsonRpcLink;
  readonly #number: number;
  readonly #source: AsyncIterable<unknown>;
  readonly #ended: (error: TransportError | undefined) => void;
  #items: AsyncIterator<unknown> | undefined = undefined;
  #creditItems = 0;
  #creditChars = 0;
  #pumping = false;
  #over = false;
  #lastCredit = false;

  /** `ended` is called once, with the error where the stream did not come to its own end. */
  constructor(
    link: JsonRpcLink,
    number: number,
    source: AsyncIterable<unknown>,
    ended: (error: TransportError | undefined) => void,
  ) {
    this.#link = link;
    this.#number = number;
    this.#source = source;
    this.#ended = ended;
  }

  /** The far side takes so much more. */
  grant(items: number, chars: number): void {
    this.#creditItems += items;
    this.#creditChars += chars;
    if (!this.#pumping && !this.#over) void this.#pump();
  }

  /** The far side can't give more credit: what it has given is used up, and then the stream is over. */
  noMoreCredit(): void {
    this.#lastCredit = true;
    if (!this.#pumping) this.#stopWithoutCredit();
  }

  /** Nobody wants the rest: the far side has left, or the call is over. */
  stop(): void {
    this.#finish(new TransportError("cancelled", "Stream cancelled by the far side", { processed: "maybe" }));
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      this.#items ??= this.#source[Symbol.asyncIterator]();
      while (this.#creditItems > 0 && this.#creditChars > 0 && !this.#over) {
        const { done, value } = await this.#items.next();
        if (this.#over) return;
        if (done) return this.#end("");
        const text = notificationText(StreamMethod.item, `[${this.#number},${JSON.stringify(value) ?? "null"}]`);
        this.#creditItems--;
        this.#creditChars -= text.length;
        const full = this.#link.send(text, true);
        if (full !== undefined) await full;
      }
    } catch (error) {
      if (this.#over) return;
      const failure = TransportError.from(error, "remote");
      this.#end(`,${errorObject(failure)}`, failure);
    } finally {
      this.#pumping = false;
    }
    this.#stopWithoutCredit();
  }

  #stopWithoutCredit(): void {
    if (this.#lastCredit) this.stop();
  }

  #end(error: string, failure?: TransportError): void {
    this.#link.sendOrAbort(notificationText(StreamMethod.end, `[${this.#number}${error}]`));
    this.#finish(failure);
  }

  #finish(error: TransportError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    // First whoever holds the signal of the call: the source may be waiting for nothing else.
    this.#ended(error);
    this.#leave().catch(() => {});
  }

  async #leave(): Promise<void> {
    await (this.#items ??= this.#source[Symbol.asyncIterator]()).return?.();
  }
}
