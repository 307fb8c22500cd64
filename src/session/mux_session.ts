/**
 * One connection of mux(): its beginning, its frames, its end.
 *
 * @module
 */

import type { Channel, Message, Receiver } from "../core/channel.ts";
import { background, type CallContext } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import { notify } from "../core/observer.ts";
import type { Handler } from "../core/service.ts";
import type { CallCounters } from "../core/session.ts";
import { Streamed } from "../core/streamed.ts";
import type { StreamedBytes } from "./mux_call_streams.ts";
import { ChannelSession } from "./channel_session.ts";
import { type AnswersOwner, MuxAnswers } from "./mux_answers.ts";
import { MuxCalls } from "./mux_calls.ts";
import { writeContext } from "./mux_context.ts";
import type { CreditsOwner } from "./mux_credits.ts";
import { decodeHello, encodeHello } from "./mux_hello.ts";
import { head, type LinkOwner, MuxLink } from "./mux_link.ts";
import type { MuxSettings } from "./mux_settings.ts";
import { MuxNudge } from "./mux_nudge.ts";
import { MuxPings } from "./mux_pings.ts";
import { endedBeforeHello, noHello, unsupportedStream } from "./mux_refusals.ts";
import { takeOther } from "./mux_other_frames.ts";
import * as wire from "./mux_wire.ts";
import type { SessionOwner } from "./session_listener.ts";

const { Kind } = wire;

