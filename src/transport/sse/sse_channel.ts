/**
 * What both ends of an sse() channel have in common: what was sent is held
 * until it is acknowledged, what has come is handed out in order, and the end
 * in all its forms.
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
import { TransportError } from "../../core/errors.ts";
import { notify } from "../../core/observer.ts";
import { tellClosed } from "../../core/tell_closed.ts";
import { endMark, type Item } from "../../framing/event_stream/sse_messages.ts";
import { byteLengthOf } from "../../util/byte_length.ts";
import { Alarm } from "./sse_alarm.ts";
import type { SseSettings } from "./sse_options.ts";
import { Outbox } from "./sse_outbox.ts";

/** Where a channel is, and who counts it. */
export interface SsePlace {
  readonly side: "client" | "server";
  readonly local: Address;
  readonly remote: Address;
  readonly counters: ChannelCounters;
  readonly maxMessageBytes: number;
}

/** See the module. */
export abstract class SseChannel implements Channel {
  readonly local: Address;
  readonly remote: Address;
  readonly maxMessageBytes: number;
  protected readonly settings: SseSettings;
  protected readonly outbox: Outbox = new Outbox();
  /** The number of the last item that was handed out. */
  protected handed = 0;
  /** What was handed out, counted as the peer counts what it holds. */
  protected handedBytes = 0;
  /** The number of the last item that has come. */
  protected received = 0;
  /** The peer's end was handed out. */
  protected peerEnded = false;
  protected over = false;
  /** Why it is over, where that was not in order. */
  protected reason: TransportError | undefined = undefined;
  readonly #place: SsePlace;
  readonly #linger: Alarm;
  #receiver: Receiver | undefined = undefined;
  #inbox: Item[] = [];
  #next = 0;
  #paused = false;
  #closing: PromiseWithResolvers<void> | undefined = undefined;
  #released: Promise<void> | void = undefined;
  #emptied: PromiseWithResolvers<void> | undefined = undefined;

  constructor(settings: SseSettings, place: SsePlace) {
    this.settings = settings;
    this.#place = place;
    this.local = place.local;
    this.remote = place.remote;
    this.maxMessageBytes = place.maxMessageBytes;
    this.#linger = new Alarm(settings.clock, () => this.#lingered());
    place.counters.connectionsOpen++;
    const { observer } = settings;
    if (observer !== undefined) {
      notify(observer, { type: "connection-opened", side: place.side, local: place.local, remote: place.remote });
    }
  }

  /** There is something new to send. */
  protected abstract wake(): void;
  /** More was handed out: it may be acknowledged. */
  protected abstract noteHanded(): void;
  /** Whether the peer can be reached, as far as is known. */
  protected abstract get connected(): boolean;
  /** It is over: gives back what is held. `tell` where the peer does not know it yet. */
  protected abstract release(error: TransportError | undefined, tell: boolean): Promise<void> | void;

  get bufferedBytes(): number {
    return this.outbox.bytes;
  }

