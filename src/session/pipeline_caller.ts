/**
 * The calling end of a pipeline() connection.
 *
 * @module
 */

import type { Channel, Message } from "../core/channel.ts";
import { background, type CallContext } from "../core/context.ts";
import { contextRefusal } from "../core/context_refusal.ts";
import { deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import { notSent } from "../core/not_sent.ts";
import { Streamed } from "../core/streamed.ts";
import { isMuxHello } from "../util/hello_bytes.ts";
import { PendingCall } from "./pending_call.ts";
import { asBytes, PipelineSession, type PipelineSettings } from "./pipeline_session.ts";
import { refuseStream } from "./refuse_stream.ts";

/** Replies belong to calls by their order. */
export class PipelineCaller extends PipelineSession {
  /** Calls without a reply, the oldest first. One whose caller gave up stays, for its reply will come. */
  readonly #calls: PendingCall[] = [];
  #answered = 0;
  /** Whether a message has come. */
  #heard = false;

  constructor(channel: Channel, settings: PipelineSettings) {
    super(channel, settings);
    channel.receive(this);
  }

  get load(): number {
    return this.#calls.length - this.#answered;
  }

  call(request: Uint8Array, context: CallContext = background): Promise<Uint8Array> {
    if (!(request instanceof Uint8Array) && (request as unknown) instanceof Streamed) {
      return Promise.reject(refuseStream(request, "pipeline()", "no"));
    }
    if (this.state !== "open") return Promise.reject(this.unusable());
    if (this.load >= this.settings.maxInFlight) {
      const why = `Call refused: ${this.load} are in flight, ${this.settings.maxInFlight} are allowed`;
      return Promise.reject(new TransportError("too-many-calls", why));
    }
    const { cancellation, deadline, deadlineEnforced } = context;
    const reason = cancellation?.reason;
    if (reason !== undefined) return Promise.reject(notSent(reason));
    const { clock } = this.settings;
    if (deadline !== Infinity) {
      const refusal = contextRefusal(context);
      if (refusal !== undefined) return Promise.reject(refusal);
      if (deadline <= clock.now()) {
        const why = "Call not sent: its deadline has passed";
        return Promise.reject(new TransportError("deadline-exceeded", why, { processed: "no" }));
      }
    }
    try {
      // A promise is backpressure; the limit on calls in flight bounds what can gather.
      void this.channel.send(request);
    } catch (error) {
      return Promise.reject(error);
    }
    const call = new PendingCall(0);
    this.#calls.push(call);
    this.settings.sent.calls++;
    if (cancellation !== undefined || (deadline !== Infinity && !deadlineEnforced)) {
      call.watch({ gaveUp: () => true }, cancellation, deadlineEnforced ? Infinity : deadline, deadlinesOf(clock));
    }
    return call.promise;
  }

  message(message: Message): void {
    if (!this.#heard) this.#hear(asBytes(message));
    const call = this.#calls[this.#answered];
    if (call === undefined) throw new TransportError("protocol", "Message refused: a reply that no call waits for");
    call.resolve(asBytes(message));
    // Taken off in bulk: shifting an array at every reply would move all the others.
    if (++this.#answered === this.#calls.length || this.#answered >= 1024) {
      this.#calls.splice(0, this.#answered);
      this.#answered = 0;
    }
    this.onChange?.();
    if (this.state !== "open") this.closeIfDone();
  }

  end(): void {
    this.#failAll(undefined);
    this.setState("draining");
    this.closeIfDone();
  }

  override closed(error: TransportError | undefined): void {
    this.#failAll(error);
    super.closed(error);
  }

  protected readonly answering = 0;

  protected closeIfDone(): void {
    if (this.load === 0) void this.channel.close();
  }

  /** The first message tells a peer of another kind, whose hello is no reply. */
  #hear(message: Uint8Array): void {
    this.#heard = true;
    if (!isMuxHello(message, 0, message.length)) return;
    const why = "its first message is a hello of mux(); both ends need the same chain";
    throw new TransportError("protocol", `Cannot speak pipeline() with the peer: ${why}`);
  }

  #failAll(error: TransportError | undefined): void {
    const calls = this.#calls.splice(0).slice(this.#answered);
    this.#answered = 0;
    const lost = this.lost(error);
    for (const call of calls) call.reject(lost);
  }
}
