/**
 * The calls that one end of a mux() session answers.
 *
 * @module
 */

import { Cancellation } from "../core/cancellation.ts";
import { discardReply } from "../core/completion.ts";
import { background, CallContext } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import { Streamed } from "../core/streamed.ts";
import type { StreamedBytes } from "./mux_call_streams.ts";
import { OneWayAnswers, type OneWayAnswersOwner } from "./mux_one_way_answers.ts";
import { StreamedAnswers, type StreamedAnswersOwner } from "./mux_streamed_answers.ts";
import { noMetadata } from "../core/metadata.ts";
import type { Handler } from "../core/service.ts";
import type { CallCounters, Session } from "../core/session.ts";
import { head, type MuxLink } from "./mux_link.ts";
import { tooLarge, tooManyCalls, unsupportedStream } from "./mux_refusals.ts";
import { encodeError } from "./mux_error_frame.ts";
import * as wire from "./mux_wire.ts";

const { Kind } = wire;

/** Whose calls are answered. */
export interface AnswersOwner extends Session<StreamedBytes, StreamedBytes> {
  /** A handler has ended. */
  answered(): void;
}

/** See the module. */
export class MuxAnswers implements StreamedAnswersOwner, OneWayAnswersOwner {
  /** Handlers at work, those of cancelled calls too. */
  running = 0;
  readonly #link: MuxLink;
  readonly #maxRunning: number;
  readonly #owner: AnswersOwner;
  readonly #handler: Handler<StreamedBytes, StreamedBytes> | undefined;
  readonly #counters: CallCounters;
  /** What cancels a call, by the peer's number; undefined where a number is free. */
  readonly #served: (Cancellation | undefined)[] = [];
  /** How urgent the calls are, by the peer's number: what is sent for one is as urgent as it. */
  readonly #priorities: number[] = [];
  /** One-way sends; none until there is one. */
  #oneWay: OneWayAnswers | undefined = undefined;
  /** Calls with streams; none until there is one. */
  #streams: StreamedAnswers | undefined = undefined;

  constructor(
    link: MuxLink,
    owner: AnswersOwner,
    handler: Handler<StreamedBytes, StreamedBytes> | undefined,
    counters: CallCounters,
    maxRunning: number,
  ) {
    this.#link = link;
    this.#maxRunning = maxRunning;
    this.#owner = owner;
    this.#handler = handler;
    this.#counters = counters;
  }

