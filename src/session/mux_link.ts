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
  readonly clock: Clock;
  readonly observer: Observer | undefined;
}

/** Heads of frames are written here; the channel copies them before `sendParts()` returns. */
export const head: Uint8Array = new Uint8Array(wire.maxHeadBytes);

/** One connection, as the parts of a session see it. */
export class MuxLink {
  readonly channel: Channel;
  readonly settings: MuxSettings;
  /** What the peer said of itself; undefined until its hello has come. */
  peer: wire.Hello | undefined = undefined;
  /** Settles when the peer has read enough of what was sent; undefined while there is room. */
  backpressure: Promise<void> | undefined = undefined;
  /** The largest payload that this end takes, in bytes. */
  readonly maxTakenBytes: number;

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

  /** Sends a whole frame. Throws as the channel's `send()` does. */
  send(frame: Uint8Array): void {
    const full = this.channel.send(frame);
    if (full !== undefined) this.#congested(full);
  }

  /** Sends the first `headLength` bytes of {@linkcode head} and `body` as one frame. Throws as the channel's `send()` does. */
  sendParts(headLength: number, body: Uint8Array): void | Promise<void> {
    const channel = this.channel;
    const full = channel.sendParts === undefined
      ? channel.send(join(headLength, body))
      : channel.sendParts(head, headLength, body);
    if (full !== undefined) this.#congested(full);
    return full;
  }

  /** Sends what nobody waits for: where that is impossible the connection is of no use. */
  sendOrAbort(headLength: number, body: Uint8Array): void {
    try {
      this.sendParts(headLength, body);
    } catch (error) {
      this.channel.abort(TransportError.from(error, "connection-lost"));
    }
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
    return wire.writeCallHead(head, offset, timeLeftMs, priority, context.metadata);
  }

  #congested(full: Promise<void>): void {
    if (this.backpressure !== undefined) return;
    const done = (): void => {
      this.backpressure = undefined;
    };
    this.backpressure = full.then(done, done);
  }
}

function join(headLength: number, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(headLength + body.length);
  message.set(head.subarray(0, headLength));
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
