/**
 * Items that are pushed by a source and taken by a reader: the inside of a
 * stream that comes from a wire. Push on one side, `AsyncIterator` on the other,
 * and between them a buffer whose bound is its owner's.
 *
 * @module
 */

/** Who pushes the items, and wants to know what becomes of them. */
export interface ItemsOwner<Raw> {
  /** The reader has taken an item: there is room for another. */
  taken(item: Raw): void;
  /** The reader wants no more. What was not taken is dropped. Called at most once, and not after the end. */
  left(dropped: readonly Raw[]): void;
}

/** Hears that a stream is over: with the error where it failed. */
export type EndListener = (error?: unknown) => void;

/**
 * See the module. The reader gets what was pushed in order, then the end or the
 * error; `fail()` drops what was not taken yet.
 */
export class PushedItems<Raw> implements AsyncIterableIterator<unknown, undefined> {
  /** Told once when the reader has seen the end, has left, or the stream has failed. */
  onEnded: EndListener | undefined = undefined;
  /** What makes of an item what the reader gets. */
  transform: ((item: Raw) => unknown) | undefined = undefined;
  readonly #owner: ItemsOwner<Raw>;
  #items: Raw[] = [];
  #next = 0;
  /** Readers that wait; one most of the time. */
  #waiting: PromiseWithResolvers<IteratorResult<unknown, undefined>>[] = [];
  #end: { error: unknown } | undefined = undefined;
  /** Nothing more comes out. */
  #over = false;

  constructor(owner: ItemsOwner<Raw>) {
    this.#owner = owner;
  }

  /** Whether the end was pushed, or the reader has left. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Items that wait for their reader. */
  get size(): number {
    return this.#items.length - this.#next;
  }

  /** Gives an item to the reader. */
  push(item: Raw): void {
    if (this.#waiting.length === 0) {
      this.#items.push(item);
      return;
    }
    const reader = this.#waiting.shift()!;
    try {
      reader.resolve(this.#passed(item));
    } catch (error) {
      reader.reject(error);
    }
  }

  /** There are no more items: the reader hears so when it has taken those there are. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    if (this.size === 0) this.#finish();
  }

  /** Ends at once: what was not taken is dropped, and returned. */
  fail(error: unknown): readonly Raw[] {
    if (this.#over) return [];
    const dropped = this.#dropped();
    this.#end = { error };
    this.#finish();
    return dropped;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#next < this.#items.length) {
      const item = this.#items[this.#next];
      this.#items[this.#next++] = undefined as Raw;
      if (this.#next === this.#items.length) {
        this.#items.length = 0;
        this.#next = 0;
      } else if (this.#next > 1024) {
        this.#items.splice(0, this.#next);
        this.#next = 0;
      }
      try {
        return Promise.resolve(this.#passed(item));
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (this.#end !== undefined) {
      const { error } = this.#end;
      this.#end = { error: undefined };
      this.#finish(error);
      return error === undefined ? Promise.resolve(ended) : Promise.reject(error);
    }
    const waiting = Promise.withResolvers<IteratorResult<unknown, undefined>>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#leave(undefined);
    return Promise.resolve(ended);
  }

  /** What the reader gets. Where that can't be made the stream is over. */
  #passed(item: Raw): IteratorResult<unknown, undefined> {
    this.#owner.taken(item);
    const { transform } = this;
    if (transform === undefined) return { done: false, value: item };
    try {
      return { done: false, value: transform(item) };
    } catch (error) {
      this.#leave(error);
      throw error;
    }
  }

  #leave(error: unknown): void {
    if (this.#over) {
      this.#end = { error: undefined };
      return;
    }
    const wasEnded = this.#end !== undefined;
    const dropped = this.#dropped();
    this.#end = { error: undefined };
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(ended);
    this.#tell(error);
    if (wasEnded) { for (const item of dropped) this.#owner.taken(item); }
    else this.#owner.left(dropped);
  }

  /** The end has come to where the reader is: one that waits hears the error, all others that there is no more. */
  #finish(told?: unknown): void {
    const { error } = this.#end!;
    const [first, ...others] = this.#waiting.splice(0);
    if (first !== undefined) {
      this.#end = { error: undefined };
      if (error === undefined) first.resolve(ended);
      else first.reject(error);
      for (const other of others) other.resolve(ended);
    }
    this.#tell(error ?? told);
  }

  #tell(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.onEnded?.(error);
  }

  #dropped(): Raw[] {
    const dropped = this.#items.slice(this.#next);
    this.#items.length = 0;
    this.#next = 0;
    return dropped;
  }
}

const ended: IteratorReturnResult<undefined> = { done: true, value: undefined };
