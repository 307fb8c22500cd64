/**
 * The streams of a call that this end has made: of its request, of its reply, or
 * of both. See `mux.md` beside this file for the order of the frames.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import { Streamed } from "../core/streamed.ts";
import { withProcessed } from "../core/with_processed.ts";
import { decodeError } from "./mux_error_frame.ts";
import type { MuxLink } from "./mux_link.ts";
import { unsupportedStream } from "./mux_refusals.ts";
import { bytesOf, type StreamPool } from "./mux_stream_pool.ts";
import { type ReceiverOwner, StreamReceiver } from "./mux_stream_receiver.ts";
import { type SenderOwner, StreamSender } from "./mux_stream_sender.ts";
import * as wire from "./mux_wire.ts";

/**
 * Bytes, and behind them perhaps a stream of more: what calls through
 * `mux({ streams: true })` are made of.
 *
 * @example
 * ```ts
 * import { type Handler, Streamed, type StreamedBytes } from "@wireway/wireway";
 * const handler: Handler<StreamedBytes, StreamedBytes> = (request) => request instanceof Streamed ? request.head : request;
 * ```
 */
export type StreamedBytes = Uint8Array | Streamed<Uint8Array>;

/** The call that the streams are of. */
export interface StreamingCall {
  /** The reply has begun. */
  open(reply: StreamedBytes): void;
  /** The call has failed. */
  reject(error: TransportError): void;
  /** Nobody may give up any more. */
  settled(): void;
  /** Whether its caller has given up. */
  readonly givenUp: boolean;
}

/** See the module. */
export class CallStreams implements SenderOwner, ReceiverOwner {
  /** The last frame of the reply has come. */
  answered = false;
  readonly #link: MuxLink;
  readonly #pool: StreamPool;
  readonly #id: number;
  readonly #call: StreamingCall;
  #sender: StreamSender | undefined = undefined;
  #receiver: StreamReceiver | undefined = undefined;
  /** The far side is to say when it has seen the end of the request stream. */
  #awaitsDone = false;
  /** Whether CANCEL was sent, or END with an error in its place. */
  #cancelled = false;

  /** Throws `unsupported` where one of the ends knows no streams. */
  constructor(link: MuxLink, id: number, call: StreamingCall) {
    if (link.streams === undefined) throw unsupportedStream(link.where);
    this.#link = link;
    this.#pool = link.streams;
    this.#id = id;
    this.#call = call;
  }

  /** Whether the number of the call is free. */
  get over(): boolean {
    return this.answered && !this.#awaitsDone;
  }

  /** The call was given to the link, which may hold it for a while: then the items follow it. */
  sendRequest(request: Streamed<Uint8Array>, priority: number, held: void | Promise<void>): void {
    this.#awaitsDone = true;
    const sender = this.#sender = new StreamSender(
      this.#link,
      this.#pool,
      request,
      { id: this.#id, flag: 0, priority },
      this,
    );
    if (held === undefined) return sender.start();
    const start = (): void => sender.start();
    held.then(start, start);
  }

  /** The reply begins, and a stream follows. Throws `protocol` for a second one. */
  replied(frame: Uint8Array): void {
    if (this.#receiver !== undefined || this.answered) throw misplaced(frame);
    const receiver = this.#receiver = new StreamReceiver(this.#link, this.#pool, this.#id, 0, this);
    if (this.#cancelled || this.#call.givenUp) {
      receiver.drop(new TransportError("cancelled", "Reply dropped: its call was cancelled"));
      // A cancel may overtake its call on a channel that sends urgent messages first.
      this.#link.sendUrgent(wire.numberFrame(wire.Kind.cancel, this.#id));
      return;
    }
    this.#call.open(
      new Streamed<Uint8Array>(frame.subarray(wire.callHeadBytes), receiver.items as AsyncIterable<never>),
    );
  }

  /** An item of the reply has come. */
  item(frame: Uint8Array): void {
    if (this.#receiver === undefined || this.answered) throw misplaced(frame);
    this.#receiver.received(frame);
  }

  /** The reply has ended. */
  ended(frame: Uint8Array): void {
    if (this.#receiver === undefined || this.answered) throw misplaced(frame);
    this.#receiver.ended(frame.length > wire.callHeadBytes ? decodeError(frame) : undefined);
    this.#call.settled();
    this.#answer();
  }

  /** A reply without a stream, or an error, has come. */
  final(frame: Uint8Array): void {
    if (this.#receiver !== undefined || this.answered) throw misplaced(frame);
    this.#answer();
  }

  /** The far side wants no more of the request. */
  stop(frame: Uint8Array): void {
    if (this.#sender === undefined) throw misplaced(frame);
    this.#sender.stop();
  }

  /** The far side has read some of the request. */
  window(frame: Uint8Array): void {
    if (this.#sender === undefined) throw misplaced(frame);
    this.#sender.granted(bytesOf(frame));
  }

  /** The far side has seen the end of the request, and its own reply's. */
  done(frame: Uint8Array): void {
    if (!this.#awaitsDone || !this.answered) throw misplaced(frame);
    this.#awaitsDone = false;
  }

  /** The caller has given up, of which the far side was told where `told`. */
  gaveUp(reason: TransportError, told: boolean): void {
    if (!told) return this.#sender?.drop(reason);
    this.#cancelled = true;
    this.#receiver?.drop(reason);
    this.#sender?.stop(reason);
  }

  /** The connection is gone: what has come can still be read. */
  lost(error: TransportError): void {
    // The reply has begun: its handler ran.
    this.#receiver?.ended(withProcessed(error, "yes"));
    this.#sender?.drop(error);
  }

  left(): void {
    this.#cancelled = true;
    this.#call.settled();
    this.#link.sendUrgent(wire.numberFrame(wire.Kind.cancel, this.#id));
    this.#sender?.stop(new TransportError("cancelled", "Call cancelled: its reply is read no more"));
  }

  endSent(_id: number, failure: TransportError | undefined): void {
    if (failure === undefined || this.answered || this.#cancelled) return;
    this.#cancelled = true;
    const { code, message, details, cause = failure } = failure;
    const error = new TransportError(code, message, { processed: "maybe", details, cause });
    this.#call.reject(error);
    this.#receiver?.drop(error);
  }

  sourceEnded(): void {}

  /** Nothing is read of the request any more. */
  #answer(): void {
    this.answered = true;
    this.#sender?.stop();
  }
}

function misplaced(frame: Uint8Array): TransportError {
  const kind = `0x${frame[0].toString(16).padStart(2, "0")}`;
  return new TransportError("protocol", `Frame refused: one of kind ${kind} has no place in its call's streams`);
}
