/**
 * What the two ends of a pipeline() connection have in common.
 *
 * @module
 */

import type { Channel, Message, Receiver } from "../core/channel.ts";
import type { Clock } from "../core/clock.ts";
import { TransportError } from "../core/errors.ts";
import type { SentCalls } from "../core/session_figures.ts";
import { ChannelSession } from "./channel_session.ts";

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
export abstract class PipelineSession extends ChannelSession<Uint8Array, Uint8Array> implements Receiver {
  protected readonly settings: PipelineSettings;

  constructor(channel: Channel, settings: PipelineSettings) {
    super(channel, settings);
    this.settings = settings;
  }

  get capacity(): number {
    return this.settings.maxInFlight;
  }

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

  closed(error: TransportError | undefined): void {
    this.ended(error);
  }

  protected beginClose(): void {
    this.setState("draining");
    this.watch(this.graceMs);
    this.closeIfDone();
  }
}

const encoder = new TextEncoder();

/** The bytes of a message. */
export function asBytes(message: Message): Uint8Array {
  return typeof message === "string" ? encoder.encode(message) : message;
}
