/**
 * What the parts of a JSON-RPC session share: the channel, what is known of the
 * peer, and the way messages are sent.
 *
 * @module
 */

import { type Channel, formatAddress } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { tooLarge } from "./json_rpc_errors.ts";
import type { JsonRpcSettings } from "./json_rpc_settings.ts";

const encoder = new TextEncoder();

/** A message that waits for room on the channel. */
interface Held {
  readonly text: string;
  /** The call that it is; undefined for all else. */
  readonly id: number | undefined;
  readonly isReply: boolean;
}

/** Characters that a held message costs beside its own, so that a flood of small ones is bounded, too. */
const heldChars = 64;

/** One connection, as the parts of a session see it. */
export class JsonRpcLink {
  readonly channel: Channel;
  readonly settings: JsonRpcSettings;
  /** The largest message that is sent or taken, in bytes. */
  readonly maxMessageBytes: number;
  /** Whether the peer has shown that it knows the member `wireway`. */
  peerKnows = false;
  /** Called when all that was held has gone to the channel. */
  onDrained: () => void = () => {};
  /** Whether this end has shown the member. */
  #shown = false;
  #held: Held[] = [];
  #heldChars = 0;
  /** Replies among them. */
  #replyChars = 0;
  #full = false;
  #fullByReply = false;
  /** Held characters of replies at which the reading goes on. */
  #readAtChars = 0;
  #drained: PromiseWithResolvers<void> | undefined = undefined;
  #readable: PromiseWithResolvers<void> | undefined = undefined;

  constructor(channel: Channel, settings: JsonRpcSettings) {
    this.channel = channel;
    this.settings = settings;
    this.maxMessageBytes = Math.min(settings.maxMessageBytes ?? Infinity, channel.maxMessageBytes);
  }

  /** The far end, as people write it. */
  get where(): string {
    return formatAddress(this.channel.remote);
  }

  /** Whether messages wait. */
  get holding(): boolean {
    return this.#held.length > 0;
  }

  /** Whether the next message is to show the member `wireway`; it then has. */
  takeMark(): boolean {
    if (this.#shown || !this.settings.extensions) return false;
    return this.#shown = true;
  }

  /**
   * Settles when the peer has read enough of our replies for us to read on;
   * undefined while it has. Requests of our own never stop the reading: two
   * ends that waited for each other would wait forever.
   */
  backpressure(waitsForReplies: boolean): Promise<void> | undefined {
    if (!this.#full) return undefined;
    const { maxQueuedChars } = this.settings;
    const stuck = !waitsForReplies && (this.#fullByReply || this.#replyChars > 0);
    if (!stuck && this.#replyChars <= maxQueuedChars) return undefined;
    this.#readAtChars = stuck ? 0 : maxQueuedChars >> 1;
    return (this.#readable ??= Promise.withResolvers<void>()).promise;
  }

  /**
   * Sends a message, or holds it until the channel has room. The promise
   * resolves when it has. Throws `message-too-large`, as the channel's `send()`
   * does, and `overloaded` for a request where too much is held.
   */
  send(text: string, isReply: boolean, id?: number): void | Promise<void> {
    this.#check(text);
    if (this.#full) return this.#hold({ text, id, isReply });
    const full = this.channel.send(text);
    if (full !== undefined) this.#fill(full, isReply);
    return full;
  }

  /** Sends what nobody waits for: where that is impossible the connection is of no use. */
  sendOrAbort(text: string): void {
    try {
      void this.send(text, true);
    } catch (error) {
      this.channel.abort(TransportError.from(error, "connection-lost"));
    }
  }

  /** Takes a call back that still waits for room; false where it was sent. */
  takeBack(id: number): boolean {
    const at = this.#held.findIndex((held) => held.id === id);
    if (at < 0) return false;
    this.#uncount(this.#held.splice(at, 1)[0]);
    if (this.#held.length === 0) this.#emptied();
    return true;
  }

  /** Drops what is held: the connection is gone. */
  drop(): void {
    this.#held = [];
    this.#drained?.resolve();
    this.#readable?.resolve();
  }

  #check(text: string): void {
    const { maxMessageBytes } = this;
    // A character has three bytes at the most; the channel looks at the rest.
    if (text.length * 3 <= maxMessageBytes) return;
    const bytes = text.length > maxMessageBytes ? text.length : encoder.encode(text).length;
    if (bytes > maxMessageBytes) throw tooLarge(bytes, maxMessageBytes);
  }

  #fill(full: Promise<void>, isReply: boolean): void {
    this.#full = true;
    this.#fullByReply = isReply;
    const pump = (): void => this.#pump();
    full.then(pump, pump);
  }

  #hold(held: Held): Promise<void> {
    const chars = held.text.length + heldChars;
    const { maxQueuedChars } = this.settings;
    if (!held.isReply && this.#held.length > 0 && this.#heldChars + chars > maxQueuedChars) {
      const why =
        `Call not sent: ${this.#heldChars} characters wait for a peer that reads slowly, ${maxQueuedChars} are allowed`;
      throw new TransportError("overloaded", why);
    }
    this.#held.push(held);
    this.#heldChars += chars;
    if (held.isReply) this.#replyChars += chars;
    return (this.#drained ??= Promise.withResolvers<void>()).promise;
  }

  #uncount({ text, isReply }: Held): void {
    this.#heldChars -= text.length + heldChars;
    if (isReply) this.#replyChars -= text.length + heldChars;
  }

  /** There is room again: sends what is held until there is none once more. */
  #pump(): void {
    this.#full = false;
    let sent = 0;
    try {
      while (sent < this.#held.length && !this.#full) {
        const { text, isReply } = this.#held[sent++];
        const full = this.channel.send(text);
        if (full !== undefined) this.#fill(full, isReply);
      }
    } catch (error) {
      // Also where the connection is gone: aborting it again changes nothing.
      return this.channel.abort(TransportError.from(error, "connection-lost"));
    }
    for (const held of this.#held.splice(0, sent)) this.#uncount(held);
    if (this.#readable !== undefined && (!this.#full || this.#replyChars <= this.#readAtChars)) {
      this.#readable.resolve();
      this.#readable = undefined;
    }
    if (this.#held.length === 0) this.#emptied();
  }

  #emptied(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
    this.onDrained();
  }
}
