/**
 * The calls that one end of a mux() session makes.
 *
 * @module
 */

import { background, type CallContext } from "../core/context.ts";
import { deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import { type CallOwner, PendingCall } from "./pending_call.ts";
import { head, type MuxLink } from "./mux_link.ts";
import { tooManyCalls } from "./mux_refusals.ts";
import { decodeError } from "./mux_error_frame.ts";
import * as wire from "./mux_wire.ts";

const { Kind } = wire;

/** See the module. */
export class MuxCalls implements CallOwner {
  /** Calls in flight, those included whose caller has given up and that the far side has not ended yet. */
  inFlight = 0;
  readonly #link: MuxLink;
  /** The calls by number; undefined where a number is free. */
  readonly #calls: (PendingCall | undefined)[] = [];
  readonly #freeIds: number[] = [];

  constructor(link: MuxLink) {
    this.#link = link;
  }

  /** How many may be in flight. */
  get capacity(): number {
    const { peer, settings } = this.#link;
    return peer === undefined ? 0 : Math.min(settings.maxInFlight, peer.maxInFlight);
  }

  /** Sends a call; settles with its reply. */
  call(request: Uint8Array, context: CallContext = background): Promise<Uint8Array> {
    const link = this.#link;
    if (this.inFlight >= link.peer!.maxInFlight || this.inFlight >= link.settings.maxInFlight) {
      return Promise.reject(tooManyCalls(this.inFlight, this.capacity));
    }
    const { cancellation } = context;
    if (cancellation !== undefined) {
      const reason = cancellation.reason;
      if (reason !== undefined) return Promise.reject(notSent(reason));
    }
    const id = this.#freeIds.length > 0 ? this.#freeIds.pop()! : this.#calls.length;
    head[0] = Kind.call;
    wire.writeU32(head, 1, id);
    try {
      void link.send(link.writeContext(wire.callHeadBytes, request, context), request, false);
    } catch (error) {
      if (id < this.#calls.length) this.#freeIds.push(id);
      return Promise.reject(error);
    }
    const call = new PendingCall(id);
    this.#calls[id] = call;
    this.inFlight++;
    if (cancellation !== undefined || (context.deadline !== Infinity && !context.deadlineEnforced)) {
      const dueAt = context.deadlineEnforced ? Infinity : context.deadline;
      call.watch(this, cancellation, dueAt, deadlinesOf(link.settings.clock));
    }
    return call.promise;
  }

  /** A reply has come. Throws `protocol` where nothing waits for it. */
  replied(frame: Uint8Array): void {
    this.#taken(frame).resolve(frame.subarray(wire.callHeadBytes));
  }

  /** A call was ended with an error. Throws `protocol` where nothing waits for it. */
  failed(frame: Uint8Array): void {
    const error = decodeError(frame);
    this.#taken(frame).reject(error);
  }

  /** Rejects all that are in flight: their replies can't come any more. */
  failAll(error: TransportError): void {
    this.inFlight = 0;
    const calls = this.#calls.splice(0);
    this.#freeIds.length = 0;
    for (const call of calls) call?.reject(error);
  }

  gaveUp(id: number): void {
    const link = this.#link;
    // A call that still waits for room is not sent any more.
    if (!link.takeBack(id)) return link.sendUrgent(wire.numberFrame(Kind.cancel, id));
    this.#free(id);
    link.owner?.callEnded();
  }

  /** Takes the final frame of a call: its number is free again. */
  #taken(frame: Uint8Array): PendingCall {
    const id = frame.length < wire.callHeadBytes ? -1 : wire.readU32(frame, 1);
    const call = this.#calls[id];
    if (call === undefined) {
      throw new TransportError("protocol", `Frame refused: it ends call ${id}, which is not in flight`);
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

/** The reason for which a call was cancelled before it was sent. */
function notSent(reason: TransportError): TransportError {
  return new TransportError(reason.code, reason.message, { processed: "no", cause: reason });
}
