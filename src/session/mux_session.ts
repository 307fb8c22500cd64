/**
 * One connection of mux(): its beginning, its frames, its end.
 *
 * @module
 */

import type { Address, Channel, Message, Receiver } from "../core/channel.ts";
import type { CallContext } from "../core/context.ts";
import { type DeadlineEntry, deadlinesOf } from "../core/deadline_queue.ts";
import { background } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import { notify } from "../core/observer.ts";
import type { Handler } from "../core/service.ts";
import type { CallCounters, SessionState, ShutdownOptions } from "../core/session.ts";
import { Streamed } from "../core/streamed.ts";
import type { StreamedBytes } from "./mux_call_streams.ts";
import { type AnswersOwner, MuxAnswers } from "./mux_answers.ts";
import { MuxCalls } from "./mux_calls.ts";
import { writeContext } from "./mux_context.ts";
import type { CreditsOwner } from "./mux_credits.ts";
import { decodeHello, encodeHello } from "./mux_hello.ts";
import { head, type LinkOwner, MuxLink } from "./mux_link.ts";
import type { MuxSettings } from "./mux_settings.ts";
import { MuxPings } from "./mux_pings.ts";
import { callLost, endedBeforeHello, noHello, unsupportedStream, unusable } from "./mux_refusals.ts";
import { takeOther } from "./mux_other_frames.ts";
import * as wire from "./mux_wire.ts";
import { SessionEnd } from "./session_end.ts";
import type { SessionOwner } from "./session_listener.ts";

const { Kind } = wire;

/** See the module. */
export class MuxSession implements AnswersOwner, CreditsOwner, LinkOwner, Receiver, DeadlineEntry {
  onChange: (() => void) | undefined = undefined;
  state: SessionState = "open";
  readonly #link: MuxLink;
  readonly #calls: MuxCalls;
  readonly #answers: MuxAnswers;
  #pings: MuxPings | undefined = undefined;
  readonly #owner: SessionOwner<StreamedBytes, StreamedBytes>;
  readonly #end = new SessionEnd();
  #readyTold = false;
  #goawaySent = false;
  #goawayReceived = false;
  #peerEnded = false;
  #closing = false;
  #graceMs = Infinity;
  /** The peer's first message was no hello, or one of another version: nothing more is read. */
  #refused: TransportError | undefined = undefined;

  // As an entry of the deadline queue the session watches over its hello, and later over its end.
  dueAt = Infinity;
  position = -1;
  readonly holds = false;

  constructor(
    channel: Channel,
    settings: MuxSettings,
    handler: Handler<StreamedBytes, StreamedBytes> | undefined,
    counters: CallCounters,
    owner: SessionOwner<StreamedBytes, StreamedBytes>,
  ) {
    const link = new MuxLink(channel, settings);
    this.#link = link;
    this.#calls = new MuxCalls(link);
    this.#answers = new MuxAnswers(link, this, handler, counters);
    this.#owner = owner;
    channel.receive(this);
    if (this.state !== "open") return;
    link.owner = this;
    link.sendFrame(encodeHello(link.hello));
    this.#watch(settings.helloTimeoutMs);
  }

  get local(): Address {
    return this.#link.channel.local;
  }

  get remote(): Address {
    return this.#link.channel.remote;
  }

  get finished(): Promise<TransportError | undefined> {
    return this.#end.promise;
  }

  get load(): number {
    return this.#calls.inFlight;
  }

  get capacity(): number {
    return this.#calls.capacity;
  }

