/**
 * A stream that comes to one end of a mux() session.
 *
 * @module
 */

import type { TransportError } from "../core/errors.ts";
import { type ItemsOwner, PushedItems } from "../core/pushed_items.ts";
import type { MuxLink } from "./mux_link.ts";
import { costOf, type StreamPool, windowFrame, withoutCredit } from "./mux_stream_pool.ts";
import * as wire from "./mux_wire.ts";

/** Who hears that a stream is not read to its end. */
export interface ReceiverOwner {
  /** The reader has left, before the end has come. */
  left(id: number): void;
}

/** See the module. Gives credit as its reader takes items. */
export class StreamReceiver implements ItemsOwner<Uint8Array> {
  /** What the reader reads. */
  readonly items: PushedItems<Uint8Array> = new PushedItems(this);
  readonly #id: number;
  /** {@linkcode wire.answering} where this end answers the call. */
  readonly #flag: number;
  readonly #link: MuxLink;
  readonly #pool: StreamPool;
  readonly #owner: ReceiverOwner;
  #windowBytes: number;
  #owedBytes = 0;
  #takenBytes = 0;
  /** Whether what comes is kept for a reader. */
  #reading = true;

  constructor(link: MuxLink, pool: StreamPool, id: number, flag: number, owner: ReceiverOwner) {
    this.#link = link;
    this.#pool = pool;
    this.#id = id;
    this.#flag = flag;
    this.#owner = owner;
    this.#windowBytes = pool.windowBytes;
  }

  /** An item has come. Throws `protocol` where there was no credit for it. */
  received(frame: Uint8Array): void {
    const item = frame.subarray(wire.callHeadBytes);
    const cost = costOf(item);
    if (this.#owedBytes >= this.#windowBytes) throw withoutCredit(this.#owedBytes, this.#windowBytes);
    this.#owedBytes += cost;
    this.#pool.received(cost);
    if (this.#reading) this.items.push(item);
    else this.#pool.taken(cost);
  }

  /** No more will come: the reader hears so after what has. */
  ended(error?: TransportError): void {
    this.#owedBytes = -Infinity;
    this.#reading = false;
    this.items.end(error);
  }

  /** What has not been read is dropped, and so is what still comes; the reader is told why. */
  drop(reason: TransportError): void {
    this.#reading = false;
    this.#return(this.items.fail(reason));
  }

  taken(item: Uint8Array): void {
    const cost = costOf(item);
    this.#pool.taken(cost);
    if (!this.#reading) return;
    this.#takenBytes += cost;
    if (2 * this.#takenBytes < this.#windowBytes) return;
    this.#owedBytes -= this.#takenBytes;
    this.#link.sendUrgent(windowFrame(this.#flag, this.#id, this.#takenBytes + this.#growth()));
    this.#takenBytes = 0;
  }

  left(dropped: readonly Uint8Array[]): void {
    this.#reading = false;
    this.#return(dropped);
    this.#owner.left(this.#id);
  }

  /** A reader that has taken all there is may be faster than its window lets the sender be. */
  #growth(): number {
    if (this.items.size > 0) return 0;
    const growth = Math.min(this.#windowBytes, this.#pool.maxWindowBytes - this.#windowBytes);
    this.#windowBytes += growth;
    return growth;
  }

  #return(dropped: readonly Uint8Array[]): void {
    let bytes = 0;
    for (const item of dropped) bytes += costOf(item);
    if (bytes > 0) this.#pool.taken(bytes);
  }
}
