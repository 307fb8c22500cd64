/**
 * The two ends of a connection within one process.
 *
 * @module
 */

import {
  type Address,
  type Channel,
  type ChannelCounters,
  formatAddress,
  type Message,
  type Receiver,
} from "../../core/channel.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import { notify, type Observer } from "../../core/observer.ts";
import { tellClosed } from "../../core/tell_closed.ts";

/** Settings of an in-process connection. */
export interface MemorySettings {
  readonly name: string;
  readonly maxMessageBytes: number;
  readonly highWaterBytes: number;
  readonly maxBufferedBytes: number;
  readonly maxConnections: number;
  readonly lingerMs: number;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
}

/** What holding a message costs beside its bytes, roughly: without it, empty messages would never fill a buffer. */
const heldBytes = 64;

/** One end of a connection within the process. */
export class MemoryChannel implements Channel {
  readonly local: Address;
  readonly remote: Address;
  readonly maxMessageBytes: number;
  readonly #settings: MemorySettings;
  readonly #counters: ChannelCounters;
  readonly #side: "client" | "server";
  #peer: MemoryChannel | undefined = undefined;
  #receiver: Receiver | undefined = undefined;
  /** Messages that have come; those before `next` were handed out. A count of bytes keeps it bounded. */
  #inbox: Message[] = [];
  #next = 0;
  #inboxBytes = 0;
  #peerEnded = false;
  #ended = false;
  #over = false;
  #reason: TransportError | undefined = undefined;
  #paused = false;
  #scheduled = false;
  #endTold = false;
  #linger: Timer | undefined = undefined;
  #closing: PromiseWithResolvers<void> | undefined = undefined;
  /** Who waits for this channel's inbox to empty: the peer's sender. */
  #room: PromiseWithResolvers<void> | undefined = undefined;
  readonly #run = (): void => {
    this.#scheduled = false;
    this.#deliver();
  };

  constructor(address: Address, settings: MemorySettings, counters: ChannelCounters, side: "client" | "server") {
    this.local = address;
    this.remote = address;
    this.maxMessageBytes = settings.maxMessageBytes;
    this.#settings = settings;
    this.#counters = counters;
    this.#side = side;
  }

  join(peer: MemoryChannel): void {
    this.#peer = peer;
    this.#counters.connectionsOpen++;
    const { observer } = this.#settings;
    if (observer !== undefined) {
      notify(observer, { type: "connection-opened", side: this.#side, local: this.local, remote: this.remote });
    }
  }

  get bufferedBytes(): number {
    return this.#peer!.#inboxBytes;
  }

  send(message: Message): void | Promise<void> {
    if (this.#closing !== undefined || this.#over) throw this.#closedError();
    // A text of n characters has at least n bytes: near enough for a bound, without encoding it.
    const bytes = message.length;
    if (bytes > this.maxMessageBytes) {
      throw new TransportError(
        "message-too-large",
        `Cannot send message: it has ${bytes} bytes, ${this.maxMessageBytes} are allowed`,
      );
    }
    const peer = this.#peer!;
    if (peer.#over) {
      // It had closed and waited for this end no longer, as a socket that is written to after the peer's close.
      this.#end(new TransportError("connection-lost", `Connection lost: ${formatAddress(this.remote)} has closed it`));
      throw this.#closedError();
    }
    if (peer.#inboxBytes > 0 && peer.#inboxBytes + bytes + heldBytes > this.#settings.maxBufferedBytes) {
      throw new TransportError(
        "overloaded",
        `Cannot send message: ${peer.#inboxBytes} bytes wait for a peer that does not read, ${this.#settings.maxBufferedBytes} are allowed`,
      );
    }
    this.#counters.messagesOut++;
    this.#counters.bytesOut += bytes;
    peer.#inbox.push(message);
    peer.#inboxBytes += bytes + heldBytes;
    peer.#schedule();
    if (peer.#inboxBytes > this.#settings.highWaterBytes) return (peer.#room ??= Promise.withResolvers<void>()).promise;
  }

  receive(receiver: Receiver): void {
    if (this.#receiver !== undefined) throw new TransportError("unsupported", "Cannot receive twice on one channel");
    this.#receiver = receiver;
    if (this.#over) tellClosed(receiver, this.#reason);
    else this.#schedule();
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers<void>();
      if (this.#over) this.#closing.resolve();
      else this.#sendEnd();
    }
    return this.#closing.promise;
  }

  abort(reason: TransportError): void {
    if (this.#over) return;
    this.#end(reason);
    this.#peer!.#end(
      new TransportError(
        "connection-lost",
        `Connection lost: ${formatAddress(this.local)} closed it: ${reason.message}`,
      ),
    );
  }

  #sendEnd(): void {
    this.#ended = true;
    this.#peer!.#peerEnded = true;
    this.#peer!.#schedule();
    this.#schedule();
    this.#linger = this.#settings.clock.schedule(() => this.#end(undefined), this.#settings.lingerMs);
    this.#linger.hold(false);
    if (this.#receiver === undefined) this.receive({ message: () => {}, end: () => {}, closed: () => {} });
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused || this.#receiver === undefined) return;
    this.#scheduled = true;
    queueMicrotask(this.#run);
  }

  #deliver(): void {
    if (this.#over || this.#paused) return;
    const receiver = this.#receiver!;
    const inbox = this.#inbox;
    // What comes in the meantime waits for its own turn.
    const end = inbox.length;
    while (this.#next < end) {
      const message = inbox[this.#next];
      inbox[this.#next++] = "";
      this.#inboxBytes -= message.length + heldBytes;
      this.#counters.messagesIn++;
      this.#counters.bytesIn += message.length;
      let pause: void | Promise<void>;
      try {
        pause = receiver.message(message);
      } catch (error) {
        return this.abort(TransportError.from(error, "protocol"));
      }
      if (pause !== undefined) {
        this.#makeRoom();
        return this.#pause(pause);
      }
      if (this.#over) return;
    }
    this.#makeRoom();
    if (this.#peerEnded && this.#inbox.length === 0) this.#afterPeerEnd();
  }

  #makeRoom(): void {
    if (this.#next === this.#inbox.length || this.#next > 1024 && this.#next > this.#inbox.length >> 1) {
      this.#inbox.splice(0, this.#next);
      this.#next = 0;
    }
    if (this.#room !== undefined && this.#inboxBytes <= this.#settings.highWaterBytes >> 1) {
      this.#room.resolve();
      this.#room = undefined;
    }
  }

  #pause(until: Promise<void>): void {
    this.#paused = true;
    until.then(() => {
      this.#paused = false;
      this.#schedule();
    }, (error) => this.abort(TransportError.from(error, "protocol")));
  }

  #afterPeerEnd(): void {
    if (!this.#endTold) {
      this.#endTold = true;
      try {
        this.#receiver!.end();
      } catch (error) {
        return this.abort(TransportError.from(error, "protocol"));
      }
    }
    const peer = this.#peer!;
    // Both sides have ended, and each has handed out what it was sent.
    if (this.#ended && (peer.#endTold || peer.#over)) {
      this.#end(undefined);
      peer.#end(undefined);
    }
  }

  #end(error: TransportError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#reason = error;
    this.#linger?.cancel();
    this.#inbox = [];
    this.#next = 0;
    this.#inboxBytes = 0;
    // Nobody waits forever for room: neither the peer's sender nor this end's own.
    this.#room?.resolve();
    this.#peer!.#room?.resolve();
    this.#peer!.#room = undefined;
    this.#counters.connectionsOpen--;
    if (error !== undefined) this.#counters.connectionsFailed++;
    this.#closing ??= Promise.withResolvers<void>();
    this.#closing.resolve();
    const heard = tellClosed(this.#receiver, error);
    const { observer } = this.#settings;
    if (observer !== undefined) {
      notify(observer, { type: "connection-closed", side: this.#side, remote: this.remote, error: heard });
    }
  }

  #closedError(): TransportError {
    return new TransportError("closed", `Cannot use connection to ${formatAddress(this.remote)}: it is closed`);
  }
}
