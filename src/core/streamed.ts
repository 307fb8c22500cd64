/**
 * Requests and replies that go on after their first word: a value, and a stream
 * of items behind it.
 *
 * @module
 */

import type { CompletionListener } from "./completion.ts";
import { TransportError } from "./errors.ts";

/**
 * A value that a stream of items follows. Given as a request, the items go to
 * the handler while the call lasts; given as a reply, they go to the caller, and
 * the call lasts until the stream has ended.
 *
 * It is iterated once. Leaving the loop early cancels the stream; so does
 * {@linkcode Streamed.cancel}, for whoever never began. A reply of this kind
 * that is neither read nor cancelled holds its call.
 *
 * @example
 * ```ts
 * import { Streamed } from "@wireway/wireway";
 * async function* count(): AsyncGenerator<number> {
 *   for (let n = 0; n < 3; n++) yield n;
 * }
 * const reply = new Streamed("three numbers", count());
 * console.log(reply.head);
 * for await (const n of reply) console.log(n);
 * ```
 */
export class Streamed<Head, Item = Head> implements AsyncIterable<Item> {
  /** The value that comes first. */
  readonly head: Head;
  readonly #items: AsyncIterable<Item>;
  #begun = false;
  #end: { error: unknown } | undefined;
  #listeners: CompletionListener[] = [];

  /** Puts a value before items, which are asked for one at a time as the far side takes them. */
  constructor(head: Head, items: AsyncIterable<Item>) {
    this.head = head;
    this.#items = items;
  }

  /** The items, once. Throws `invalid-request` when asked again. */
  [Symbol.asyncIterator](): AsyncIterator<Item, undefined> {
    if (this.#begun) throw new TransportError("invalid-request", "Stream refused: it was read before");
    this.#begun = true;
    const inner = this.#items[Symbol.asyncIterator]();
    return {
      next: (): Promise<IteratorResult<Item, undefined>> =>
        inner.next().then((result) => {
          if (!result.done) return result;
          this.#ended(undefined);
          return { done: true, value: undefined };
        }, (error) => {
          this.#ended(error);
          throw error;
        }),
      return: async (): Promise<IteratorResult<Item, undefined>> => {
        this.#ended(undefined);
        await inner.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  /** Ends the stream of one who will not read it. Where the reading has begun, leave the loop. */
  async cancel(): Promise<void> {
    if (this.#begun) return;
    await this[Symbol.asyncIterator]().return?.();
  }

  /** Calls `done` when the stream has ended, was left or has failed; at once where it has. */
  whenEnded(done: CompletionListener): void {
    if (this.#end === undefined) this.#listeners.push(done);
    else done(this.#end.error);
  }

  #ended(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const listener of this.#listeners.splice(0)) listener(error);
  }
}
