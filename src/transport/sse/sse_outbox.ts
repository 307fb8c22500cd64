/**
 * What one end has sent and the other has not acknowledged: numbered, held
 * until it is, so that it can be sent again.
 *
 * @module
 */

import type { Item } from "../../framing/event_stream/sse_messages.ts";

/** What holding a message costs beside its bytes, roughly: without it, empty messages would never fill a buffer. */
const heldBytes = 64;

/** See the module. */
export class Outbox<T = Item> {
  /** Bytes of what is held. */
  bytes = 0;
  /** The number of the item that was put in last; 0 before the first. */
  last = 0;
  /** The number up to which all is acknowledged. */
  acked = 0;
  #items: (T | undefined)[] = [];
  #sizes: number[] = [];
  /** Where the first item stands that is not acknowledged. */
  #head = 0;
  #room: PromiseWithResolvers<void> | undefined = undefined;

  /** Whether everything was acknowledged. */
  get isEmpty(): boolean {
    return this.acked === this.last;
  }

  /** What a message of this size would take. */
  static cost(byteLength: number): number {
    return byteLength + heldBytes;
  }

  /** Takes an item in; returns its number. */
  add(item: T, byteLength: number): number {
    this.#items.push(item);
    this.#sizes.push(Outbox.cost(byteLength));
    this.bytes += Outbox.cost(byteLength);
    return ++this.last;
  }

  /** The item with a number above `acked` and up to `last`. */
  at(number: number): T {
    return this.#items[this.#head + number - this.acked - 1]!;
  }

  /** The bytes of the item with a number, without those of holding it. */
  sizeOf(number: number): number {
    return this.#sizes[this.#head + number - this.acked - 1] - heldBytes;
  }

  /** Forgets all up to a number between `acked` and `last`. */
  acknowledge(number: number): void {
    while (this.acked < number) {
      this.bytes -= this.#sizes[this.#head];
      this.#items[this.#head++] = undefined;
      this.acked++;
    }
    if (this.#head === this.#items.length || this.#head > 1024 && this.#head > this.#items.length >> 1) {
      this.#items.splice(0, this.#head);
      this.#sizes.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Resolves when there is room again. */
  room(): Promise<void> {
    return (this.#room ??= Promise.withResolvers<void>()).promise;
  }

  /** Lets go on who waits for room. */
  makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** Forgets everything: nothing more is sent. */
  clear(): void {
    this.#items = [];
    this.#sizes = [];
    this.#head = 0;
    this.bytes = 0;
    this.acked = this.last;
    this.makeRoom();
  }
}
