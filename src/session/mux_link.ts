/**
 * What the parts of a mux() session share: the channel, what the peer said of
 * itself, and the way frames are sent.
 *
 * @module
 */

import { type Channel, formatAddress } from "../core/channel.ts";
import type { Clock } from "../core/clock.ts";
import { background, type CallContext } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import type { Observer } from "../core/observer.ts";
import * as wire from "./mux_wire.ts";

/** Settings of a session. */
export interface MuxSettings {
  readonly maxInFlight: number;
  readonly maxMessageBytes: number | undefined;
  readonly helloTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly pingTimeoutMs: number;
  readonly maxQueuedBytes: number;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
}

/** Heads of frames are written here; the channel copies them before `sendParts()` returns. */
export const head: Uint8Array = new Uint8Array(wire.maxHeadBytes);

/** A frame that waits for room on the channel. */
interface HeldFrame {
  readonly head: Uint8Array;
  readonly body: Uint8Array;
  readonly isReply: boolean;
}

/** What a held frame costs beside its bytes: what keeps a flood of empty ones bounded, too. */
const heldFrameBytes = 64;

/** One connection, as the parts of a session see it. */
export class MuxLink {
  readonly channel: Channel;
  readonly settings: MuxSettings;
  /** What the peer said of itself; undefined until its hello has come. */
  peer: wire.Hello | undefined = undefined;
  /** The largest payload that this end takes, in bytes. */
  readonly maxTakenBytes: number;
  /** Told when all held frames have gone to the channel. */
  owner: { drained(): void } | undefined = undefined;
  /** Frames that wait for room on the channel, the oldest first; none most of the time. */
  #held: HeldFrame[] | undefined = undefined;
  #heldBytes = 0;
  #heldReplyBytes = 0;
  /** The channel has said that it is full. */
  #full = false;
  #fullByReply = false;
  /** Held bytes of replies at which the reading goes on. */
  #readAtBytes = 0;
  #drained: PromiseWithResolvers<void> | undefined = undefined;
  #readable: PromiseWithResolvers<void> | undefined = undefined;

  constructor(channel: Channel, settings: MuxSettings) {
    this.channel = channel;
    this.settings = settings;
    const room = channel.maxMessageBytes - wire.callHeadBytes;
    this.maxTakenBytes = Math.min(settings.maxMessageBytes ?? room, room);
  }

  /** The far end, as people write it. */
  get where(): string {
    return formatAddress(this.channel.remote);
  }

  /** Whether frames wait for room. */
  get holding(): boolean {
    return this.#held !== undefined;
  }