  /** Whether handlers are at work, or calls with streams have not ended on the wire. */
  get isBusy(): boolean {
    return this.running > 0 || (this.#streams?.size ?? 0) > 0;
  }

  /** Takes a frame of the streams of a call. Throws `protocol` for one that has no place. */
  streamed(frame: Uint8Array): void {
    this.#streamed.streamed(frame);
    this.#owner.answered();
  }

  /** A call has come in. Throws `protocol` for one that breaks the rules. */
  serve(frame: Uint8Array): void {
    if (frame.length < wire.callHeadBytes) throw new TransportError("protocol", "Frame refused: a call cut short");
    const id = wire.readU32(frame, 1);
    // Numbers are reused, so a peer within the limit never needs one beyond it.
    if (id >= this.#maxRunning) {
      throw new TransportError("protocol", `Frame refused: call number ${id}, the limit is ${this.#maxRunning}`);
    }
    if (this.#served[id] !== undefined || this.#streams?.has(id)) {
      throw new TransportError("protocol", `Frame refused: call ${id} is in flight already`);
    }
    const cancellation = new Cancellation();
    const context = this.#contextOf(frame, wire.callHeadBytes, cancellation);
    const priority = this.#priorities[id] = wire.priorityOf(frame);
    const handler = this.#handler;
    const refusal = this.#refusal(frame.length - payloadStart, context);
    let request: StreamedBytes = frame.subarray(payloadStart);
    if (frame[0] >= wire.Flag.stream) request = this.#streamed.begin(id, request, cancellation, priority);
    if (refusal !== undefined || context === undefined || handler === undefined) return this.#sendError(id, refusal!);
    this.#served[id] = cancellation;
    this.#started();
    let result: StreamedBytes | Promise<StreamedBytes>;
    try {
      result = handler(request, context);
    } catch (error) {
      return this.#failed(id, cancellation, error);
    }
    if (result instanceof Uint8Array) return this.#replied(id, cancellation, result);
    // A thenable that is no promise, or a value that is no reply, is sorted out when it settles.
    Promise.resolve(result).then(
      (reply) => this.#replied(id, cancellation, reply),
      (error) => this.#failed(id, cancellation, error),
    );
  }

  /** A one-way send has come in. Nobody hears of its failure but the counters. */
  serveOneWay(frame: Uint8Array): void {
    const cancellation = new Cancellation();
    const context = this.#contextOf(frame, 1, cancellation);
    if (this.#refusal(frame.length - payloadStart, context) !== undefined) return;
    this.#started();
    (this.#oneWay ??= new OneWayAnswers(this)).run(
      this.#handler!,
      frame.subarray(payloadStart),
      context!,
      cancellation,
    );
  }

  /** The caller has given up. */
  cancel(frame: Uint8Array): void {
    if (frame.length < wire.callHeadBytes) throw new TransportError("protocol", "Frame refused: a cancel cut short");
    const reason = new TransportError("cancelled", "Call cancelled by the caller", { processed: "maybe" });
    this.cancelled(wire.readU32(frame, 1), reason);
  }

  /** A call is to be cancelled. */
  cancelled(id: number, reason: TransportError): void {
    const cancellation = this.#served[id];
    // The reply may have crossed the cancel on the wire; or its stream is on its way.
    if (cancellation === undefined) return this.#streams?.cancel(id, reason);
    this.#served[id] = undefined;
    this.#sendError(id, reason);
    cancellation.cancel(reason);
  }

  /** The caller has given up a call that was not served yet; of its request stream the end has come, or is to come. */
  cancelledBefore(call: Uint8Array, ended: boolean): void {
    const id = wire.readU32(call, 1);
    const isStreamed = call[0] >= wire.Flag.stream;
    const { priority = background.priority } = wire.readCallHead(call, wire.callHeadBytes);
    if (isStreamed) this.#streamed.begin(id, call, new Cancellation(), priority);
    this.#sendError(id, new TransportError("cancelled", "Call cancelled by the caller", { processed: "no" }), priority);
    if (isStreamed && ended) this.#streamed.streamed(wire.numberFrame(Kind.end, id));
  }

  /** The peer sends no more: streams can't go on. */
  peerEnded(reason: TransportError): void {
    this.#streams?.peerEnded(reason);
  }

  /** The connection is gone: nobody waits for the replies any more. */
  cancelAll(error: TransportError | undefined): void {
    this.#streams?.lost(
      new TransportError("connection-lost", `Stream lost: the connection to ${this.#link.where} is gone`, {
        processed: "maybe",
        cause: error,
      }),
    );
    const why = `Call cancelled: the connection to ${this.#link.where} is gone`;
    const reason = new TransportError("cancelled", why, { cause: error });
    for (const cancellation of this.#served.splice(0)) cancellation?.cancel(reason);
    this.#oneWay?.cancelAll(reason);
  }

  /** Why a call is not handed to the handler; undefined where it is. */
  #refusal(payloadBytes: number, context: CallContext | undefined): TransportError | undefined {
    const { maxTakenBytes } = this.#link;
    let refusal: TransportError | undefined;
    if (this.#handler === undefined) {
      refusal = new TransportError("unsupported", "Call refused: this end answers no calls");
    } else if (context === undefined) {
      refusal = new TransportError("deadline-exceeded", "Call refused: its deadline has passed", { processed: "no" });
    } else if (this.running >= this.#maxRunning) {
      refusal = tooManyCalls(this.running, this.#maxRunning);
    } else if (payloadBytes > maxTakenBytes) {
      refusal = tooLarge(payloadBytes, maxTakenBytes);
    }
    if (refusal !== undefined) this.#counters.refused++;
    return refusal;
  }

  #started(): void {
    this.running++;
    this.#counters.started++;
    this.#counters.inFlight++;
  }

  #ended(): void {
    this.running--;
    this.#counters.inFlight--;
    this.#owner.answered();
  }

