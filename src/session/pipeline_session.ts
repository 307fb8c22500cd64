/**
 * What the two ends of a pipeline() connection have in common.
 *
 * @module
 */

import { type Address, type Channel, formatAddress, type Message, type Receiver } from "../core/channel.ts";
import type { Clock } from "../core/clock.ts";
import type { CallContext } from "../core/context.ts";
import { type DeadlineEntry, deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import type { Session, SessionState, ShutdownOptions } from "../core/session.ts";
import type { SentCalls } from "../core/session_figures.ts";
import { SessionEnd } from "./session_end.ts";

/** Settings of a session. */
export interface PipelineSettings {
  readonly maxInFlight: number;
  readonly closeTimeoutMs: number;
  readonly errorReply: ((error: TransportError) => Uint8Array) | undefined;
  readonly clock: Clock;
  /** Counts the calls of all sessions. */
  readonly sent: SentCalls;
}

/** See the module. */
export abstract class PipelineSession implements Session<Uint8Array, Uint8Array>, Receiver, DeadlineEntry {
  onChange: (() => void) | undefined = undefined;
  state: SessionState = "open";
  protected readonly channel: Channel;
  protected readonly settings: PipelineSettings;
  readonly #end = new SessionEnd();
  dueAt = Infinity;
  position = -1;
  readonly holds = false;

  constructor(channel: Channel, settings: PipelineSettings) {
    this.channel = channel;
    this.settings = settings;
  }

  get local(): Address {
    return this.channel.local;
  }

  get remote(): Address {
    return this.channel.remote;
  }

  get finished(): Promise<TransportError | undefined> {
    return this.#end.promise;
  }

  get capacity(): number {
    return this.settings.maxInFlight;
  }

  protected get where(): string {
    return formatAddress(this.remote);
  }

  abstract readonly load: number;
  abstract call(request: Uint8Array, context?: CallContext): Promise<Uint8Array>;
  abstract message(message: Message): void | Promise<void>;
  abstract end(): void;
  /** Closes where nothing is in flight any more. */
  protected abstract closeIfDone(): void;

  send(): never {
    throw new TransportError("unsupported", "Cannot send one way: a pipeline has a reply to every request");
  }

  ping(): Promise<number> {
    return Promise.reject(new TransportError("unsupported", "Cannot ping: a pipeline has no such thing"));
  }

  close({ graceMs = this.settings.closeTimeoutMs }: ShutdownOptions = {}): Promise<void> {
    if (this.state !== "closed" && this.position < 0) {
      this.setState("draining");
      this.dueAt = this.settings.clock.now() + graceMs;
      deadlinesOf(this.settings.clock).add(this);
      this.closeIfDone();
    }
    return this.finished.then(() => {});
  }

  abort(reason: TransportError): void {
    this.channel.abort(reason);
  }

  expire(): void {
    const why = `Connection closed: its calls were not finished within their grace`;
    this.abort(new TransportError("closed", why, { processed: "maybe" }));
  }

  closed(error: TransportError | undefined): void {
    const deadlines = deadlinesOf(this.settings.clock);
    deadlines.remove(this);
    deadlines.trim();
    this.setState("closed");
    this.#end.end(error);
  }

  protected setState(state: SessionState): void {
    if (this.state === state || this.state === "closed") return;
    this.state = state;
    this.onChange?.();
  }

  protected unusable(): TransportError {
    const why = this.state === "closed" ? "the connection is closed" : "the connection takes no new calls";
    return new TransportError(this.state === "closed" ? "closed" : "draining", `Cannot call ${this.where}: ${why}`);
  }
}

const encoder = new TextEncoder();

/** The bytes of a message. */
export function asBytes(message: Message): Uint8Array {
  return typeof message === "string" ? encoder.encode(message) : message;
}
