/**
 * A stream that one end of a mux() session sends.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import { drive, type DrivenItems, leave, type Streamed } from "../core/streamed.ts";
import { encodeFailedEnd } from "./mux_error_frame.ts";
import { head, type MuxLink } from "./mux_link.ts";
import { tooLarge } from "./mux_refusals.ts";
import { costOf, mostCredit, notOwed, type StreamPool, type WaitingStream } from "./mux_stream_pool.ts";
import * as wire from "./mux_wire.ts";

/** Who hears of the end of a stream. */
export interface SenderOwner {
  /** END has been sent, with the error of a source that failed. */
  endSent(id: number, failure: TransportError | undefined): void;
  /** The source has ended, or was left and is done with that. Comes after `endSent()`, if that comes. */
  sourceEnded(error: unknown): void;
}

/** So much is given to the channel at once, at the latest: with it, a write has begun to be worth its price. */
const gatheredBytes = 64 * 1024;

/** A source that has nothing ready for so long has nothing for now: a generator around another takes fewer for an item. */
const quietMicrotasks = 16;

const soon = Promise.resolve();

/** See the module. Asks its source for an item only when there is credit for it, and room on the channel. */
export class StreamSender implements WaitingStream {
  readonly #link: MuxLink;
  readonly #pool: StreamPool;
  readonly #streamed: Streamed<unknown, Uint8Array>;
  readonly #id: number;
  /** {@linkcode wire.answering} where this end answers the call. */
  readonly #flag: number;
  readonly #priority: number;
  readonly #owner: SenderOwner;
  /** What may be sent still; one item may go below 0. */
  #left: number;
  #driven: DrivenItems<Uint8Array> | undefined = undefined;
  /** The source was asked for an item. */
  #busy = false;
  /** The channel was asked for room. */
  #waits = false;
  /** An item that found others to have used up the credit of all streams. */
  #kept: Uint8Array | undefined = undefined;
  /** Items that go to the channel together: their credit is spent. */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  /** Whether it is watched that they come, and for how many microtasks none has. */
  #watched = false;
  #quiet = 0;
  /** Nothing is sent any more. */
  #over = false;
  #settledBefore = false;

  constructor(
    link: MuxLink,
    pool: StreamPool,
    streamed: Streamed<unknown, Uint8Array>,
    call: { id: number; flag: number; priority: number },
    owner: SenderOwner,
  ) {
    this.#link = link;
    this.#pool = pool;
    this.#streamed = streamed;
    this.#id = call.id;
    this.#flag = call.flag;
    this.#priority = call.priority;
    this.#owner = owner;
    this.#left = pool.peerWindowBytes;
  }

