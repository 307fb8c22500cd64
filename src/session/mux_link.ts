/**
 * What the parts of a mux() session share: the channel, what the peer said of
 * itself, and the way frames are sent.
 *
 * @module
 */

import { type Channel, formatAddress } from "../core/channel.ts";
import { TransportError } from "../core/errors.ts";
import { type CreditsOwner, MuxCredits } from "./mux_credits.ts";
import { HeldFrames } from "./mux_held.ts";
import { type Hello, ownHello } from "./mux_hello.ts";
import { join } from "./mux_join.ts";
import type { MuxSettings } from "./mux_settings.ts";
import { StreamPool } from "./mux_stream_pool.ts";
import * as wire from "./mux_wire.ts";

/** Heads of frames are written here; the channel copies them before `sendParts()` returns. */
export const head: Uint8Array = new Uint8Array(wire.maxHeadBytes);

const nothing = new Uint8Array(0);

/** Who hears of a link. */
export interface LinkOwner {
  /** All held frames have gone to the channel. */
  drained(): void;
  /** A call has ended that was never sent. */
  callEnded(): void;
}

/** One connection, as the parts of a session see it. */
export class MuxLink {
  readonly channel: Channel;
  readonly settings: MuxSettings;
  /** What the peer said of itself; undefined until its hello has come. */
  peer: Hello | undefined = undefined;
  /** The largest payload that this end takes, in bytes. */
  readonly maxTakenBytes: number;
  /** What may be under way, where the channel of either end can't stop its peer. */
  credits: MuxCredits | undefined = undefined;
  /** What all streams share; undefined where one of the ends knows none. */
  streams: StreamPool | undefined = undefined;
  owner: LinkOwner | undefined = undefined;
  /** Changes with each frame that goes to the channel. */
  sent = 0;
  /** Frames that wait for room on the channel or for credit; none most of the time. */
  #held: HeldFrames | undefined = undefined;
  /** The channel has said that it is full, or there is no credit. */
  #full = false;
  /** It is for the lack of credit alone. */
  #lacksCredit = false;
  /** What resolves when that is over. */
  #awaited: Promise<void> | undefined = undefined;
  #fullByReply = false;
  /** A frame more urgent than this overtakes what is held: it can't be of the same call. */
  #heldFrom = Infinity;
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

  /** How many calls of this end may be in flight. */
  get capacity(): number {
    const { peer, settings } = this;
    return peer === undefined ? 0 : Math.min(settings.maxInFlight, peer.maxInFlight);
  }