  call(request: StreamedBytes, context?: CallContext): Promise<StreamedBytes> {
    if (this.state !== "open" || this.#link.peer === undefined) {
      return Promise.reject(unusable(this.#link.where, this.state));
    }
    return this.#calls.call(request, context);
  }

  send(request: StreamedBytes, context: CallContext = background): void | Promise<void> {
    if (request instanceof Streamed) throw unsupportedStream(this.#link.where);
    if (this.state !== "open" || this.#link.peer === undefined) throw unusable(this.#link.where, this.state);
    head[0] = Kind.send;
    return this.#link.send(writeContext(this.#link, 1, request, context), request, false);
  }

  ping(): Promise<number> {
    return this.state === "closed" ? Promise.reject(unusable(this.#link.where, this.state)) : this.#ownPings.ping();
  }

  close({ graceMs = this.#link.settings.closeTimeoutMs }: ShutdownOptions = {}): Promise<void> {
    if (this.state !== "closed" && !this.#closing) {
      this.#closing = true;
      this.#graceMs = graceMs;
      if (this.#link.peer !== undefined) this.#sayEnd();
      else this.#awaitHello(graceMs);
    }
    return this.finished.then(() => {});
  }

  abort(reason: TransportError): void {
    this.#link.channel.abort(reason);
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
    this.#answers.cancelledBefore(call, ended);
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
    // A peer that does not read our replies is not read from either.
    return this.#link.backpressure(this.#calls.inFlight > 0);
  }

  take(frame: Uint8Array): void {
    switch (frame[0]) {
      case Kind.reply:
        this.#calls.replied(frame);
        this.callEnded();
        break;
      case Kind.error:
        this.#calls.failed(frame);
        this.callEnded();
        break;
      case Kind.cancel:
        this.#answers.cancel(frame);
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
        takeOther(frame, this.#link, this.#calls, this.#answers, !this.#goawayReceived);
    }
  }

  end(): void {
    this.#peerEnded = true;
    // Our hello, which says why, may still be on its way.
    if (this.#refused !== undefined) return;
    if (this.#link.peer === undefined) {
      return this.abort(endedBeforeHello(this.#link.where));
    }
    // What we wait for can't come any more; what the peer waits for still can.
    const lost = callLost(this.#link.where, undefined);
    this.#calls.failAll(lost);
    this.#answers.peerEnded(lost);
    this.#setState("draining");
    this.#link.credits?.lift();
    this.#endIfDone();
  }

  closed(error: TransportError | undefined): void {
    deadlinesOf(this.#link.settings.clock).remove(this);
    const lost = callLost(this.#link.where, error);
    this.#tellReady(error ?? lost);
    this.#link.drop();
    this.#calls.failAll(lost);
    this.#answers.cancelAll(error);
    this.#pings?.failAll(lost);
    deadlinesOf(this.#link.settings.clock).trim();
    this.#setState("closed");
    this.#end.end(error ?? this.#refused);
    this.#owner.sessionEnded(this);
  }

  // DeadlineEntry

  expire(): void {
    const { helloTimeoutMs } = this.#link.settings;
    if (this.#link.peer === undefined) {
      return this.#closing ? void this.#link.channel.close() : this.abort(noHello(this.#link.where, helloTimeoutMs));
    }
    const why =
      `Connection closed: ${this.load} calls made and ${this.#answers.running} answered were not finished within ${this.#graceMs} ms`;
    this.abort(new TransportError("closed", why, { processed: "maybe" }));
  }

  get #ownPings(): MuxPings {
    return this.#pings ??= new MuxPings(this.#link);
  }

  #watch(inMs: number): void {
    const deadlines = deadlinesOf(this.#link.settings.clock);
    deadlines.remove(this);
    this.dueAt = this.#link.settings.clock.now() + inMs;
    deadlines.add(this);
  }

  #welcome(frame: Uint8Array): void {
    try {
      this.#link.welcome(decodeHello(frame), this);
    } catch (error) {
      // Ends after what was sent has gone out: the peer needs our hello to see why it is refused.
      this.#refused = TransportError.from(error, "protocol");
      this.#tellReady(this.#refused);
      this.#setState("draining");
      void this.#link.channel.close();
      return;
    }
    deadlinesOf(this.#link.settings.clock).remove(this);
    if (this.#closing) this.#sayEnd();
    this.#tellReady(undefined);
  }

  #tellReady(error: TransportError | undefined): void {
    if (this.#readyTold) return;
    this.#readyTold = true;
    this.#owner.sessionReady(this, error);
  }

  /** A peer that has had our hello may have made calls behind its own, which is still on its way. */
  #awaitHello(graceMs: number): void {
    if (this.#link.settings.clock.now() + graceMs < this.dueAt) this.#watch(graceMs);
    this.#setState("draining");
  }

  #sayEnd(): void {
    // First of all: to say so may already end a connection that was cut.
    this.#watch(this.#graceMs);
    this.#drain("local", wire.closingReason);
    this.#endIfDone();
  }

  #drain(by: "local" | "remote", reason: string): void {
    this.#setState("draining");
    // A peer that has our hello may have sent calls behind its own: it is waited for, and told then.
    if (this.#goawaySent || this.#link.peer === undefined) return;
    this.#goawaySent = true;
    if (!this.#peerEnded) this.#link.sendFrame(wire.encodeGoaway(reason));
    const { observer } = this.#link.settings;
    if (observer !== undefined) notify(observer, { type: "session-draining", remote: this.remote, by, reason });
  }

  /** Closes once nothing is in flight and both ends have said that they make no new calls. */
  #endIfDone(): void {
    const { running, streaming } = this.#answers;
    if (this.load > 0 || running > 0 || streaming > 0 || this.#link.holding) return;
    const agreed = this.#goawaySent && this.#goawayReceived;
    if (!agreed && !this.#peerEnded) return;
    void this.#link.channel.close();
  }

  #setState(state: SessionState): void {
    if (this.state === state || this.state === "closed") return;
    this.state = state;
    this.onChange?.();
  }
}
