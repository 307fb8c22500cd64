/**
 * One connection of jsonRpc(): its messages and its end.
 *
 * @module
 */

import type { Channel, Message, Receiver } from "../../core/channel.ts";
import { type CallContext, callContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import type { MethodRequest } from "../../core/method_call.ts";
import { notify } from "../../core/observer.ts";
import type { Handler } from "../../core/service.ts";
import type { CallCounters } from "../../core/session.ts";
import { ChannelSession } from "../channel_session.ts";
import type { SessionOwner } from "../session_listener.ts";
import { JsonRpcAnswers } from "./json_rpc_answers.ts";
import { JsonRpcCalls } from "./json_rpc_calls.ts";
import { JsonRpcLink } from "./json_rpc_link.ts";
import { cancelMethod, goawayMethod, pingMethod } from "./json_rpc_methods.ts";
import { type Envelope, Fault, invalidRequest, parse, textOfMessage } from "./json_rpc_parse.ts";
import { ReplyBatch } from "./json_rpc_replies.ts";
import { answerId } from "./json_rpc_request.ts";
import type { JsonRpcSettings } from "./json_rpc_settings.ts";
import { JsonRpcStreams } from "./json_rpc_streams.ts";
import { errorText, notificationText, resultText } from "./json_rpc_text.ts";

/** See the module. */
export class JsonRpcSession extends ChannelSession<MethodRequest, unknown> implements Receiver {
  /** A message is text as soon as it is there. */
  readonly borrows = true;
  readonly #link: JsonRpcLink;
  readonly #streams: JsonRpcStreams;
  readonly #calls: JsonRpcCalls;
  readonly #answers: JsonRpcAnswers;
  readonly #owner: SessionOwner<MethodRequest, unknown>;
  #goawaySent = false;
  #goawayReceived = false;
  #peerEnded = false;
  #channelClosing = false;

  constructor(
    channel: Channel,
    settings: JsonRpcSettings,
    handler: Handler<MethodRequest, unknown> | undefined,
    counters: CallCounters,
    owner: SessionOwner<MethodRequest, unknown>,
  ) {
    super(channel, settings);
    const link = new JsonRpcLink(channel, settings);
    this.#link = link;
    this.#streams = new JsonRpcStreams(link);
    this.#calls = new JsonRpcCalls(link, this.#streams, () => this.#callEnded());
    this.#answers = new JsonRpcAnswers(link, this.#streams, this, handler, counters);
    this.#owner = owner;
    link.onDrained = () => this.answered();
    owner.sessionReady(this, undefined);
    channel.receive(this);
  }

  get load(): number {
    return this.#calls.inFlight;
  }

  get capacity(): number {
    return this.#link.settings.maxInFlight;
  }

  call(request: MethodRequest, context?: CallContext): Promise<unknown> {
    if (this.state !== "open") return Promise.reject(this.unusable());
    this.#link.settings.sent.calls++;
    return this.#calls.call(request, context);
  }

  send(request: MethodRequest, context?: CallContext): void | Promise<void> {
    if (this.state !== "open") throw this.unusable();
    return this.#calls.send(request, context);
  }

  async ping(): Promise<number> {
    if (this.state === "closed") throw this.unusable();
    const { clock, pingTimeoutMs } = this.#link.settings;
    const sentAt = clock.now();
    try {
      await this.#calls.call({ method: pingMethod }, callContext({ timeoutMs: pingTimeoutMs, clock }));
    } catch (error) {
      // Whoever does not know the method is alive all the same.
      if (!(error instanceof TransportError) || !error.remote) throw error;
    }
    return clock.now() - sentAt;
  }

  /** A handler or its stream has ended, or all that was held has gone to the channel. */
  answered(): void {
    if (this.state !== "open") this.#endIfDone();
  }

  // Receiver

  message(message: Message): void | Promise<void> {
    // This end has closed: what comes now would be run for a reply that can't be sent any more.
    if (this.#channelClosing) return;
    const text = textOfMessage(message);
    if (text instanceof Fault) this.#refuse(text);
    else if (3 * text.length > this.#link.maxMessageBytes && this.#isTooLarge(message)) {
      this.#refuse(invalidRequest(`it has more than ${this.#link.maxMessageBytes} bytes`));
    } else this.#take(text);
    return this.#link.backpressure(this.#calls.inFlight > 0);
  }

  end(): void {
    this.#peerEnded = true;
    // What we wait for can't come any more; what the peer waits for still can.
    const lost = this.lost(undefined);
    this.#calls.failAll(lost);
    this.#streams.peerEnded(lost);
    this.setState("draining");
    this.#endIfDone();
  }

  closed(error: TransportError | undefined): void {
    const lost = this.lost(error);
    this.#link.drop();
    this.#calls.failAll(lost);
    this.#answers.cancelAll(error);
    this.#streams.failAll(lost);
    this.ended(error);
    this.#owner.sessionEnded(this);
  }

  protected get answering(): number {
    return this.#answers.running;
  }

  protected beginClose(): void {
    this.#drain("local");
    this.watch(this.graceMs);
    this.#endIfDone();
  }

  #take(text: string): void {
    const { maxDepth, maxBatchLength } = this.#link.settings;
    const value = parse(text, maxDepth);
    if (value instanceof Fault) return this.#refuse(value);
    if (!Array.isArray(value)) return this.#one(value, text, undefined);
    if (value.length === 0) return this.#refuse(invalidRequest("it is an empty batch"));
    if (value.length > maxBatchLength) {
      return this.#refuse(invalidRequest(`its batch has ${value.length} items, ${maxBatchLength} are allowed`));
    }
    const replies = new ReplyBatch(this.#link.maxMessageBytes, (joined) => this.#link.sendOrAbort(joined));
    for (let i = 0; i < value.length; i++) this.#one(value[i], text, replies, i);
    replies.done();
  }

  #one(value: unknown, text: string, batch: ReplyBatch | undefined, index?: number): void {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return this.#answers.notARequest("it is no object", batch);
    }
    const message = value as Envelope;
    const { method } = message;
    if (method === undefined) {
      if (message.result !== undefined || message.error !== undefined) return this.#calls.answered(message);
    } else if (
      typeof method === "string" && method.startsWith("$/") && this.#own(method, message, text, batch, index)
    ) {
      return;
    }
    this.#answers.serve(message, text, batch, index);
  }

  /** What is said within the protocol; false for all else. */
  #own(method: string, message: Envelope, text: string, batch: ReplyBatch | undefined, index?: number): boolean {
    const { cancel, extensions } = this.#link.settings;
    if (method === pingMethod) {
      const id = answerId(message, text, index);
      if (id === undefined) return true;
      batch?.expect();
      this.#answers.reply(id, resultText(id, null), batch);
      return true;
    }
    if (message.id !== undefined) return false;
    if (method === cancelMethod && cancel) {
      this.#answers.cancel((message.params as { id?: unknown } | null | undefined)?.id);
      return true;
    }
    if (!extensions || batch !== undefined) return false;
    if (method === goawayMethod) {
      this.#link.peerKnows = true;
      this.#goawayReceived = true;
      this.#drain("remote");
      this.#endIfDone();
      return true;
    }
    return this.#streams.take(method, message.params, text.length);
  }

  #refuse(fault: Fault): void {
    this.#answers.reply(null, errorText(null, fault.error), undefined);
  }

  #isTooLarge(message: Message): boolean {
    const bytes = typeof message === "string" ? new TextEncoder().encode(message) : message;
    return bytes.length > this.#link.maxMessageBytes;
  }

  #callEnded(): void {
    this.onChange?.();
    this.answered();
  }

  #drain(by: "local" | "remote"): void {
    const { state } = this;
    this.setState("draining");
    this.#sayGoodbye();
    if (state !== "open") return;
    const { observer } = this.#link.settings;
    const reason = by === "local" ? "the connection is being closed" : "the peer closes the connection";
    if (observer !== undefined) notify(observer, { type: "session-draining", remote: this.remote, by, reason });
  }

  /** Says that no new calls come, to a peer that knows of it: perhaps only once it has answered. */
  #sayGoodbye(): void {
    if (this.#goawaySent || !this.#link.peerKnows || this.#peerEnded) return;
    this.#goawaySent = true;
    this.#link.sendOrAbort(notificationText(goawayMethod, ""));
  }

  /** Closes once nothing is in flight, and a peer that knows of it has said that it makes no new calls. */
  #endIfDone(): void {
    this.#sayGoodbye();
    if (this.load > 0 || this.#answers.running > 0 || this.#link.holding || this.#calls.holding) return;
    if (this.#link.peerKnows && !this.#goawayReceived && !this.#peerEnded) return;
    this.#channelClosing = true;
    void this.channel.close();
  }
}
