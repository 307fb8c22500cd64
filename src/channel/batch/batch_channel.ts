/**
 * A channel that gathers its messages into batches.
 *
 * @module
 */

import { type Channel, formatAddress, type Message } from "../../core/channel.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import { AgreedChannel, type Agreement, firstKind, markBytes } from "../agreed_channel.ts";
import { byteLengthOf } from "../../util/byte_length.ts";
import { BatchReader, encodeBatch } from "./batch_frame.ts";
import type { BatchChannel, BatchSettings } from "./batch_options.ts";
import { BatchQueue, itemBytes } from "./batch_queue.ts";
import { DrainWatch } from "../drain_watch.ts";
import type { MessageCounts } from "../wrapped_channel.ts";

const agreement: Agreement = { name: "batch", marker: 0xfd, version: 1, oldestVersion: 1 };

const batchKind = firstKind;
const batchHead = [agreement.marker, batchKind];

/** The smallest bound that the size of a batch comes down to, in bytes. */
const leastBytes = 4096;

/**
 * How long the connection may take for one batch, in milliseconds: what comes
 * up in the meantime waits that long, however urgent it is.
 */
const batchMs = 20;

/** See the module. */
export class GatheringChannel extends AgreedChannel implements BatchChannel, DeadlineEntry {
  // As an entry of the deadline queue it waits for more messages to come.
  dueAt = Infinity;
  position = -1;
  readonly holds = true;
  readonly #settings: BatchSettings;
  readonly #queue = new BatchQueue();
  readonly #largest: number;
  /** The most that fits into one message below. */
  readonly #mostBytes: number;
  /** The bound on a batch, in bytes: what the connection takes in {@linkcode batchMs} where it was seen to be slow. */
  #batchBytes: number;
  #scheduled = false;
  /** The channel below has said that it is full. */
  #full = false;
  #fullAt = 0;
  #fullBytes = 0;
  #room: PromiseWithResolvers<void> | undefined = undefined;
  #flushed: PromiseWithResolvers<void> | undefined = undefined;
  #drain: DrainWatch | undefined = undefined;
  readonly #run = (): void => {
    this.#scheduled = false;
    this.#pump();
  };
  readonly #onRoom = (): void => this.#roomAgain();

  constructor(inner: Channel, settings: BatchSettings, counts: MessageCounts) {
    super(inner, agreement, counts);
    // A message of two parts would be joined here anyway.
    this.sendParts = undefined;
    this.#settings = settings;
    this.#largest = this.maxMessageBytes;
    this.#mostBytes = Math.min(settings.maxBytes, inner.maxMessageBytes - markBytes);
    this.#batchBytes = this.#mostBytes;
  }

  override get bufferedBytes(): number {
    return this.#queue.bytes + this.innerBytes;
  }

  override send(message: Message, priority?: number): void | Promise<void> {
    const bytes = this.#admit(message);
    this.#queue.add(message, bytes, priority);
    return this.#added();
  }

  post(message: Message, priority?: number): Promise<void> {
    const bytes = this.#admit(message);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#queue.post({ message, resolve, reject }, bytes, priority);
    void this.#added();
    return promise;
  }

  flush(): Promise<void> {
    if (this.over) return Promise.reject(this.closedError());
    this.#pump();
    if (this.#queue.size === 0 || this.over) return Promise.resolve();
    return (this.#flushed ??= Promise.withResolvers<void>()).promise;
  }

  expire(): void {
    this.#pump();
  }

  protected override own(kind: number, message: Uint8Array): void | Promise<void> {
    if (kind !== batchKind) throw new TransportError("protocol", `Message of batch() refused: its kind is ${kind}`);
    const batch = new BatchReader(message, markBytes);
    if (!batch.more) throw new TransportError("protocol", "Batch refused: it is empty");
    while (batch.more) {
      const pause = this.deliver(batch.next());
      if (pause !== undefined) return this.#deliverRest(batch, pause);
      if (this.over) return;
    }
  }

  protected override finish(): void {
    this.#pump();
    if (this.over || this.#queue.size === 0) return void this.inner.close(this.goodbye);
    const { clock, drainTimeoutMs } = this.#settings;
    this.#drain = new DrainWatch(clock, drainTimeoutMs, () => this.bufferedBytes, () => this.#stuck());
    this.#drain.begin();
  }

  protected override lost(error: TransportError | undefined): void {
    const deadlines = deadlinesOf(this.#settings.clock);
    deadlines.remove(this);
    this.#drain?.stop();
    deadlines.trim();
    const why = `Message lost: the connection to ${formatAddress(this.remote)} is gone`;
    const lost = error ?? new TransportError("connection-lost", why, { processed: "no" });
    this.#queue.fail(lost);
    // A sender that waits for room must not wait forever; its next send says what happened.
    this.#room?.resolve();
    this.#flushed?.promise.catch(() => {});
    this.#flushed?.reject(lost);
  }

  /** One message, or several as one. */
  protected put(messages: readonly Message[], bytes: number, priority: number): void | Promise<void> {
    if (messages.length === 1) return this.pass(messages[0], priority);
    return this.inner.send(encodeBatch(batchHead, messages, bytes - itemBytes * messages.length), priority);
  }

  /** Throws where the message is not taken; returns what it counts. */
  #admit(message: Message): number {
    const bytes = typeof message === "string" ? byteLengthOf(message) : message.length;
    if (this.closing !== undefined || this.over || bytes > this.#largest) this.admit(bytes);
    this.check(message);
    const counted = bytes + itemBytes;
    if (this.#full || this.#queue.bytes + counted > this.#batchBytes) this.#makeRoom(counted);
    return counted;
  }

  /** Throws for a message that can't be sent in a batch. */
  protected check(_message: Message): void {}

  #makeRoom(counted: number): void {
    this.#pump();
    if (this.over) throw this.closedError();
    const waiting = this.bufferedBytes;
    const { maxBufferedBytes } = this.#settings;
    if (waiting === 0 || waiting + counted - itemBytes <= maxBufferedBytes) return;
    const why =
      `Cannot send message: ${waiting} bytes wait for a peer that does not read, ${maxBufferedBytes} are allowed`;
    throw new TransportError("overloaded", why);
  }

  /** A message was added: sends what is a batch by now, or sees to it that it will be. */
  #added(): void | Promise<void> {
    this.counts.messagesOut++;
    this.used = true;
    const { maxMessages, lingerMs, clock, highWaterBytes } = this.#settings;
    if (!this.#full) {
      const { size, bytes } = this.#queue;
      if (size >= maxMessages || bytes >= this.#batchBytes || bytes > highWaterBytes) this.#pump();
      else if (lingerMs === 0) {
        if (!this.#scheduled) {
          this.#scheduled = true;
          queueMicrotask(this.#run);
        }
      } else if (this.position < 0) {
        this.dueAt = clock.now() + lingerMs;
        deadlinesOf(clock).add(this);
      }
    }
    if (this.#full && this.bufferedBytes > highWaterBytes) {
      return (this.#room ??= Promise.withResolvers<void>()).promise;
    }
  }

  /** Sends what is held until the channel below is full. */
  #pump(): void {
    if (this.position >= 0) deadlinesOf(this.#settings.clock).remove(this);
    while (this.#queue.size > 0 && !this.#full && !this.over) this.#sendBatch();
  }

  #sendBatch(): void {
    const { messages, posted, priority, bytes } = this.#queue.take(this.#settings.maxMessages, this.#batchBytes);
    let full: void | Promise<void>;
    try {
      full = this.put(messages, bytes, priority);
    } catch (thrown) {
      const error = TransportError.from(thrown, "connection-lost");
      posted?.forEach((one) => one.reject(error));
      // What was taken is gone: a connection with a hole in it is of no use.
      return this.inner.abort(error);
    }
    posted?.forEach((one) => one.resolve());
    const { stats } = this.#settings;
    stats.batches++;
    stats.messages += messages.length;
    stats.bytes += bytes - itemBytes * messages.length;
    if (messages.length > stats.largest) stats.largest = messages.length;
    if (full === undefined) return;
    this.#full = true;
    this.#fullAt = this.#settings.clock.now();
    this.#fullBytes = this.inner.bufferedBytes;
    full.then(this.#onRoom, this.#onRoom);
  }

  #roomAgain(): void {
    if (this.over) return;
    this.#full = false;
    this.#adapt();
    this.#pump();
    const empty = this.#queue.size === 0;
    if (this.#room !== undefined && (empty ? !this.#full : this.bufferedBytes <= this.#settings.highWaterBytes >> 1)) {
      this.#room.resolve();
      this.#room = undefined;
    }
    if (!empty) return;
    this.#flushed?.resolve();
    this.#flushed = undefined;
    if (this.closing === undefined) return;
    this.#drain?.stop();
    void this.inner.close(this.goodbye);
  }

  /** A batch has as many bytes as the connection takes in {@linkcode batchMs}. */
  #adapt(): void {
    const elapsedMs = this.#settings.clock.now() - this.#fullAt;
    const gone = this.#fullBytes - this.inner.bufferedBytes;
    const wanted = elapsedMs > 0 ? gone / elapsedMs * batchMs : Infinity;
    const next = Math.min((this.#batchBytes + Math.min(wanted, this.#mostBytes)) / 2, this.#mostBytes);
    this.#batchBytes = Math.max(Math.round(next), Math.min(leastBytes, this.#mostBytes));
  }

  async #deliverRest(batch: BatchReader, pause: Promise<void>): Promise<void> {
    await pause;
    while (batch.more && !this.over) {
      const next = this.deliver(batch.next());
      if (next !== undefined) await next;
    }
  }

  #stuck(): void {
    const { drainTimeoutMs } = this.#settings;
    const why = `Connection lost: ${
      formatAddress(this.remote)
    } took none of the last ${this.bufferedBytes} bytes within ${drainTimeoutMs} ms`;
    this.inner.abort(new TransportError("connection-lost", why));
  }
}
