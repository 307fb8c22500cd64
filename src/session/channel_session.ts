/**
 * What every session over one channel is: two ends, a state, a close with a
 * grace, and an end that is told once.
 *
 * @module
 */

import { type Address, type Channel, formatAddress } from "../core/channel.ts";
import type { Clock } from "../core/clock.ts";
import type { CallContext } from "../core/context.ts";
import { type DeadlineEntry, deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import type { Session, SessionState, ShutdownOptions } from "../core/session.ts";
import { SessionEnd } from "./session_end.ts";
import { callLost, unusable } from "./session_refusals.ts";

/** What it goes by. */
export interface ChannelSessionSettings {
  readonly clock: Clock;
  readonly closeTimeoutMs: number;
}

/** See the module. What a protocol's calls are is said by who extends it. */
export abstract class ChannelSession<Req, Res> implements Session<Req, Res>, DeadlineEntry {
  onChange: (() => void) | undefined = undefined;
  state: SessionState = "open";
  // As an entry of the deadline queue it watches over its end, and over its beginning where a protocol has one.
  dueAt = Infinity;
  position = -1;
  readonly holds = false;
  protected readonly channel: Channel;
  /** Whether `close()` was called. */
  protected closing = false;
  protected graceMs = Infinity;
  readonly #settings: ChannelSessionSettings;
  readonly #end = new SessionEnd();

  constructor(channel: Channel, settings: ChannelSessionSettings) {
    this.channel = channel;
    this.#settings = settings;
  }

  get local(): Address {
    return this.channel.local;
  }

  get remote(): Address {
    return this.channel.remote;
  }

  get identity(): unknown {
    return this.channel.identity;
  }

  get finished(): Promise<TransportError | undefined> {
    return this.#end.promise;
  }

  abstract readonly load: number;
  abstract readonly capacity: number;
  abstract call(request: Req, context?: CallContext): Promise<Res>;
  abstract send(request: Req, context?: CallContext): void | Promise<void>;
  abstract ping(): Promise<number>;

  close({ graceMs = this.#settings.closeTimeoutMs }: ShutdownOptions = {}): Promise<void> {
    if (this.state !== "closed" && !this.closing) {
      this.closing = true;
      this.graceMs = graceMs;
      this.beginClose();
    }
    // The channel may have more to let go of when it has told of its end.
    return this.finished.then(() => this.channel.close());
  }

  abort(reason: TransportError): void {
    this.channel.abort(reason);
  }

  /** The grace is over. */
  expire(): void {
    const why =
      `Connection closed: ${this.load} calls made and ${this.answering} answered were not finished within ${this.graceMs} ms`;
    this.abort(new TransportError("closed", why, { processed: "maybe" }));
  }

  /** Calls that this end works on. */
  protected abstract readonly answering: number;

  /** Takes no new calls, and lets those there are finish within the grace, which is to be watched. */
  protected abstract beginClose(): void;

  /** The far end, as people write it. */
  protected get where(): string {
    return formatAddress(this.remote);
  }

  /** Falls due in so many milliseconds, in place of any time before. */
  protected watch(inMs: number): void {
    const { clock } = this.#settings;
    this.unwatch();
    this.dueAt = clock.now() + inMs;
    deadlinesOf(clock).add(this);
  }

  protected unwatch(): void {
    deadlinesOf(this.#settings.clock).remove(this);
  }

  protected setState(state: SessionState): void {
    if (this.state === state || this.state === "closed") return;
    this.state = state;
    this.onChange?.();
  }

  /** The channel has ended, and all that hung on it has been told. */
  protected ended(error: TransportError | undefined): void {
    this.unwatch();
    deadlinesOf(this.#settings.clock).trim();
    this.setState("closed");
    this.#end.end(error);
  }

  /** The error for a call on a session that takes none. */
  protected unusable(): TransportError {
    return unusable(this.where, this.state);
  }

  /** The error for calls whose connection has ended. */
  protected lost(error: TransportError | undefined): TransportError {
    return callLost(this.where, error);
  }
}
