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

/** Handlers run side by side, replies go out in the order of the requests. */
export class PipelineAnswerer extends PipelineSession {
  readonly load = 0;
  readonly #handler: Handler<Uint8Array, Uint8Array>;
  readonly #counters: CallCounters;
  readonly #owner: SessionOwner<Uint8Array, Uint8Array>;
  /** Requests without a sent reply, the oldest first. */
  readonly #slots: { reply: Uint8Array | undefined }[] = [];
  readonly #cancellation = new Cancellation();
  #room: PromiseWithResolvers<void> | undefined = undefined;
  #peerEnded = false;

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
    const slot: { reply: Uint8Array | undefined } = { reply: undefined };
    this.#slots.push(slot);
    this.#counters.started++;
    this.#counters.inFlight++;
    const context = new CallContext(Infinity, false, background.priority, this, this.#cancellation, noMetadata);
    try {
      const result = this.#handler(asBytes(message), context);
      if (result instanceof Uint8Array) this.#replied(slot, result);
      else Promise.resolve(result).then((reply) => this.#replied(slot, reply), (error) => this.#failed(slot, error));
    } catch (error) {
      this.#failed(slot, error);
    }
    if (this.#slots.length >= this.settings.maxInFlight) return (this.#room ??= Promise.withResolvers<void>()).promise;
  }

  end(): void {
    this.#peerEnded = true;
    this.setState("draining");
    this.closeIfDone();
  }

  override closed(error: TransportError | undefined): void {
    this.#room?.resolve();
    this.#slots.length = 0;
    this.#cancellation.cancel(
      new TransportError("cancelled", `Call cancelled: the connection to ${this.where} is gone`, { cause: error }),
    );
    super.closed(error);
    this.#owner.sessionEnded(this);
  }

  protected closeIfDone(): void {
    if (this.#slots.length === 0 && (this.#peerEnded || this.state === "draining")) void this.channel.close();
  }

  #failed(slot: { reply: Uint8Array | undefined }, error: unknown): void {
    this.#counters.failed++;
    const failure = TransportError.from(error, "remote");
    const { errorReply } = this.settings;
    if (errorReply !== undefined) return this.#replied(slot, errorReply(failure));
    this.#counters.inFlight--;
    // There is no way to say that one call failed: the peer would take the next reply for this one's.
    this.abort(failure);
  }

  #replied(slot: { reply: Uint8Array | undefined }, reply: Uint8Array): void {
    this.#counters.inFlight--;
    slot.reply = reply;
    if (this.state === "closed") return;
    let full: void | Promise<void> = undefined;
    try {
      while (this.#slots.length > 0 && this.#slots[0].reply !== undefined) {
        full = this.channel.send(this.#slots.shift()!.reply!);
      }
    } catch (error) {
      return this.abort(TransportError.from(error, "connection-lost"));
    }
    if (this.#room !== undefined && this.#slots.length < this.settings.maxInFlight) {
      // A peer that does not read its replies is not read from either.
      const room = this.#room;
      this.#room = undefined;
      if (full === undefined) room.resolve();
      else full.then(() => room.resolve());
    }
    if (this.state !== "open") this.closeIfDone();
  }
}
