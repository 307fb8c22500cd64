/**
 * Requests and replies that go on after their first word: a value, and a stream
 * of items behind it.
 *
 * @module
 */

import type { CompletionListener } from "./completion.ts";
import { TransportError } from "./errors.ts";
import { PushedItems } from "./pushed_items.ts";
import { tellAll } from "./tell_all.ts";

/** What makes an item of another; the types are checked where it is given. */
type Transform = (item: unknown) => unknown;

// What the class lends to this file alone.
let derive: (streamed: Streamed<unknown, unknown>, head: unknown, map: Transform) => Streamed<unknown, unknown>;
let driving: (streamed: Streamed<unknown, unknown>) => DrivenItems<unknown>;

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
  #source: ItemSource;
  /** What makes items of what the source gives. */
  #transform: Transform | undefined = undefined;

  /**
   * Puts a value before items, which are asked for one at a time as the far side takes them.
   * Throws `invalid-request` where they are no async iterable, such as a list.
   */
  constructor(head: Head, items: AsyncIterable<Item>) {
    if (typeof items?.[Symbol.asyncIterator] !== "function") {
      throw new TransportError("invalid-request", "Cannot make a Streamed: its items are no async iterable");
    }
    this.head = head;
    this.#source = new ItemSource(items);
  }

  /** Whether the items were asked for, or the stream was cancelled: from then on nobody else can have them. */
  get begun(): boolean {
    return this.#source.begun;
  }

  /** The items, once. Throws `invalid-request` when asked again. */
  [Symbol.asyncIterator](): AsyncIterator<Item, undefined> {
    return this.#source.iterator(this.#transform) as AsyncIterator<Item, undefined>;
  }

  /** Ends the stream of one who will not read it. Where the reading has begun, leave the loop. */
  async cancel(): Promise<void> {
    if (!this.begun) await this[Symbol.asyncIterator]().return?.();
  }

  /** Calls `done` when the stream has ended, was left or has failed; at once where it has. */
  whenEnded(done: CompletionListener): void {
    this.#source.whenEnded(done);
  }

  static {
    derive = (streamed, head, map) => {
      const mapped = new Streamed<unknown, unknown>(head, nothing);
      const inner = streamed.#transform;
      mapped.#source = streamed.#source;
      mapped.#transform = inner === undefined ? map : (item) => map(inner(item));
      return mapped;
    };
    driving = (streamed) => streamed.#source.drive(streamed.#transform);
  }
}

/**
 * The same stream with another head, and each item made into another as it is
 * read. Where `map` throws the stream is over, and its source is left.
 */
export function mapStreamed<Item, NewHead, NewItem>(
  streamed: Streamed<unknown, Item>,
  head: NewHead,
  map: (item: Item) => NewItem,
): Streamed<NewHead, NewItem> {
  return derive(streamed, head, map as Transform) as Streamed<NewHead, NewItem>;
}

/**
 * The reading of a stream by who sends it on, and says how it ended: nothing
 * stands between the source and the driver. Throws where it was read before.
 */
export function drive<Item>(streamed: Streamed<unknown, Item>): DrivenItems<Item> {
  return driving(streamed) as DrivenItems<Item>;
}

/** See {@linkcode drive}. */
export interface DrivenItems<Item> {
  /** Asks for a raw item. */
  readonly source: AsyncIterator<unknown>;
  /** Makes an item of a raw one; absent where it is one. */
  readonly transform: ((raw: unknown) => Item) | undefined;
  /** To be called at the end, whichever it is. */
  ended(error: unknown): void;
}

const nothing: AsyncIterable<never> = { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(ended) }) };
const ended: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Where items come from: shared by all streams that show the same ones. */
class ItemSource {
  begun = false;
  readonly #items: AsyncIterable<unknown>;
  #end: { error: unknown } | undefined;
  #listeners: CompletionListener[] = [];

  constructor(items: AsyncIterable<unknown>) {
    this.#items = items;
    if (items instanceof PushedItems) items.onEnded = (error) => this.ended(error);
  }

  whenEnded(done: CompletionListener): void {
    if (this.#end === undefined) this.#listeners.push(done);
    else done(this.#end.error);
  }

  ended(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    tellAll(this.#listeners.splice(0), error);
  }

  iterator(transform: Transform | undefined): AsyncIterator<unknown, undefined> {
    this.#begin();
    const items = this.#items;
    if (items instanceof PushedItems) {
      // It tells of its end itself, and makes the items itself: nothing needs to stand between it and its reader.
      items.transform = transform;
      return items;
    }
    return this.#watched(items[Symbol.asyncIterator](), transform);
  }

  drive(transform: Transform | undefined): DrivenItems<unknown> {
    this.#begin();
    return { source: this.#items[Symbol.asyncIterator](), transform, ended: (error) => this.ended(error) };
  }

  #begin(): void {
    if (this.begun) throw new TransportError("invalid-request", "Stream refused: it was read before");
    this.begun = true;
  }

  #watched(inner: AsyncIterator<unknown>, transform: Transform | undefined): AsyncIterator<unknown, undefined> {
    const failed = (error: unknown): never => {
      this.ended(error);
      throw error;
    };
    const passed = (result: IteratorResult<unknown>): IteratorResult<unknown, undefined> => {
      if (result.done) {
        this.ended(undefined);
        return ended;
      }
      if (transform === undefined) return result;
      try {
        return { done: false, value: transform(result.value) };
      } catch (error) {
        // What the source says of being left matters to nobody any more.
        leave(inner)?.catch(() => {});
        return failed(error);
      }
    };
    return {
      next: () => inner.next().then(passed, failed),
      return: async () => {
        this.ended(undefined);
        await inner.return?.();
        return ended;
      },
    };
  }
}

/** Tells a source that nobody reads on. One that throws at once is no different from one that rejects. */
export function leave(source: AsyncIterator<unknown>): Promise<unknown> | undefined {
  try {
    return source.return?.();
  } catch (error) {
    return Promise.reject(error);
  }
}
