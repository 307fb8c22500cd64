/**
 * Writes messages to a stream of bytes: everything that is sent in one turn, or
 * while a write is under way, goes out as one write.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { Framing } from "../../framing/framing.ts";
import { borrowScratch, maxScratchBytes, returnScratch } from "../../util/scratch.ts";
import type { ByteSink, WriterLimits, WriterOwner } from "./byte_stream.ts";
import { tooLarge } from "./stream_errors.ts";

/**
 * After this many messages of one turn the write begins at once: a peer that
 * gets the first part of a long turn works on it while the rest is being made.
 * With one write a turn the two ends would take turns idling (measured: 1.2 to
 * 1.35 times the calls at 128 in flight; 16 to 64 are alike, and with 64 an echo
 * of 64 messages in flight takes one write and is 1.3 times as fast).
 */
const earlyMessages = 64;

/** A head up to this many bytes is copied one by one, which costs less than a view of it. */
const shortHead = 48;

/** Bytes that wait for their write, and the scratch buffer to give back after it. */
interface Segment {
  readonly bytes: Uint8Array;
  readonly scratch: Uint8Array | undefined;
}

/** Nothing that waits: an idle connection keeps no list of its own. Never added to. */
const none: Segment[] = [];

/** Messages from this size on are written from where they lie: copying them would cost more than a write of their own. */
export const directBytes: number = 64 * 1024;

/**
 * The one writer of a connection. At most one write is in flight, and a partial
 * one is finished before anything else goes out: the platform would otherwise
 * put the rest behind what was queued later.
 */
export class CoalescingWriter {
  readonly #sink: ByteSink;
  readonly #framing: Framing;
  readonly #limits: WriterLimits;
  readonly #owner: WriterOwner;
  /** Bytes given to `send()` that the platform has not taken. */
  bufferedBytes = 0;
  /** What is being filled; none while there is nothing to write. */
  #scratch: Uint8Array | undefined = undefined;
  #used = 0;
  /** Bytes of the last write. */
  #lastUsed = 0;
  /** What comes before the scratch, in order. */
  #ready: Segment[] = none;
  /** The write in flight, and the scratch buffer that it came from, if it did. */
  #writing: Uint8Array | undefined = undefined;
  #writingFrom: Uint8Array | undefined = undefined;
  #scheduled = false;
  /** Whoever gave these messages says when there are no more for now. */
  #held = false;
  /** Messages since the last write began. */
  #gathered = 0;
  #failed = false;
  #drained: PromiseWithResolvers<void> | undefined = undefined;
  #flushed: PromiseWithResolvers<void> | undefined = undefined;

  /** Makes the writer of one connection. */
  constructor(sink: ByteSink, framing: Framing, limits: WriterLimits, owner: WriterOwner) {
    this.#sink = sink;
    this.#framing = framing;
    this.#limits = limits;
    this.#owner = owner;
  }

  /** Frames and sends `head[0..headLength)` and `body` as one message. Returns a promise past the high-water mark. */
  send(head: Uint8Array, headLength: number, body: Uint8Array): void | Promise<void> {
    this.admit(headLength + body.length);
    const { check } = this.#framing;
    if (check !== undefined) {
      if (headLength > 0) this.#framing.check!(head.subarray(0, headLength));
      this.#framing.check!(body);
    }
    return this.put(head, headLength, body);
  }

  /** Throws where a message of this length is not taken: over the limit of one, or of all that wait. */
  admit(messageBytes: number): void {
    const { maxBytes, headBytes, tailBytes } = this.#framing;
    if (messageBytes > maxBytes) throw tooLarge(messageBytes, maxBytes);
    const { maxBufferedBytes } = this.#limits;
    if (this.bufferedBytes > 0 && this.bufferedBytes + headBytes + messageBytes + tailBytes > maxBufferedBytes) {
      const why =
        `Cannot send message: ${this.bufferedBytes} bytes wait for a peer that does not read, ${maxBufferedBytes} are allowed`;
      throw new TransportError("overloaded", why);
    }
  }

