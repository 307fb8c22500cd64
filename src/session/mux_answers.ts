/**
 * The calls that one end of a mux() session answers.
 *
 * @module
 */

import { Cancellation } from "../core/cancellation.ts";
import { background, CallContext } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import { noMetadata } from "../core/metadata.ts";
import type { Handler } from "../core/service.ts";
import type { CallCounters, Session } from "../core/session.ts";
import { head, type MuxLink } from "./mux_link.ts";
import { tooLarge, tooManyCalls } from "./mux_refusals.ts";
import { encodeError } from "./mux_error_frame.ts";
import * as wire from "./mux_wire.ts";

const { Kind } = wire;

/** Whose calls are answered. */
export interface AnswersOwner extends Session<Uint8Array, Uint8Array> {
  /** A handler has ended. */
  answered(): void;
}

/** See the module. */
export class MuxAnswers {
  /** Handlers at work, those of cancelled calls too. */
  running = 0;
  readonly #link: MuxLink;
  readonly #owner: AnswersOwner;
  readonly #handler: Handler<Uint8Array, Uint8Array> | undefined;
  readonly #counters: CallCounters;
  /** What cancels a call, by the peer's number; undefined where a number is free. */
  readonly #served: (Cancellation | undefined)[] = [];
  /** What cancels the handlers of one-way sends. */
  #oneWay: Set<Cancellation> | undefined = undefined;

  constructor(
    link: MuxLink,
    owner: AnswersOwner,
    handler: Handler<Uint8Array, Uint8Array> | undefined,
    counters: CallCounters,
  ) {
    this.#link = link;
    this.#owner = owner;
    this.#handler = handler;
    this.#counters = counters;
  }

  /** A call has come in. Throws `protocol` for one that breaks the rules. */
  serve(frame: Uint8Array): void {
    if (frame.length < wire.callHeadBytes) throw new TransportError("protocol", "Frame refused: a call cut short");
    const { maxInFlight } = this.#link.settings;
    const id = wire.readU32(frame, 1);
    // Numbers are reused, so a peer within the limit never needs one beyond it.
    if (id >= maxInFlight) {
      throw new TransportError("protocol", `Frame refused: call number ${id}, the limit is ${maxInFlight}`);
    }
    if (this.#served[id] !== undefined) {
      throw new TransportError("protocol", `Frame refused: call ${id} is in flight already`);
    }
    const cancellation = new Cancellation();
    const context = this.#contextOf(frame, wire.callHeadBytes, cancellation);
    const handler = this.#handler;
    const refusal = this.#refusal(frame.length - payloadStart, context);
    if (refusal !== undefined || context === undefined || handler === undefined) return this.#sendError(id, refusal!);
    this.#served[id] = cancellation;
    this.#started();
    let result: Uint8Array | Promise<Uint8Array>;
    try {
      result = handler(frame.subarray(payloadStart), context);
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
    (this.#oneWay ??= new Set()).add(cancellation);
    this.#started();
    const ended = (): void => {
      this.#oneWay!.delete(cancellation);
      this.#ended();
    };
    const failed = (): void => {
      this.#counters.failed++;
      ended();
    };
    try {
      Promise.resolve(this.#handler!(frame.subarray(payloadStart), context!)).then(ended, failed);
    } catch {
      failed();
    }
  }

  /** The caller has given up. */
  cancel(frame: Uint8Array): void {
    if (frame.length < wire.callHeadBytes) throw new TransportError("protocol", "Frame refused: a cancel cut short");
    const id = wire.readU32(frame, 1);
    const cancellation = this.#served[id];
    // The reply may have crossed the cancel on the wire.
    if (cancellation === undefined) return;
    this.#served[id] = undefined;
    const reason = new TransportError("cancelled", "Call cancelled by the caller", { processed: "maybe" });
    this.#sendError(id, reason);
    cancellation.cancel(reason);
  }

  /** The caller has given up a call that was not served yet. */
  cancelledBefore(id: number): void {
    this.#sendError(id, new TransportError("cancelled", "Call cancelled by the caller", { processed: "no" }));
  }

  /** The connection is gone: nobody waits for the replies any more. */
  cancelAll(error: TransportError | undefined): void {
    for (const cancellation of [...this.#served.splice(0), ...this.#oneWay ?? []]) {
      cancellation?.cancel(
        new TransportError("cancelled", `Call cancelled: the connection to ${this.#link.where} is gone`, {
          cause: error,
        }),
      );
    }
  }

  /** Why a call is not handed to the handler; undefined where it is. */
  #refusal(payloadBytes: number, context: CallContext | undefined): TransportError | undefined {
    const { settings, maxTakenBytes } = this.#link;
    let refusal: TransportError | undefined;
    if (this.#handler === undefined) {
      refusal = new TransportError("unsupported", "Call refused: this end answers no calls");
    } else if (context === undefined) {
      refusal = new TransportError("deadline-exceeded", "Call refused: its deadline has passed", { processed: "no" });
    } else if (this.running >= settings.maxInFlight) {
      refusal = tooManyCalls(this.running, settings.maxInFlight);
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

  #replied(id: number, cancellation: Cancellation, reply: Uint8Array): void {
    if (!(reply instanceof Uint8Array)) {
      const error = new TypeError(`The handler's reply is ${typeof reply}, not Uint8Array`);
      return this.#failed(id, cancellation, error);
    }
    // A call that was cancelled has been ended on the wire already.
    if (this.#served[id] === cancellation) {
      this.#served[id] = undefined;
      const limit = this.#link.peer!.maxMessageBytes;
      if (reply.length > limit) {
        this.#counters.failed++;
        const why = `Reply not sent: it has ${reply.length} bytes, the caller takes ${limit}`;
        this.#sendError(id, new TransportError("message-too-large", why, { processed: "yes" }));
      } else {
        head[0] = Kind.reply;
        wire.writeU32(head, 1, id);
        this.#link.sendOrAbort(wire.callHeadBytes, reply);
      }
    }
    this.#ended();
  }

  #failed(id: number, cancellation: Cancellation, error: unknown): void {
    this.#counters.failed++;
    if (this.#served[id] === cancellation) {
      this.#served[id] = undefined;
      this.#sendError(id, TransportError.from(error, "remote"));
    }
    this.#ended();
  }

  #sendError(id: number, error: TransportError): void {
    const { channel, peer } = this.#link;
    this.#link.sendFrame(encodeError(id, error, Math.min(channel.maxMessageBytes, peer!.maxMessageBytes)));
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
