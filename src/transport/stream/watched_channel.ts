/**
 * What the channels over a connection have in common, whatever they are made
 * of: one receiver, its pauses, and the end in all its forms.
 *
 * @module
 */

import type { Address, Receiver } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { notify, type Observer } from "../../core/observer.ts";
import { tellClosed } from "../../core/tell_closed.ts";
import type { StreamPlace } from "./byte_stream.ts";
import { StreamWatch, type Watched, type WatchSettings } from "./stream_watch.ts";

/** Settings of such a channel. */
export interface WatchedSettings extends WatchSettings {
  readonly observer: Observer | undefined;
}

const drops: Receiver = { message: () => {}, end: () => {}, closed: () => {} };

/** See the module. */
export abstract class WatchedChannel implements Watched {
  readonly remote: Address;
  protected readonly place: StreamPlace;
  protected readonly watch: StreamWatch;
  protected receiver: Receiver | undefined = undefined;
  /** `close()` was called, or this end has begun to end by itself. */
  protected closing: PromiseWithResolvers<void> | undefined = undefined;
  protected over = false;
  /** The receiver has asked for a pause. */
  protected paused = false;
  readonly #observer: Observer | undefined;
  /** Why it is over, where that was not in order. */
  #reason: TransportError | undefined = undefined;
  #endTold = false;

  constructor(settings: WatchedSettings, place: StreamPlace, remote: Address) {
    this.remote = remote;
    this.place = place;
    this.watch = new StreamWatch(settings, this);
    this.#observer = settings.observer;
  }

  get local(): Address {
    return this.place.local;
  }

  get peerHoldsBack(): boolean {
    return this.place.peerHoldsBack === true;
  }

  abstract get bufferedBytes(): number;

  receive(receiver: Receiver): void {
    if (this.receiver !== undefined) throw new TransportError("unsupported", "Cannot receive twice on one channel");
    this.receiver = receiver;
    if (this.over) return void tellClosed(receiver, this.#reason);
    this.watch.begin();
    this.receiving();
  }

  close(reason?: TransportError): Promise<void> {
    if (this.closing === undefined) {
      this.closing = Promise.withResolvers<void>();
      if (this.over) this.closing.resolve();
      else this.finish(reason);
    }
    return this.closing.promise;
  }

  abstract abort(reason: TransportError): void;

  // Watched

  abstract probe(): void;
  abstract timedOut(error: TransportError): void;
  abstract lingered(): void;

  /** There is a receiver: what has come by now is for it. */
  protected abstract receiving(): void;
  /** Hands out what there is, until the receiver asks for a pause. */
  protected abstract deliver(): void;
  /** Begins the end in order; the peer is told `reason`. */
  protected abstract finish(reason: TransportError | undefined): void;
  /** It is over: closes what is below. `close()` waits for the promise, where that takes its time. */
  protected abstract release(error: TransportError | undefined): Promise<void> | void;

  /** Counts the connection, and tells of it. */
  protected opened(): void {
    const { counters, side, local } = this.place;
    counters.connectionsOpen++;
    if (this.#observer === undefined) return;
    notify(this.#observer, { type: "connection-opened", side, local, remote: this.remote });
  }

  /** Hands out nothing until then. */
  protected pause(until: Promise<void>): void {
    this.paused = true;
    this.watch.pause();
    until.then(() => {
      this.paused = false;
      if (this.over) return;
      this.watch.resume();
      this.deliver();
    }, (error) => this.abort(TransportError.from(error, "protocol")));
  }

  /** Receives on it where nobody does: messages are dropped, only to see the peer's end. */
  protected drain(): void {
    if (this.receiver === undefined) this.receive(drops);
  }

  /** Tells the receiver, once, that the peer sends no more. Where it throws, that is the end: returns false. */
  protected tellEnd(): boolean {
    if (this.#endTold) return true;
    this.#endTold = true;
    try {
      this.receiver!.end();
    } catch (error) {
      this.end(TransportError.from(error, "protocol"));
      return false;
    }
    return true;
  }

  /** The end, at once. */
  protected end(error: TransportError | undefined): void {
    if (this.over) return;
    this.over = true;
    this.#reason = error;
    const released = this.release(error);
    const { counters, side } = this.place;
    counters.connectionsOpen--;
    if (error !== undefined) counters.connectionsFailed++;
    this.closing ??= Promise.withResolvers<void>();
    this.closing.resolve(released);
    this.watch.stop();
    const heard = tellClosed(this.receiver, error);
    if (this.#observer === undefined) return;
    notify(this.#observer, { type: "connection-closed", side, remote: this.remote, error: heard });
  }
}