  /** Begins to ask for items, unless it was stopped before. */
  start(): void {
    if (this.#over) return;
    try {
      this.#driven = drive(this.#streamed);
    } catch (error) {
      return this.#failed(error, false);
    }
    this.resume();
  }

  /** The peer has read some, or lets more be on its way. Throws `protocol` where that is beyond all bounds. */
  granted(bytes: number): void {
    if (this.#over) return;
    if (this.#left + bytes > mostCredit) throw notOwed(bytes);
    this.#left += bytes;
    this.resume();
  }

  resume(): void {
    if (this.#busy || this.#waits || this.#over || this.#driven === undefined) return;
    if (this.#left <= 0 || !this.#pool.admits(this)) return this.#flush();
    const kept = this.#kept;
    if (kept !== undefined) {
      this.#kept = undefined;
      return this.#gather(kept);
    }
    this.#busy = true;
    let asked: Promise<IteratorResult<unknown>>;
    try {
      asked = this.#driven.source.next();
    } catch (error) {
      return this.#failed(error, false);
    }
    // A source by hand may give a result that is no promise.
    (asked instanceof Promise ? asked : Promise.resolve(asked)).then(this.#onResult, this.#onError);
  }

  /** Ends the stream before its source has: the peer wants no more, or has no use for it. */
  stop(error?: TransportError): void {
    if (this.#over) return;
    this.#end(error);
    this.#leave(error);
  }

  /** Ends a stream that can't be sent any more: the connection is gone, or the call never was sent. */
  drop(error: TransportError): void {
    if (this.#over) return;
    this.#over = true;
    this.#pool.forget(this);
    this.#leave(error);
  }

  readonly #onResult = (result: IteratorResult<unknown>): void => {
    // Its owner hears of the end of a source that was left from the leaving.
    if (this.#over) return;
    if (result.done) {
      this.#end(undefined);
      return this.#settled(undefined);
    }
    let item: Uint8Array;
    try {
      item = this.#item(result.value);
    } catch (error) {
      return this.#failed(error, true);
    }
    this.#busy = false;
    if (this.#pool.admits(this)) return this.#gather(item);
    this.#kept = item;
    this.#flush();
  };

  readonly #onError = (error: unknown): void => {
    if (!this.#over) this.#failed(error, false);
  };

  readonly #onRoom = (): void => {
    this.#waits = false;
    this.resume();
  };

  /** Sends what was gathered once the source gives no more for now: a write an item would cost more than all the rest. */
  readonly #onMicrotask = (): void => {
    if (this.#gathered.length > 0 && ++this.#quiet < quietMicrotasks) return void soon.then(this.#onMicrotask);
    this.#watched = false;
    this.#flush();
  };

  #gather(item: Uint8Array): void {
    const cost = costOf(item);
    this.#left -= cost;
    this.#pool.spend(cost);
    this.#gatheredBytes += cost;
    this.#quiet = 0;
    this.#gathered.push(item);
    if (this.#gatheredBytes >= gatheredBytes) {
      this.#flush();
    } else if (!this.#watched) {
      this.#watched = true;
      void soon.then(this.#onMicrotask);
    }
    this.resume();
  }

  #flush(): void {
    const items = this.#gathered;
    if (items.length === 0) return;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    let full: void | Promise<void> = undefined;
    try {
      for (const item of items) {
        head[0] = wire.Kind.item | this.#flag;
        wire.writeU32(head, 1, this.#id);
        full = this.#link.send(wire.callHeadBytes, item, false, this.#priority);
      }
    } catch (error) {
      // The connection is of no use; its end ends the stream.
      return this.#link.channel.abort(TransportError.from(error, "connection-lost"));
    }
    if (full === undefined) return;
    this.#waits = true;
    full.then(this.#onRoom, this.#onRoom);
  }

  #item(raw: unknown): Uint8Array {
    const { transform } = this.#driven!;
    const item = transform === undefined ? raw : transform(raw);
    if (!(item instanceof Uint8Array)) throw new TypeError(`An item of the stream is ${typeof item}, not Uint8Array`);
    const { maxMessageBytes } = this.#link.peer!;
    if (item.length > maxMessageBytes) throw tooLarge(item.length, maxMessageBytes);
    return item;
  }

  /** The source has failed; where it only gave what can't be sent, it is left. */
  #failed(error: unknown, isOpen: boolean): void {
    // A caller's own source that fails says nothing of the far side.
    const failure = TransportError.from(error, this.#flag === 0 ? "invalid-request" : "remote", { processed: "maybe" });
    this.#end(failure);
    if (isOpen) this.#leave(error);
    else this.#settled(error);
  }

  #end(error: TransportError | undefined): void {
    // What was gathered has its credit already, and comes before the end.
    this.#flush();
    if (this.#over) return;
    this.#over = true;
    this.#pool.forget(this);
    const { channel, peer } = this.#link;
    const frame = error === undefined
      ? wire.numberFrame(wire.Kind.end | this.#flag, this.#id)
      : encodeFailedEnd(this.#id, this.#flag, error, Math.min(channel.maxMessageBytes, peer!.maxMessageBytes));
    this.#link.sendFrame(frame, this.#priority);
    this.#owner.endSent(this.#id, error);
  }

  /** Lets go of the source. What it says of that matters to nobody. */
  #leave(error: unknown): void {
    const settled = (): void => this.#settled(error);
    // A stream that was never begun is its owner's still.
    const left = this.#driven === undefined ? undefined : leave(this.#driven.source);
    if (left === undefined) settled();
    else Promise.resolve(left).then(settled, settled);
  }

  #settled(error: unknown): void {
    if (this.#settledBefore) return;
    this.#settledBefore = true;
    this.#driven?.ended(error);
    this.#owner.sourceEnded(error);
  }
}