  #replied(id: number, cancellation: Cancellation, reply: StreamedBytes): void {
    if (!(reply instanceof Uint8Array)) return this.#repliedStream(id, cancellation, reply);
    // A call that was cancelled has been ended on the wire already.
    if (this.#served[id] === cancellation) {
      this.#served[id] = undefined;
      if (!this.#isTooLarge(id, reply)) this.#sendReply(Kind.reply, id, reply);
      this.#streams?.replied(id);
    }
    this.#ended();
  }

  /** A reply that a stream follows, or something that is none. */
  #repliedStream(id: number, cancellation: Cancellation, reply: Streamed<Uint8Array>): void {
    const isStream = reply instanceof Streamed;
    if (!isStream || !(reply.head instanceof Uint8Array) || this.#link.streams === undefined) {
      discardReply(reply);
      const error = isStream && this.#link.streams === undefined
        ? unsupportedStream(this.#link.where, "yes")
        : new TypeError(`The handler's reply is ${typeof reply}, not Uint8Array`);
      return this.#failed(id, cancellation, error);
    }
    if (this.#served[id] !== cancellation || this.#isTooLarge(id, reply.head)) {
      const ended = (): void => this.#ended();
      reply.cancel().then(ended, ended);
      if (this.#served[id] !== cancellation) return;
      this.#served[id] = undefined;
      return this.#streams?.replied(id);
    }
    this.#served[id] = undefined;
    this.#sendReply(Kind.reply | wire.Flag.stream, id, reply.head);
    this.#streamed.sendReply(id, reply, cancellation, this.#priorities[id]);
  }

  /** Sends the error in place of a reply that the caller does not take. */
  #isTooLarge(id: number, reply: Uint8Array): boolean {
    const limit = this.#link.peer!.maxMessageBytes;
    if (reply.length <= limit) return false;
    this.#counters.failed++;
    const why = `Reply not sent: it has ${reply.length} bytes, the caller takes ${limit}`;
    this.#sendError(id, new TransportError("message-too-large", why, { processed: "yes" }));
    return true;
  }

  #sendReply(kind: number, id: number, reply: Uint8Array): void {
    head[0] = kind;
    wire.writeU32(head, 1, id);
    this.#link.sendOrAbort(wire.callHeadBytes, reply, this.#priorities[id]);
  }

  handlerOver(isFailed: boolean): void {
    if (isFailed) this.#counters.failed++;
    this.#ended();
  }

  get #streamed(): StreamedAnswers {
    return this.#streams ??= new StreamedAnswers(this.#link, this);
  }

  #failed(id: number, cancellation: Cancellation, error: unknown): void {
    this.#counters.failed++;
    if (this.#served[id] === cancellation) {
      this.#served[id] = undefined;
      this.#sendError(id, TransportError.from(error, "remote"));
    }
    this.#ended();
  }

  #sendError(id: number, error: TransportError, priority = this.#priorities[id]): void {
    const { channel, peer } = this.#link;
    this.#link.sendFrame(encodeError(id, error, Math.min(channel.maxMessageBytes, peer!.maxMessageBytes)), priority);
    this.#streams?.replied(id, error);
  }

  /** The context of a call that came in; undefined where its deadline has passed. Sets {@linkcode payloadStart}. */
  #contextOf(frame: Uint8Array, offset: number, cancellation: Cancellation): CallContext | undefined {
    if (frame[0] < 0x10) {
      payloadStart = offset;
      return new CallContext(Infinity, false, background.priority, this.#owner, cancellation, noMetadata);
    }
    const parts = wire.readCallHead(frame, offset);
    payloadStart = parts.payloadStart;
    if (parts.timeLeftMs === 0) return undefined;
    const deadline = parts.timeLeftMs === undefined ? Infinity : this.#link.settings.clock.now() + parts.timeLeftMs;
    const priority = parts.priority ?? background.priority;
    return new CallContext(deadline, false, priority, this.#owner, cancellation, parts.metadata);
  }
}

/** Where the payload of the frame at hand begins: a second result of `#contextOf()` that costs no object. */
let payloadStart = 0;