  send(message: Message): void | Promise<void> {
    if (this.#closing !== undefined || this.over) throw this.#closedError();
    const { outbox, settings, maxMessageBytes } = this;
    // A text has at least a byte for each unit.
    const bytes = message.length > maxMessageBytes ? message.length : byteLengthOf(message);
    if (bytes > maxMessageBytes) {
      throw new TransportError(
        "message-too-large",
        `Cannot send message: it has ${bytes} bytes, ${maxMessageBytes} are allowed`,
      );
    }
    if (!outbox.isEmpty && outbox.bytes + Outbox.cost(bytes) > settings.maxBufferedBytes) {
      throw new TransportError(
        "overloaded",
        `Cannot send message: ${outbox.bytes} bytes wait for the peer to take them, ${settings.maxBufferedBytes} are allowed`,
      );
    }
    outbox.add(message, bytes);
    const { counters } = this.#place;
    counters.messagesOut++;
    counters.bytesOut += bytes;
    this.wake();
    if (outbox.bytes > settings.highWaterBytes) return outbox.room();
  }

  receive(receiver: Receiver): void {
    if (this.#receiver !== undefined) throw new TransportError("unsupported", "Cannot receive twice on one channel");
    this.#receiver = receiver;
    if (this.over) tellClosed(receiver, this.reason);
    else queueMicrotask(() => this.deliver());
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers<void>();
      if (this.over) this.#resolveClosing();
      else this.#sendEnd();
    }
    return this.#closing.promise;
  }

  abort(reason: TransportError): void {
    this.finish(reason, true);
  }

  /** Takes in what has come; to be followed by `deliver()`. */
  protected take(item: Item): void {
    this.received++;
    this.#inbox.push(item);
    if (this.#closing !== undefined) this.#linger.set(this.settings.lingerMs);
  }

  /** Whether everything that has come was handed out, and the receiver does not pause. */
  protected get idle(): boolean {
    return this.#next === this.#inbox.length && !this.#paused;
  }

  /** Resolves when it is idle, or over. */
  protected emptied(): Promise<void> {
    return (this.#emptied ??= Promise.withResolvers<void>()).promise;
  }

  /** Hands out what has come, until the receiver asks for a pause. */
  protected deliver(): void {
    if (this.over || this.#paused || this.#receiver === undefined) return;
    const inbox = this.#inbox;
    const before = this.handed;
    while (this.#next < inbox.length) {
      const item = inbox[this.#next];
      inbox[this.#next++] = endMark;
      this.handed++;
      let pause: void | Promise<void> = undefined;
      try {
        if (item === endMark) this.#endOfPeer();
        else pause = this.#hand(item);
      } catch (error) {
        return this.abort(TransportError.from(error, "protocol"));
      }
      if (this.over) return;
      if (pause !== undefined) {
        this.#pause(pause);
        break;
      }
    }
    if (this.#next === inbox.length) {
      this.#inbox = [];
      this.#next = 0;
    }
    if (this.handed > before) this.noteHanded();
    if (this.idle) this.#tellEmptied();
    this.#endIfDone();
  }

  /** The peer has all up to a number. Returns whether that can be. */
  protected acknowledge(number: number): boolean {
    const { outbox } = this;
    if (number > outbox.last) return false;
    if (number <= outbox.acked) return true;
    outbox.acknowledge(number);
    if (outbox.bytes <= this.settings.highWaterBytes >> 1) outbox.makeRoom();
    if (this.#closing !== undefined) this.#linger.set(this.settings.lingerMs);
    this.#endIfDone();
    return true;
  }

  /** Whether `close()` was called. */
  protected get ending(): boolean {
    return this.#closing !== undefined;
  }

  protected finish(error: TransportError | undefined, tell: boolean): void {
    if (this.over) return;
    this.over = true;
    this.reason = error;
    this.#linger.clear();
    this.#inbox = [];
    this.#next = 0;
    const { counters, side } = this.#place;
    counters.connectionsOpen--;
    if (error !== undefined) counters.connectionsFailed++;
    this.#released = this.release(error, tell);
    this.outbox.clear();
    this.#tellEmptied();
    if (this.#closing !== undefined) this.#resolveClosing();
    const heard = tellClosed(this.#receiver, error);
    const { observer } = this.settings;
    if (observer !== undefined) {
      notify(observer, { type: "connection-closed", side, remote: this.remote, error: heard });
    }
  }

  /** The error of a connection that was lost for good. */
  protected lost(why: string, details: Record<string, unknown>): TransportError {
    return new TransportError("connection-lost", `Connection lost: ${formatAddress(this.remote)}: ${why}`, {
      details: { ...details, unacknowledged: this.outbox.last - this.outbox.acked, received: this.handed },
    });
  }

  #hand(item: Message): void | Promise<void> {
    const { counters } = this.#place;
    const bytes = byteLengthOf(item);
    counters.messagesIn++;
    counters.bytesIn += bytes;
    this.handedBytes += Outbox.cost(bytes);
    return this.#receiver!.message(item);
  }

  #endOfPeer(): void {
    this.peerEnded = true;
    this.#receiver!.end();
  }

  #pause(until: Promise<void>): void {
    this.#paused = true;
    until.then(() => {
      this.#paused = false;
      this.deliver();
    }, (error) => this.abort(TransportError.from(error, "protocol")));
  }

  #tellEmptied(): void {
    this.#emptied?.resolve();
    this.#emptied = undefined;
  }

  #sendEnd(): void {
    this.outbox.add(endMark, 0);
    this.#linger.set(this.settings.lingerMs);
    this.wake();
    // Nobody ever received on it: read on only to see the peer's end.
    if (this.#receiver === undefined) this.receive({ message: () => {}, end: () => {}, closed: () => {} });
  }

  #endIfDone(): void {
    if (!this.over && this.#closing !== undefined && this.peerEnded && this.outbox.isEmpty) {
      this.finish(undefined, false);
    }
  }

  #lingered(): void {
    // While it is being connected again, that has a limit of its own.
    if (!this.connected) return this.#linger.set(this.settings.lingerMs);
    const { outbox } = this;
    // The end itself carries nothing.
    if (outbox.last - outbox.acked <= 1) return this.finish(undefined, true);
    this.finish(this.lost(`it takes nothing more`, { reason: "linger" }), true);
  }

  #resolveClosing(): void {
    const { resolve } = this.#closing!;
    if (this.#released === undefined) resolve();
    else this.#released.then(resolve, resolve);
  }

  #closedError(): TransportError {
    return new TransportError("closed", `Cannot use connection to ${formatAddress(this.remote)}: it is closed`);
  }
}