  /**
   * Settles when the peer has read enough of our replies for us to read on;
   * undefined while it has.
   *
   * Two ends that both waited for the other to read would wait forever. So
   * requests of our own never stop the reading, and replies do at once only on
   * an end that waits for no reply itself; on others when too many are held.
   */
  backpressure(waitsForReplies: boolean): Promise<void> | undefined {
    const { maxQueuedBytes } = this.settings;
    const stuck = this.#full && !waitsForReplies && (this.#fullByReply || this.#heldReplyBytes > 0);
    if (!stuck && this.#heldReplyBytes <= maxQueuedBytes) return undefined;
    this.#readAtBytes = stuck ? 0 : maxQueuedBytes >> 1;
    return (this.#readable ??= Promise.withResolvers<void>()).promise;
  }

  /**
   * Sends the first `headLength` bytes of {@linkcode head} and `body` as a
   * frame, or holds it until the channel has room. The promise resolves when it
   * has. Throws as the channel's `send()` does, and `overloaded` for a request
   * where too much is held.
   */
  send(headLength: number, body: Uint8Array, isReply: boolean): void | Promise<void> {
    if (this.#full) return this.#hold(headLength, body, isReply);
    const full = this.#toChannel(head, headLength, body);
    if (full === undefined) return;
    this.#fill(full, isReply);
    return full;
  }

  /** Sends what nobody waits for: where that is impossible the connection is of no use. */
  sendOrAbort(headLength: number, body: Uint8Array): void {
    try {
      void this.send(headLength, body, true);
    } catch (error) {
      this.channel.abort(TransportError.from(error, "connection-lost"));
    }
  }

  /** Sends a frame that is all head. */
  sendFrame(frame: Uint8Array): void {
    head.set(frame.subarray(0, wire.callHeadBytes));
    const headLength = Math.min(frame.length, wire.callHeadBytes);
    this.sendOrAbort(headLength, frame.subarray(headLength));
  }

  /** Drops what is held: the connection is gone. */
  drop(): void {
    this.#held = undefined;
    this.#heldBytes = this.#heldReplyBytes = 0;
    this.#drained?.resolve();
    this.#readable?.resolve();
  }

  /**
   * Writes what a call carries beside its payload into {@linkcode head} and
   * returns where it ends. Throws `message-too-large` and `deadline-exceeded`.
   */
  writeContext(offset: number, request: Uint8Array, context: CallContext): number {
    const { maxMessageBytes } = this.peer!;
    if (request.length > maxMessageBytes) throw tooLarge(request.length, maxMessageBytes);
    if (context === background) return offset;
    let timeLeftMs: number | undefined;
    if (context.deadline !== Infinity) {
      timeLeftMs = context.deadline - this.settings.clock.now();
      if (timeLeftMs <= 0) {
        throw new TransportError("deadline-exceeded", "Call not sent: its deadline has passed", { processed: "no" });
      }
    }
    const priority = context.priority === background.priority ? undefined : context.priority;
    const headLength = wire.writeCallHead(head, offset, timeLeftMs, priority, context.metadata);
    // What the peer's channel takes bounds the whole frame.
    const frameBytes = headLength + request.length - wire.callHeadBytes;
    if (frameBytes > maxMessageBytes) throw tooLarge(frameBytes, maxMessageBytes);
    return headLength;
  }

  #toChannel(frameHead: Uint8Array, headLength: number, body: Uint8Array): void | Promise<void> {
    const channel = this.channel;
    return channel.sendParts === undefined
      ? channel.send(join(frameHead, headLength, body))
      : channel.sendParts(frameHead, headLength, body);
  }

  #fill(full: Promise<void>, isReply: boolean): void {
    this.#full = true;
    this.#fullByReply = isReply;
    const pump = (): void => this.#pump();
    full.then(pump, pump);
  }

  #hold(headLength: number, body: Uint8Array, isReply: boolean): Promise<void> {
    const bytes = headLength + body.length + heldFrameBytes;
    const { maxQueuedBytes } = this.settings;
    if (!isReply && this.#heldBytes > 0 && this.#heldBytes + bytes > maxQueuedBytes) {
      const why =
        `Call not sent: ${this.#heldBytes} bytes wait for a peer that reads slowly, ${maxQueuedBytes} are allowed`;
      throw new TransportError("overloaded", why);
    }
    (this.#held ??= []).push({ head: head.slice(0, headLength), body, isReply });
    this.#heldBytes += bytes;
    if (isReply) this.#heldReplyBytes += bytes;
    return (this.#drained ??= Promise.withResolvers<void>()).promise;
  }

  /** The channel has room again: sends what is held until it is full once more. */
  #pump(): void {
    this.#full = false;
    const held = this.#held ?? [];
    let sent = 0;
    try {
      while (sent < held.length && !this.#full) {
        const { head: frameHead, body, isReply } = held[sent++];
        const bytes = frameHead.length + body.length + heldFrameBytes;
        this.#heldBytes -= bytes;
        if (isReply) this.#heldReplyBytes -= bytes;
        const full = this.#toChannel(frameHead, frameHead.length, body);
        if (full !== undefined) this.#fill(full, isReply);
      }
    } catch (error) {
      // Also where the connection is gone: aborting it again changes nothing.
      return this.channel.abort(TransportError.from(error, "connection-lost"));
    }
    held.splice(0, sent);
    if (this.#readable !== undefined && !this.#full && this.#heldReplyBytes <= this.#readAtBytes) {
      this.#readable.resolve();
      this.#readable = undefined;
    }
    if (held.length > 0) return;
    this.#held = undefined;
    this.#drained?.resolve();
    this.#drained = undefined;
    this.owner?.drained();
  }
}

/**
 * Small frames for channels that take whole messages only are cut from a slab:
 * an array of its own costs more than all the rest of a call.
 */
const slabBytes = 8 * 1024;
let slab = new Uint8Array(0);
let slabUsed = 0;

function join(frameHead: Uint8Array, headLength: number, body: Uint8Array): Uint8Array {
  const length = headLength + body.length;
  let message: Uint8Array;
  if (length > slabBytes >> 3) {
    message = new Uint8Array(length);
  } else {
    if (slabUsed + length > slab.length) {
      slab = new Uint8Array(slabBytes);
      slabUsed = 0;
    }
    message = new Uint8Array(slab.buffer, slabUsed, length);
    slabUsed += length;
  }
  for (let i = 0; i < headLength; i++) message[i] = frameHead[i];
  message.set(body, headLength);
  return message;
}

/** The error for a call over the limit of calls in flight. */
export function tooManyCalls(inFlight: number, allowed: number): TransportError {
  return new TransportError("too-many-calls", `Call refused: ${inFlight} are in flight, ${allowed} are allowed`, {
    details: { inFlight, allowed },
  });
}

/** The error for a request or a reply over the limit. */
export function tooLarge(bytes: number, allowed: number): TransportError {
  return new TransportError("message-too-large", `Message refused: it has ${bytes} bytes, ${allowed} are allowed`, {
    details: { bytes, allowed },
  });
}