  /** Sends what was admitted: it may have been compressed since, and can't be refused any more. */
  put(head: Uint8Array, headLength: number, body: Uint8Array): void | Promise<void> {
    const framing = this.#framing;
    const messageBytes = headLength + body.length;
    if (framing.prepare !== undefined) framing.prepare(messageBytes);
    const frameBytes = framing.headBytes + messageBytes + framing.tailBytes;
    this.bufferedBytes += frameBytes;
    const direct = body.length >= directBytes;
    if (direct && framing.transform !== undefined) {
      // What is transformed must be a copy: the message is its sender's.
      const copy = new Uint8Array(messageBytes);
      copy.set(head.subarray(0, headLength));
      copy.set(body, headLength);
      framing.transform(copy, 0, messageBytes);
      body = copy;
      headLength = 0;
    }
    const copied = direct ? framing.headBytes + headLength : frameBytes;
    let used = this.#used;
    let scratch = this.#scratch;
    if (scratch === undefined || used + copied > scratch.length) {
      scratch = this.#room(copied);
      used = this.#used;
    }
    framing.writeHead(scratch, used, messageBytes);
    used += framing.headBytes;
    if (headLength <= shortHead) { for (let i = 0; i < headLength; i++) scratch[used++] = head[i]; }
    else {
      scratch.set(head.subarray(0, headLength), used);
      used += headLength;
    }
    if (direct) {
      this.#used = used;
      this.#writeDirect(body);
    } else {
      scratch.set(body, used);
      used += body.length;
      if (framing.transform !== undefined) framing.transform(scratch, used - messageBytes, used);
      if (framing.tailBytes > 0) framing.writeTail(scratch, used);
      this.#used = used + framing.tailBytes;
    }

    if (this.#writing === undefined) {
      if (!this.#scheduled && !this.#held) {
        this.#scheduled = true;
        // Functions are made when they are needed: an idle connection keeps none.
        queueMicrotask(() => this.#flush());
      }
      if (++this.#gathered >= earlyMessages) this.#start();
    }
    if (this.bufferedBytes > this.#limits.highWaterBytes) {
      return (this.#drained ??= Promise.withResolvers<void>()).promise;
    }
  }

  /** Gathers what is sent up to `release()`, which is to follow in the same turn: cheaper than to wait for its end. */
  hold(): void {
    this.#held = true;
  }

  /** Writes what was gathered. */
  release(): void {
    this.#held = false;
    if (this.#writing === undefined) this.#start();
  }

  /** Resolves when all that was sent has been taken by the platform. Rejects where a write fails. */
  flushed(): Promise<void> {
    if (this.bufferedBytes === 0) return Promise.resolve();
    return (this.#flushed ??= Promise.withResolvers<void>()).promise;
  }

  /** Drops what was not written and refuses the rest: the connection is gone. */
  stop(error: TransportError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#ready = none;
    if (this.#scratch !== undefined) returnScratch(this.#scratch);
    this.#scratch = undefined;
    this.#used = 0;
    this.bufferedBytes = 0;
    // A sender that waits for room must not wait forever; its next send says what happened.
    this.#drained?.resolve();
    this.#drained = undefined;
    this.#flushed?.promise.catch(() => {});
    this.#flushed?.reject(error);
    this.#flushed = undefined;
  }

  /** Makes room for `byteLength` bytes: a larger scratch buffer, or a new one behind this one. */
  #room(byteLength: number): Uint8Array {
    const scratch = this.#scratch;
    if (scratch === undefined) {
      // As much as the last write had, most likely: moving up from the smallest buffer costs a copy a step.
      return this.#scratch = scratchFor(Math.max(byteLength, Math.min(this.#lastUsed, maxScratchBytes)));
    }
    const wanted = this.#used + byteLength;
    if (wanted <= maxScratchBytes) {
      const larger = borrowScratch(wanted);
      larger.set(scratch.subarray(0, this.#used));
      returnScratch(scratch);
      return this.#scratch = larger;
    }
    this.#append({ bytes: scratch.subarray(0, this.#used), scratch });
    this.#used = 0;
    return this.#scratch = scratchFor(byteLength);
  }

  #append(segment: Segment): void {
    if (this.#ready === none) this.#ready = [];
    this.#ready.push(segment);
  }

  #writeDirect(body: Uint8Array): void {
    const tailBytes = this.#framing.tailBytes;
    const scratch = this.#scratch!;
    // A framing without a head has written nothing, and an empty write would be a wasted one.
    if (this.#used > 0) this.#append({ bytes: scratch.subarray(0, this.#used), scratch });
    else returnScratch(scratch);
    this.#append({ bytes: body, scratch: undefined });
    this.#scratch = undefined;
    this.#used = 0;
    if (tailBytes > 0) {
      this.#scratch = borrowScratch(tailBytes);
      this.#framing.writeTail(this.#scratch, 0);
      this.#used = tailBytes;
    }
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#writing === undefined) this.#start();
  }

  #start(): void {
    if (this.#failed) return;
    this.#gathered = 0;
    if (this.#ready.length > 0) {
      const segment = this.#ready.shift()!;
      this.#writingFrom = segment.scratch;
      this.#write(segment.bytes);
    } else if (this.#scratch !== undefined) {
      this.#writingFrom = this.#scratch;
      this.#scratch = undefined;
      const used = this.#used;
      this.#used = 0;
      this.#lastUsed = used;
      this.#write(this.#writingFrom.subarray(0, used));
    }
  }

  #write(bytes: Uint8Array): void {
    this.#writing = bytes;
    this.#sink.write(bytes).then((count) => this.#written(count), (error) => this.#fail(error));
  }

  #written(count: number): void {
    this.#owner.wrote(count);
    const bytes = this.#writing!;
    if (this.#failed) {
      this.#writing = undefined;
      return;
    }
    this.bufferedBytes -= count;
    if (count < bytes.length) return this.#write(bytes.subarray(count));
    this.#writing = undefined;
    if (this.#writingFrom !== undefined) {
      returnScratch(this.#writingFrom);
      this.#writingFrom = undefined;
    }
    if (this.bufferedBytes > 0) this.#start();
    if (this.#drained !== undefined && this.bufferedBytes <= this.#limits.highWaterBytes >> 1) {
      this.#drained.resolve();
      this.#drained = undefined;
    }
    if (this.#flushed !== undefined && this.bufferedBytes === 0) {
      this.#flushed.resolve();
      this.#flushed = undefined;
    }
  }

  #fail(error: unknown): void {
    this.#writing = undefined;
    if (!this.#failed) this.#owner.writeFailed(error);
  }
}

/** A scratch buffer, or for a head that is larger than any of them a buffer of its own. */
function scratchFor(byteLength: number): Uint8Array {
  return byteLength > maxScratchBytes ? new Uint8Array(byteLength) : borrowScratch(byteLength);
}

/** A message that has no head. */
export const noHead: Uint8Array = new Uint8Array(0);
