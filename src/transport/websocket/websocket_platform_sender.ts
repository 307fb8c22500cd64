/**
 * Sending on a WebSocket of the platform, which takes without limit: what it
 * has not sent yet is watched and bounded from here.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";

/** What holding a message costs beside its bytes, roughly: without it, empty messages would never fill a buffer. */
export const heldBytes = 64;

/** How often the platform is asked whether it has room again: often at first, less while nothing moves, in milliseconds. */
const minPollMs = 1;
const maxPollMs = 16;

/** The bounds of a sender. */
export interface SenderSettings {
  readonly highWaterBytes: number;
  readonly maxBufferedBytes: number;
  readonly clock: Clock;
}

/** See the module. There is no event for room, so while senders wait for it the platform is asked again and again. */
export class PlatformSender implements DeadlineEntry {
  dueAt = Infinity;
  position = -1;
  readonly holds = false;
  readonly #socket: WebSocket;
  readonly #settings: SenderSettings;
  /** Messages that may wait, in what they cost beside their bytes. The platform does not say how many do. */
  #overheadBytes = 0;
  /** Bytes that waited when the platform was last asked, and those sent since. */
  #seenBytes = 0;
  #pollMs = minPollMs;
  #stopped = false;
  #drained: PromiseWithResolvers<void> | undefined = undefined;
  #flushed: PromiseWithResolvers<void> | undefined = undefined;

  constructor(socket: WebSocket, settings: SenderSettings) {
    this.#socket = socket;
    this.#settings = settings;
  }

  /** Bytes that the platform has not sent. */
  get bufferedBytes(): number {
    // Not every platform tells: on the edge it is credits alone that bound what is under way.
    return this.#stopped ? 0 : this.#socket.bufferedAmount ?? 0;
  }

  /** Sends a message of so many bytes. Returns a promise past the high-water mark; throws `overloaded` past the limit. */
  send(message: string | Uint8Array<ArrayBuffer>, byteLength: number): void | Promise<void> {
    const { highWaterBytes, maxBufferedBytes } = this.#settings;
    const waiting = this.bufferedBytes;
    const total = waiting + this.#overheadBytes + byteLength + heldBytes;
    const isAlone = waiting === 0 && this.#overheadBytes <= highWaterBytes;
    if (total > maxBufferedBytes && !isAlone) {
      // The limits may have become smaller since it was asked last.
      this.#poll();
      const why =
        `Cannot send message: ${waiting} bytes wait for a peer that does not read, ${maxBufferedBytes} are allowed`;
      throw new TransportError("overloaded", why);
    }
    this.#socket.send(message);
    this.#overheadBytes += heldBytes;
    this.#seenBytes += byteLength;
    if (total > highWaterBytes) {
      this.#poll();
      return (this.#drained ??= Promise.withResolvers<void>()).promise;
    }
    // Counted again before small messages alone could look like a full buffer.
    if (this.#overheadBytes > highWaterBytes >> 2) this.#poll();
  }

  /** Resolves when the platform has sent all, or all is lost. */
  flushed(): Promise<void> {
    if (this.bufferedBytes === 0) return Promise.resolve();
    this.#poll();
    return (this.#flushed ??= Promise.withResolvers<void>()).promise;
  }

  /** The connection is gone: nobody waits any more. */
  stop(): void {
    this.#stopped = true;
    const deadlines = deadlinesOf(this.#settings.clock);
    deadlines.remove(this);
    deadlines.trim();
    this.#drained?.resolve();
    this.#flushed?.resolve();
  }

  expire(): void {
    const waiting = this.bufferedBytes;
    const moved = waiting < this.#seenBytes;
    this.#overheadBytes = this.#seenBytes === 0 || waiting === 0
      ? 0
      : Math.min(this.#overheadBytes, Math.ceil(this.#overheadBytes * waiting / this.#seenBytes));
    this.#seenBytes = waiting;
    this.#pollMs = moved ? minPollMs : Math.min(2 * this.#pollMs, maxPollMs);
    if (this.#drained !== undefined && waiting + this.#overheadBytes <= this.#settings.highWaterBytes >> 1) {
      this.#drained.resolve();
      this.#drained = undefined;
    }
    if (this.#flushed !== undefined && waiting === 0) {
      this.#flushed.resolve();
      this.#flushed = undefined;
    }
    if (this.#drained !== undefined || this.#flushed !== undefined) this.#poll();
  }

  #poll(): void {
    if (this.position >= 0) return;
    this.dueAt = this.#settings.clock.now() + this.#pollMs;
    deadlinesOf(this.#settings.clock).add(this);
  }
}