  /** What this end says of itself. */
  get hello(): Hello {
    return ownHello(this.settings, this.maxTakenBytes, this.#windowBytes, this.channel.receiveLimitBytes !== undefined);
  }

  /** The peer has said of itself what it can. Credits are in force where one of the ends needs them. */
  welcome(peer: Hello, owner: CreditsOwner): void {
    this.peer = peer;
    const { streams } = this.settings;
    if (streams !== undefined && peer.streamWindowBytes > 0) {
      const theirs = { windowBytes: peer.streamWindowBytes, allBytes: peer.allStreamsBytes };
      this.streams = new StreamPool(streams, theirs, (frame) => this.sendUrgent(frame));
    }
    if (peer.windowBytes === undefined || !(peer.needsCredits || this.hello.needsCredits)) return;
    this.credits = new MuxCredits(this.#windowBytes, peer.windowBytes, owner);
  }

  /** What may be on its way to this end: it leaves the channel room for frames that need no credit. */
  get #windowBytes(): number {
    const { windowBytes } = this.settings;
    return Math.max(1, Math.min(windowBytes, Math.floor((this.channel.receiveLimitBytes ?? Infinity) / 2)));
  }

  /** The far end, as people write it. */
  get where(): string {
    return formatAddress(this.channel.remote);
  }

  /** Whether frames wait: to be sent, or to be taken up. */
  get holding(): boolean {
    return this.#held !== undefined || this.credits?.waiting === true;
  }

  /** Whether replies are among them. */
  get repliesHeld(): boolean {
    return this.#held !== undefined && this.#held.replyBytes > 0;
  }

  /**
   * Settles when the peer has read enough of our replies for us to read on;
   * undefined while it has.
   *
   * Two ends that both waited for the other to read would wait forever. So
   * requests of our own never stop the reading, and replies do at once only on
   * an end that waits for no reply itself; on others when too many are held.
   * The lack of credit never does: more of it could not be read of.
   */
  backpressure(waitsForReplies: boolean): Promise<void> | undefined {
    if (this.#lacksCredit) return undefined;
    const { maxQueuedBytes } = this.settings;
    const stuck = this.#full && !waitsForReplies && (this.#fullByReply || this.repliesHeld);
    if (!stuck && (this.#held?.unreadBytes ?? 0) <= maxQueuedBytes) return undefined;
    this.#readAtBytes = stuck ? 0 : maxQueuedBytes >> 1;
    return (this.#readable ??= Promise.withResolvers<void>()).promise;
  }

  /**
   * Sends the first `headLength` bytes of {@linkcode head} and `body` as a
   * frame, or holds it until the channel has room. The promise resolves when it
   * has. Throws as the channel's `send()` does, and `overloaded` for a request
   * where too much is held. Items of streams are not refused: their senders wait.
   */
  send(
    headLength: number,
    body: Uint8Array,
    isReply: boolean,
    priority: number = wire.priorityOf(head),
  ): void | Promise<void> {
    if (this.#full) {
      const passed = priority < this.#heldFrom && this.#overtake(headLength, body, isReply, priority);
      return passed ? this.#awaited : this.#hold(headLength, body, isReply, priority);
    }
    const full = this.#toChannel(head, headLength, body, priority);
    if (full !== undefined) {
      this.#fill(full, isReply, priority);
      return full;
    }
    const { credits } = this;
    if (credits === undefined || credits.left > 0) return;
    return this.#awaitCredit(credits);
  }

  /** Sends what nobody waits for: where that is impossible the connection is of no use. */
  sendOrAbort(headLength: number, body: Uint8Array, priority?: number): void {
    try {
      void this.send(headLength, body, true, priority);
    } catch (error) {
      this.channel.abort(TransportError.from(error, "connection-lost"));
    }
  }

  /** Sends a frame that is all head. */
  sendFrame(frame: Uint8Array, priority?: number): void {
    const needsCredit = wire.isCounted(frame[0] & wire.kindMask);
    if (this.#lacksCredit && !needsCredit && this.#held === undefined) return this.sendUrgent(frame, priority);
    head.set(frame.subarray(0, wire.callHeadBytes));
    const headLength = Math.min(frame.length, wire.callHeadBytes);
    this.sendOrAbort(headLength, frame.subarray(headLength), priority);
  }

  /** Sends a frame that needs no credit and may overtake those that wait for it. */
  sendUrgent(frame: Uint8Array, priority: number = wire.priorityOf(frame)): void {
    if (this.#full && !this.#lacksCredit) {
      this.#heldFrom = 0;
      return (this.#held ??= new HeldFrames()).pushUrgent(frame);
    }
    try {
      const full = this.#toChannel(frame, frame.length, nothing, priority);
      if (full !== undefined) this.#fill(full, false, priority);
    } catch (error) {
      this.channel.abort(TransportError.from(error, "connection-lost"));
    }
  }

  /** Takes a call back that still waits for room; false where it was sent. */
  takeBack(id: number): boolean {
    const held = this.#held;
    if (held === undefined || !held.takeCall(id)) return false;
    if (this.#lacksCredit) this.#pump();
    else if (held.isEmpty) this.#emptied();
    return true;
  }

  /** Drops what is held: the connection is gone. */
  drop(): void {
    this.credits?.drop();
    this.#held = undefined;
    this.#drained?.resolve();
    this.#readable?.resolve();
  }

  #toChannel(frameHead: Uint8Array, headLength: number, body: Uint8Array, priority: number): void | Promise<void> {
    const { channel, credits } = this;
    this.sent = (this.sent + 1) | 0;
    const full = channel.sendParts === undefined
      ? channel.send(join(frameHead, headLength, body), priority)
      : channel.sendParts(frameHead, headLength, body, priority);
    if (credits !== undefined && wire.isCounted(frameHead[0] & wire.kindMask)) credits.spend(headLength + body.length);
    return full;
  }

  /**
   * Gives a frame that is more urgent than what has filled the channel, and than all that is held, to the channel: it
   * may send it first. Returns false where it takes no more at all.
   */
  #overtake(headLength: number, body: Uint8Array, isReply: boolean, priority: number): boolean {
    if (this.#lacksCredit || (this.credits?.left ?? 1) <= 0) return false;
    try {
      void this.#toChannel(head, headLength, body, priority);
    } catch (error) {
      if (error instanceof TransportError && error.code === "overloaded") return false;
      throw error;
    }
    this.#fullByReply ||= isReply;
    return true;
  }

  #fill(full: Promise<void>, isReply: boolean, priority: number): void {
    this.#full = true;
    this.#heldFrom = Math.min(this.#heldFrom, priority);
    this.#lacksCredit = false;
    this.#fullByReply = isReply;
    this.#awaited = full;
    const pump = (): void => {
      // A channel that is full by now is waited for in place of credit.
      if (this.#awaited === full) this.#pump();
    };
    full.then(pump, pump);
  }

  #awaitCredit({ room }: MuxCredits): Promise<void> {
    this.#fill(room, false, Infinity);
    this.#lacksCredit = true;
    return room;
  }

  #hold(headLength: number, body: Uint8Array, isReply: boolean, priority: number): Promise<void> {
    const held = this.#held ??= new HeldFrames();
    const { maxQueuedBytes } = this.settings;
    const isRequest = (head[0] & wire.kindMask) <= wire.Kind.send;
    if (isRequest && held.bytes > 0 && held.bytes + HeldFrames.costOf(headLength + body.length) > maxQueuedBytes) {
      const why = `Call not sent: ${held.bytes} bytes wait for a peer that reads slowly, ${maxQueuedBytes} are allowed`;
      throw new TransportError("overloaded", why);
    }
    held.push({ head: head.slice(0, headLength), body, isReply, priority });
    this.#heldFrom = Math.min(this.#heldFrom, priority);
    return (this.#drained ??= Promise.withResolvers<void>()).promise;
  }

  /** There is room or credit again: sends what is held until there is none once more. */
  #pump(): void {
    this.#full = this.#lacksCredit = false;
    this.#awaited = undefined;
    const { credits } = this;
    const held = this.#held;
    try {
      while (held !== undefined && !this.#full) {
        const frame = held.take(credits === undefined || credits.left > 0);
        if (frame === undefined) break;
        const full = this.#toChannel(frame.head, frame.head.length, frame.body, frame.priority);
        if (full !== undefined) this.#fill(full, frame.isReply, frame.priority);
      }
    } catch (error) {
      // Also where the connection is gone: aborting it again changes nothing.
      return this.channel.abort(TransportError.from(error, "connection-lost"));
    }
    if (credits !== undefined && credits.left <= 0 && !this.#full) void this.#awaitCredit(credits);
    const isReadable = this.#lacksCredit || (!this.#full && (held?.unreadBytes ?? 0) <= this.#readAtBytes);
    if (this.#readable !== undefined && isReadable) {
      this.#readable.resolve();
      this.#readable = undefined;
    }
    if (held === undefined || held.isEmpty) this.#emptied();
    // Requests may have waited for replies to go out.
    if (credits?.waiting) credits.resume();
  }

  #emptied(): void {
    this.#held = undefined;
    if (!this.#full) this.#heldFrom = Infinity;
    this.#drained?.resolve();
    this.#drained = undefined;
    this.owner?.drained();
  }
}
