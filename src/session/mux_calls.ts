/**
 * The calls that one end of a mux() session makes.
 *
 * @module
 */

import { background, type CallContext } from "../core/context.ts";
import { deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import { notSent } from "../core/not_sent.ts";
import { Streamed } from "../core/streamed.ts";
import { CallStreams, type StreamedBytes } from "./mux_call_streams.ts";
import { writeContext } from "./mux_context.ts";
import { type CallOwner, PendingCall } from "./pending_call.ts";
import { head, type MuxLink } from "./mux_link.ts";
import { tooManyCalls, unsupportedStream } from "./mux_refusals.ts";
import { decodeError } from "./mux_error_frame.ts";
import * as wire from "./mux_wire.ts";

const { Kind } = wire;

/** See the module. */
export class MuxCalls implements CallOwner {
  /** Calls in flight, those included whose caller has given up and that the far side has not ended yet. */
  inFlight = 0;
  readonly #link: MuxLink;
  /** The calls by number; undefined where a number is free. */
  readonly #calls: (PendingCall<StreamedBytes> | undefined)[] = [];
  readonly #freeIds: number[] = [];

  constructor(link: MuxLink) {
    this.#link = link;
  }

  /** Sends a call; settles with its reply. */
  call(request: StreamedBytes, context: CallContext = background): Promise<StreamedBytes> {
    const link = this.#link;
    if (this.inFlight >= link.peer!.maxInFlight || this.inFlight >= link.settings.maxInFlight) {
      return Promise.reject(tooManyCalls(this.inFlight, link.capacity));
    }
    const { cancellation } = context;
    if (cancellation !== undefined) {
      const reason = cancellation.reason;
      if (reason !== undefined) return Promise.reject(notSent(reason));
    }
    const stream = request instanceof Streamed ? request : undefined;
    if (stream !== undefined && link.streams === undefined) return Promise.reject(unsupportedStream(link.where));
    const payload = stream === undefined ? request as Uint8Array : stream.head;
    const id = this.#freeIds.length > 0 ? this.#freeIds.pop()! : this.#calls.length;
    head[0] = stream === undefined ? Kind.call : Kind.call | wire.Flag.stream;
    wire.writeU32(head, 1, id);
    let held: void | Promise<void>;
    try {
      held = link.send(writeContext(link, wire.callHeadBytes, payload, context), payload, false);
    } catch (error) {
      if (id < this.#calls.length) this.#freeIds.push(id);
      return Promise.reject(error);
    }
    const call = new PendingCall<StreamedBytes>(id);
    this.#calls[id] = call;
    this.inFlight++;
    link.settings.sent.calls++;
    if (cancellation !== undefined || (context.deadline !== Infinity && !context.deadlineEnforced)) {
      const dueAt = context.deadlineEnforced ? Infinity : context.deadline;
      call.watch(this, cancellation, dueAt, deadlinesOf(link.settings.clock));
    }
    if (stream !== undefined) {
      call.streams = new CallStreams(link, id, call);
      call.streams.sendRequest(stream, context.priority, held);
    }
    return call.promise;
  }

  /** A reply has come. Throws `protocol` where nothing waits for it. */
  replied(frame: Uint8Array): void {
    this.#answered(frame).resolve(frame.subarray(wire.callHeadBytes));
  }

  /** A call was ended with an error. Throws `protocol` where nothing waits for it. */
  failed(frame: Uint8Array): void {
    const error = decodeError(frame);
    this.#answered(frame).reject(error);
  }

  /** Takes a frame of the streams of a call. Throws `protocol` for one that has no place. */
  streamed(frame: Uint8Array): void {
    const id = wire.callOf(frame);
    const call = this.#calls[id];
    const streams = call?.streams;
    if (call !== undefined && frame[0] === (Kind.reply | wire.Flag.stream)) {
      return (call.streams ??= new CallStreams(this.#link, id, call)).replied(frame);
    }
    if (streams === undefined) throw notInFlight("is of", id);
    switch (frame[0] & wire.kindMask) {
      case Kind.item:
        return streams.item(frame);
      case Kind.window:
        return streams.window(frame);
      case Kind.stop:
        return streams.stop(frame);
      case Kind.end:
        streams.ended(frame);
        break;
      default:
        streams.done(frame);
    }
    if (streams.over) this.#free(id);
    this.#link.owner?.callEnded();
  }

  /** Rejects all that are in flight: their replies can't come any more. */
  failAll(error: TransportError): void {
    this.inFlight = 0;
    const calls = this.#calls.splice(0);
    this.#freeIds.length = 0;
    for (const call of calls) {
      if (call === undefined) continue;
      call.reject(error);
      call.streams?.lost(error);
    }
  }

  gaveUp(id: number, reason: TransportError): boolean {
    const link = this.#link;
    const streams = this.#calls[id]?.streams;
    // A call that still waits for room is not sent any more.
    const sent = !link.takeBack(id);
    if (sent) link.sendUrgent(wire.numberFrame(Kind.cancel, id));
    streams?.gaveUp(reason, sent);
    if (sent) return true;
    this.#free(id);
    link.owner?.callEnded();
    return false;
  }

  /** Takes the final frame of a call: its number is free again, unless its request is still on its way. */
  #answered(frame: Uint8Array): PendingCall<StreamedBytes> {
    const id = frame.length < wire.callHeadBytes ? -1 : wire.readU32(frame, 1);
    const call = this.#calls[id];
    if (call === undefined) throw notInFlight("ends", id);
    const { streams } = call;
    if (streams !== undefined) {
      streams.final(frame);
      if (!streams.over) return call;
    }
    this.#free(id);
    return call;
  }

  #free(id: number): void {
    this.#calls[id] = undefined;
    this.#freeIds.push(id);
    this.inFlight--;
  }
}

function notInFlight(does: string, id: number): TransportError {
  return new TransportError("protocol", `Frame refused: it ${does} call ${id}, which is not in flight`);
}
