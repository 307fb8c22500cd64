/**
 * The calls with streams that one end of a mux() session answers: see `mux.md`
 * beside this file for the order of the frames.
 *
 * @module
 */

import type { Cancellation } from "../core/cancellation.ts";
import { TransportError } from "../core/errors.ts";
import { Streamed } from "../core/streamed.ts";
import { decodeError } from "./mux_error_frame.ts";
import type { MuxLink } from "./mux_link.ts";
import { bytesOf, type StreamPool } from "./mux_stream_pool.ts";
import { StreamReceiver } from "./mux_stream_receiver.ts";
import { StreamSender } from "./mux_stream_sender.ts";
import * as wire from "./mux_wire.ts";

const { Kind } = wire;

/** Who runs the handlers. */
export interface StreamedAnswersOwner {
  /** A handler's stream is over, and so is its call. */
  handlerOver(isFailed: boolean): void;
  /** A request stream has failed: its call is cancelled. */
  cancelled(id: number, reason: TransportError): void;
}

/** One call. */
interface Answer {
  readonly cancellation: Cancellation;
  /** Of the call, and so of all that is sent for it. */
  readonly priority: number;
  /** Of the request. */
  readonly receiver: StreamReceiver | undefined;
  /** The end of the request is still to come. */
  awaitsEnd: boolean;
  /** Of the reply. */
  sender: StreamSender | undefined;
  /** The last frame of the reply was sent. */
  replied: boolean;
}

/** See the module. */
export class StreamedAnswers {
  readonly #link: MuxLink;
  readonly #pool: StreamPool;
  readonly #owner: StreamedAnswersOwner;
  readonly #answers = new Map<number, Answer>();

  constructor(link: MuxLink, owner: StreamedAnswersOwner) {
    this.#link = link;
    this.#pool = link.streams!;
    this.#owner = owner;
  }

  /** Calls whose streams have not ended, on either side. */
  get size(): number {
    return this.#answers.size;
  }

  has(id: number): boolean {
    return this.#answers.has(id);
  }

  /** A call with a request stream has come in; returns its request. */
  begin(id: number, payload: Uint8Array, cancellation: Cancellation, priority: number): Streamed<Uint8Array> {
    const receiver = new StreamReceiver(this.#link, this.#pool, id, wire.answering, this);
    this.#answers.set(id, { cancellation, priority, receiver, awaitsEnd: true, sender: undefined, replied: false });
    return new Streamed<Uint8Array>(payload, receiver.items as AsyncIterable<never>);
  }

  /** The reply or the error of a call was sent, and no stream follows. */
  replied(id: number, reason: TransportError = answered): void {
    const answer = this.#answers.get(id);
    if (answer === undefined) return;
    answer.replied = true;
    answer.receiver?.drop(reason);
    this.#release(id, answer);
  }

  /** The head of a reply was sent: sends the stream behind it. */
  sendReply(id: number, reply: Streamed<Uint8Array>, cancellation: Cancellation, priority: number): void {
    let answer = this.#answers.get(id);
    if (answer === undefined) {
      answer = { cancellation, priority, receiver: undefined, awaitsEnd: false, sender: undefined, replied: false };
      this.#answers.set(id, answer);
    }
    const call = { id, flag: wire.answering, priority };
    answer.sender = new StreamSender(this.#link, this.#pool, reply, call, this);
    answer.sender.start();
  }

  /** The caller has given up: ends the reply that is being sent. */
  cancel(id: number, reason: TransportError): void {
    const answer = this.#answers.get(id);
    if (answer?.sender === undefined || answer.replied) return;
    answer.cancellation.cancel(reason);
    answer.sender.stop(reason);
  }

  /** Takes a frame of the streams of a call. Throws `protocol` for one that has no place. */
  streamed(frame: Uint8Array): void {
    const id = wire.callOf(frame);
    const answer = this.#answers.get(id);
    const kind = frame[0];
    // Credit for a reply that has ended has crossed its end.
    if (kind === Kind.window) return answer?.sender?.granted(bytesOf(frame));
    if (answer === undefined || answer.receiver === undefined || !answer.awaitsEnd) {
      throw new TransportError("protocol", `Frame refused: it is of the request of call ${id}, which is over`);
    }
    if (kind === Kind.item) return answer.receiver.received(frame);
    answer.awaitsEnd = false;
    const error = frame.length > wire.callHeadBytes ? decodeError(frame) : undefined;
    answer.receiver.ended(error);
    if (error !== undefined && !answer.replied) this.#owner.cancelled(id, error);
    this.#release(id, answer);
  }

  /** The connection is gone. */
  lost(reason: TransportError): void {
    const answers = [...this.#answers.values()];
    this.#answers.clear();
    for (const { cancellation, receiver, sender } of answers) {
      receiver?.ended(reason);
      cancellation.cancel(reason);
      sender?.drop(reason);
    }
  }

  /** The peer sends no more: what waits for its items or its credit would wait forever. */
  peerEnded(reason: TransportError): void {
    for (const answer of this.#answers.values()) {
      answer.awaitsEnd = false;
      answer.receiver?.ended(reason);
      answer.cancellation.cancel(reason);
      answer.sender?.stop(reason);
    }
  }

  // Of receivers and senders

  left(id: number): void {
    if (this.#answers.get(id)?.replied === false) {
      this.#link.sendUrgent(wire.numberFrame(Kind.stop | wire.answering, id));
    }
  }

  endSent(id: number): void {
    this.replied(id);
  }

  sourceEnded(error: unknown): void {
    this.#owner.handlerOver(error !== undefined);
  }

  #release(id: number, answer: Answer): void {
    if (!answer.replied || answer.awaitsEnd || this.#answers.get(id) !== answer) return;
    this.#answers.delete(id);
    if (answer.receiver === undefined) return;
    this.#link.sendFrame(wire.numberFrame(Kind.done | wire.answering, id), answer.priority);
  }
}

const answered = new TransportError("cancelled", "Request stream ended: its call has been answered");