/** See the module. */
export class MuxSession extends ChannelSession<StreamedBytes, StreamedBytes>
  implements AnswersOwner, CreditsOwner, LinkOwner, Receiver {
  readonly #link: MuxLink;
  /** Made with the first call of this end: a server's, say, never calls, and there are many. */
  #madeCalls: MuxCalls | undefined = undefined;
  /** Made with the first call of the peer, as most ends of a connection only call or only answer. */
  #madeAnswers: MuxAnswers | undefined = undefined;
  readonly #handler: Handler<StreamedBytes, StreamedBytes> | undefined;
  readonly #counters: CallCounters;
  /** What the peer is told in the hello, whatever the settings are by the time of its first call. */
  readonly #maxRunning: number;
  #pings: MuxPings | undefined = undefined;
  readonly #nudge: MuxNudge | undefined;
  readonly #owner: SessionOwner<StreamedBytes, StreamedBytes>;
  #readyTold = false;
  #goawaySent = false;
  #goawayReceived = false;
  #peerEnded = false;
  /** The peer's first message was no hello, or one of another version: nothing more is read. */
  #refused: TransportError | undefined = undefined;

  constructor(
    channel: Channel,
    settings: MuxSettings,
    handler: Handler<StreamedBytes, StreamedBytes> | undefined,
    counters: CallCounters,
    owner: SessionOwner<StreamedBytes, StreamedBytes>,
  ) {
    super(channel, settings);
    const link = new MuxLink(channel, settings);
    this.#link = link;
    this.#handler = handler;
    this.#counters = counters;
    this.#maxRunning = settings.maxInFlight;
    this.#owner = owner;
    this.#nudge = channel.peerHoldsBack ? new MuxNudge(link, this) : undefined;
    channel.receive(this);
    if (this.state !== "open") return;
    link.owner = this;
    link.sendFrame(encodeHello(link.hello));
    this.watch(settings.helloTimeoutMs);
  }

  /** Made where they are needed first. */
  get calls(): MuxCalls {
    return this.#madeCalls ??= new MuxCalls(this.#link);
  }

  /** Made where they are needed first. */
  get answers(): MuxAnswers {
    return this.#madeAnswers ??= new MuxAnswers(this.#link, this, this.#handler, this.#counters, this.#maxRunning);
  }

  get load(): number {
    return this.#madeCalls?.inFlight ?? 0;
  }

  get capacity(): number {
    return this.#link.capacity;
  }

  call(request: StreamedBytes, context?: CallContext): Promise<StreamedBytes> {
    if (this.state !== "open" || this.#link.peer === undefined) {
      return Promise.reject(this.unusable());
    }
    return this.calls.call(request, context);
  }

  send(request: StreamedBytes, context: CallContext = background): void | Promise<void> {
    if (request instanceof Streamed) throw unsupportedStream(this.where);
    if (this.state !== "open" || this.#link.peer === undefined) throw this.unusable();
    head[0] = Kind.send;
    return this.#link.send(writeContext(this.#link, 1, request, context), request, false);
  }

  ping(): Promise<number> {
    return this.state === "closed" ? Promise.reject(this.unusable()) : this.#ownPings.ping();
  }

  // AnswersOwner, LinkOwner and CreditsOwner

  answered(): void {
    this.drained();
  }

  drained(): void {
    if (this.state !== "open") this.#endIfDone();
  }

  callEnded(): void {
    this.onChange?.();
    this.drained();
  }

  get repliesHeld(): boolean {
    return this.#link.repliesHeld;
  }

  cancelledBefore(call: Uint8Array, ended: boolean): void {
    this.answers.cancelledBefore(call, ended);
  }

  grant(bytes: number): void {
    this.#link.sendUrgent(wire.numberFrame(Kind.credit, bytes));
  }

  // Receiver

  message(frame: Message): void | Promise<void> {
    if (typeof frame === "string") {
      throw new TransportError("protocol", "Frame refused: mux speaks bytes, this is text");
    }
    const { peer, credits } = this.#link;
    if (peer === undefined) return this.#refused === undefined ? this.#welcome(frame) : undefined;
    if (credits === undefined) this.take(frame);
    else credits.received(frame);
    this.#nudge?.received();
    // A peer that does not read our replies is not read from either.
    return this.#link.backpressure(this.load > 0);
  }

  begun(): void {
    this.#nudge?.begun();
  }

  take(frame: Uint8Array): void {
    switch (frame[0]) {
      case Kind.reply:
        this.calls.replied(frame);
        this.callEnded();
        break;
      case Kind.error:
        this.calls.failed(frame);
        this.callEnded();
        break;
      case Kind.cancel:
        this.answers.cancel(frame);
        break;
      case Kind.ping:
        this.#ownPings.answer(frame);
        break;
      case Kind.pong:
        this.#ownPings.answered(frame);
        break;
      case Kind.goaway:
        this.#goawayReceived = true;
        this.#drain("remote", wire.decodeGoaway(frame));
        this.#endIfDone();
        break;
      default:
        takeOther(frame, this.#link, this, !this.#goawayReceived);
    }
  }

  end(): void {
    this.#peerEnded = true;
    // Our hello, which says why, may still be on its way.
    if (this.#refused !== undefined) return;
    if (this.#link.peer === undefined) {
      return this.abort(endedBeforeHello(this.where));
    }
    // What we wait for can't come any more; what the peer waits for still can.
    const lost = this.lost(undefined);
    this.#madeCalls?.failAll(lost);
    this.#madeAnswers?.peerEnded(lost);
    this.setState("draining");
    this.#link.credits?.lift();
    this.#endIfDone();
  }

  closed(error: TransportError | undefined): void {
    const lost = this.lost(error);
    this.#tellReady(error ?? lost);
    this.#link.drop();
    this.#nudge?.stop();
    this.#madeCalls?.failAll(lost);
    this.#madeAnswers?.cancelAll(error);
    this.#pings?.failAll(lost);
    this.ended(error ?? this.#refused);
    this.#owner.sessionEnded(this);
  }

  // DeadlineEntry

  override expire(): void {
    if (this.#link.peer !== undefined) return super.expire();
    if (this.closing) return void this.channel.close();
    this.abort(noHello(this.where, this.#link.settings.helloTimeoutMs));
  }

  protected get answering(): number {
    return this.#madeAnswers?.running ?? 0;
  }

  protected beginClose(): void {
    if (this.#link.peer !== undefined) this.#sayEnd();
    else this.#awaitHello();
  }

  get #ownPings(): MuxPings {
    return this.#pings ??= new MuxPings(this.#link);
  }

  #welcome(frame: Uint8Array): void {
    try {
      this.#link.welcome(decodeHello(frame), this);
    } catch (error) {
      // Ends after what was sent has gone out: the peer needs our hello to see why it is refused.
      this.#refused = TransportError.from(error, "protocol");
      this.#tellReady(this.#refused);
      this.setState("draining");
      void this.channel.close(this.#refused);
      return;
    }
    this.unwatch();
    if (this.closing) this.#sayEnd();
    this.#tellReady(undefined);
  }

  #tellReady(error: TransportError | undefined): void {
    if (this.#readyTold) return;
    this.#readyTold = true;
    this.#owner.sessionReady(this, error);
  }

  /** A peer that has had our hello may have made calls behind its own, which is still on its way. */
  #awaitHello(): void {
    if (this.#link.settings.clock.now() + this.graceMs < this.dueAt) this.watch(this.graceMs);
    this.setState("draining");
  }

  #sayEnd(): void {
    // First of all: to say so may already end a connection that was cut.
    this.watch(this.graceMs);
    this.#drain("local", wire.closingReason);
    this.#endIfDone();
  }

  #drain(by: "local" | "remote", reason: string): void {
    this.setState("draining");
    // A peer that has our hello may have sent calls behind its own: it is waited for, and told then.
    if (this.#goawaySent || this.#link.peer === undefined) return;
    this.#goawaySent = true;
    if (!this.#peerEnded) this.#link.sendFrame(wire.encodeGoaway(reason));
    const { observer } = this.#link.settings;
    if (observer !== undefined) notify(observer, { type: "session-draining", remote: this.remote, by, reason });
  }

  /** Closes once nothing is in flight and both ends have said that they make no new calls. */
  #endIfDone(): void {
    if (this.load > 0 || this.#madeAnswers?.isBusy || this.#link.holding) return;
    const agreed = this.#goawaySent && this.#goawayReceived;
    if (!agreed && !this.#peerEnded) return;
    void this.channel.close();
  }
}
