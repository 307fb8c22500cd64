/**
 * The answering end of a pipeline() connection.
 *
 * @module
 */

import { Cancellation } from "../core/cancellation.ts";
import type { Channel, Message } from "../core/channel.ts";
import { background, CallContext } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import { noMetadata } from "../core/metadata.ts";
import type { Handler } from "../core/service.ts";
import type { CallCounters } from "../core/session.ts";
import type { SessionOwner } from "./session_listener.ts";
import { asBytes, PipelineSession, type PipelineSettings } from "./pipeline_session.ts";
import { noBytes } from "./refuse_stream.ts";

/** One request: what cancels its handler, and its reply as long as that was not sent. */
class Slot extends Cancellation {
  reply: Uint8Array | undefined = undefined;
}

/** Handlers run side by side, replies go out in the order of the requests. */
export class PipelineAnswerer extends PipelineSession {
  readonly load = 0;
  readonly #handler: Handler<Uint8Array, Uint8Array>;
  readonly #counters: CallCounters;
  readonly #owner: SessionOwner<Uint8Array, Uint8Array>;
  /** Requests without a sent reply, the oldest first. */
  readonly #slots: Slot[] = [];
  /** A request that came although there was no room for it. */
  #held: Uint8Array | undefined = undefined;
  #room: PromiseWithResolvers<void> | undefined = undefined;
  /** The peer has not read enough of its replies for more to be sent. */
  #full = false;

  constructor(
    channel: Channel,
    settings: PipelineSettings,
    handler: Handler<Uint8Array, Uint8Array>,
    counters: CallCounters,
    owner: SessionOwner<Uint8Array, Uint8Array>,
  ) {
    super(channel, settings);
    this.#owner = owner;
    this.#handler = handler;
    this.#counters = counters;
    channel.receive(this);
    owner.sessionReady(this, undefined);
  }

  call(): Promise<Uint8Array> {
    return Promise.reject(
      new TransportError("unsupported", "Cannot call back: a pipeline has calls in one direction only"),
    );
  }

  message(message: Message): void | Promise<void> {
    // This end is closing: what comes now would be run for a reply that can't be sent any more.
    if (this.state !== "open") return;
    if (!this.#full && this.#slots.length < this.settings.maxInFlight) return this.#begin(asBytes(message));
    // Read no further than this one. A peer within the limit is read on, so that its end is seen.
    this.#held = asBytes(message);
    return (this.#room = Promise.withResolvers<void>()).promise;
  }

  end(): void {
    this.setState("draining");
    this.closeIfDone();
  }

  override closed(error: TransportError | undefined): void {
    this.#held = undefined;
    this.#room?.resolve();
    super.closed(error);
    for (const slot of this.#slots.splice(0)) {
      if (slot.reply !== undefined) continue;
      slot.cancel(
        new TransportError("cancelled", `Call cancelled: the connection to ${this.where} is gone`, { cause: error }),
      );
    }
    this.#owner.sessionEnded(this);
  }

  protected get answering(): number {
    return this.#slots.length;
  }

  protected closeIfDone(): void {
    if (this.#slots.length === 0) void this.channel.close();
  }

  #begin(request: Uint8Array): void {
    const slot = new Slot();
    this.#slots.push(slot);
    this.#counters.started++;
    this.#counters.inFlight++;
    const context = new CallContext(Infinity, false, background.priority, this, slot, noMetadata);
    try {
      const result = this.#handler(request, context);
      if (result instanceof Uint8Array) this.#replied(slot, result);
      else Promise.resolve(result).then((reply) => this.#replied(slot, reply), (error) => this.#failed(slot, error));
    } catch (error) {
      this.#failed(slot, error);
    }
  }

  #failed(slot: Slot, error: unknown): void {
    this.#counters.failed++;
    let failure = TransportError.from(error, "remote");
    const { errorReply } = this.settings;
    if (errorReply !== undefined) {
      try {
        return this.#answered(slot, errorReply(failure));
      } catch (error) {
        failure = TransportError.from(error, "remote");
      }
    }
    this.#counters.inFlight--;
    // There is no way to say that one call failed: the peer would take the next reply for this one's.
    this.abort(failure);
  }

  #replied(slot: Slot, reply: Uint8Array): void {
    if (!(reply instanceof Uint8Array)) return this.#failed(slot, noBytes(reply, "pipeline()"));
    const { maxMessageBytes } = this.channel;
    if (reply.length > maxMessageBytes) {
      const why = `Reply not sent: it has ${reply.length} bytes, ${maxMessageBytes} are allowed`;
      return this.#failed(slot, new TransportError("message-too-large", why, { processed: "yes" }));
    }
    this.#answered(slot, reply);
  }

  #answered(slot: Slot, reply: Uint8Array): void {
    this.#counters.inFlight--;
    slot.reply = reply;
    if (this.state !== "closed" && !this.#full) this.#send();
  }

  /** Sends the replies whose turn it is, as long as the peer takes them. */
  #send(): void {
    try {
      while (!this.#full && this.#slots.length > 0 && this.#slots[0].reply !== undefined) {
        const full = this.channel.send(this.#slots.shift()!.reply!);
        if (full !== undefined) this.#wait(full);
      }
    } catch (error) {
      return this.abort(TransportError.from(error, "connection-lost"));
    }
    if (this.#room !== undefined && !this.#full && this.#slots.length < this.settings.maxInFlight) this.#readOn();
    if (this.state !== "open") this.closeIfDone();
  }

  #readOn(): void {
    const [room, held] = [this.#room!, this.#held];
    this.#room = this.#held = undefined;
    if (held !== undefined && this.state === "open") this.#begin(held);
    room.resolve();
  }

  #wait(full: Promise<void>): void {
    this.#full = true;
    const goOn = (): void => {
      this.#full = false;
      if (this.state !== "closed") this.#send();
    };
    full.then(goOn, goOn);
  }
}
