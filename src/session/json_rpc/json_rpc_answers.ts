/**
 * The calls that one end of a JSON-RPC session answers.
 *
 * @module
 */

import { discardReply } from "../../core/completion.ts";
import { CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import { noMetadata } from "../../core/metadata.ts";
import type { MethodRequest } from "../../core/method_call.ts";
import type { Handler } from "../../core/service.ts";
import type { CallCounters, Session } from "../../core/session.ts";
import { Streamed } from "../../core/streamed.ts";
import { errorObject, tooManyCalls } from "./json_rpc_errors.ts";
import type { Extension } from "./json_rpc_extension.ts";
import type { JsonRpcLink } from "./json_rpc_link.ts";
import { StreamMethod } from "./json_rpc_methods.ts";
import { type Envelope, type Id, invalidRequest } from "./json_rpc_parse.ts";
import type { ReplyBatch } from "./json_rpc_replies.ts";
import { answerId, callOf, deadlineOf, extensionOf, faultOf, isThenable, priorityOf } from "./json_rpc_request.ts";
import { RunningCall, RunningCalls } from "./json_rpc_running.ts";
import type { JsonRpcStreams } from "./json_rpc_streams.ts";
import { errorText, resultText } from "./json_rpc_text.ts";

/** See the module. */
export class JsonRpcAnswers {
  readonly #link: JsonRpcLink;
  readonly #streams: JsonRpcStreams;
  readonly #owner: Session<MethodRequest, unknown> & { answered(): void };
  readonly #handler: Handler<MethodRequest, unknown> | undefined;
  readonly #counters: CallCounters;
  readonly #running = new RunningCalls();

  constructor(
    link: JsonRpcLink,
    streams: JsonRpcStreams,
    owner: Session<MethodRequest, unknown> & { answered(): void },
    handler: Handler<MethodRequest, unknown> | undefined,
    counters: CallCounters,
  ) {
    this.#link = link;
    this.#streams = streams;
    this.#owner = owner;
    this.#handler = handler;
    this.#counters = counters;
  }

  /** Handlers at work, those of cancelled calls too, and streams of replies. */
  get running(): number {
    return this.#running.size;
  }

  /** A request or a notification has come in; `index` is its place in `batch`. */
  serve(request: Envelope, text: string, batch: ReplyBatch | undefined, index?: number): void {
    const fault = faultOf(request);
    const id = answerId(request, text, index);
    if (fault !== undefined) {
      batch?.expect();
      return this.reply(id ?? null, errorText(id ?? null, fault.error), batch);
    }
    if (id !== undefined) batch?.expect();
    let extension: Extension | undefined;
    let deadline = Infinity;
    let refusal: TransportError | undefined;
    try {
      if (request.wireway !== undefined && this.#link.settings.extensions) {
        extension = extensionOf(request);
        if (extension !== undefined) this.#link.peerKnows = true;
        deadline = deadlineOf(extension, () => this.#link.settings.clock.now());
      }
      refusal = this.#refusal();
    } catch (error) {
      refusal = error as TransportError;
    }
    if (refusal !== undefined) {
      this.#counters.refused++;
      if (id !== undefined) this.reply(id, errorText(id, errorObject(refusal)), batch);
      return;
    }
    this.#run(new RunningCall(id, batch), request, extension, deadline);
  }

  /** Answers what the protocol itself has asked for, or what is no request. */
  reply(id: Id, text: string, batch: ReplyBatch | undefined): void {
    if (batch === undefined) this.#link.sendOrAbort(text);
    else batch.put(id, text);
  }

  /** The caller has given up. */
  cancel(id: unknown): void {
    const running = this.#running.find(id);
    // The reply may have crossed it on the wire.
    if (running === undefined) return;
    const reason = new TransportError("cancelled", "Call cancelled by the caller", { processed: "maybe" });
    running.incoming?.finish(reason);
    if (running.outgoing !== undefined) return running.outgoing.stop();
    this.#answer(running, errorText(running.id!, errorObject(reason)));
    running.cancel(reason);
  }

  /** The connection is gone: nobody waits for the replies any more. */
  cancelAll(cause: TransportError | undefined): void {
    const why = `Call cancelled: the connection to ${this.#link.where} is gone`;
    const reason = new TransportError("cancelled", why, { cause });
    for (const running of this.#running.all()) {
      running.answered = true;
      running.cancel(reason);
    }
  }

  #refusal(): TransportError | undefined {
    if (this.#handler === undefined) {
      return new TransportError("unsupported", "Call refused: this end answers no calls");
    }
    const { maxInFlight } = this.#link.settings;
    return this.running < maxInFlight ? undefined : tooManyCalls(this.running, maxInFlight);
  }

  #run(running: RunningCall, request: Envelope, extension: Extension | undefined, deadline: number): void {
    this.#running.add(running);
    this.#counters.started++;
    this.#counters.inFlight++;
    const metadata = extension === undefined ? noMetadata : extension.metadata;
    const context = new CallContext(deadline, false, priorityOf(extension), this.#owner, running, metadata);
    let result: unknown;
    try {
      const call = request.method === StreamMethod.call && this.#link.settings.extensions
        ? this.#streamed(running, request)
        : callOf(request, extension);
      result = this.#handler!(call, context);
    } catch (error) {
      return this.#failed(running, error);
    }
    if (!isThenable(result)) return this.#replied(running, result);
    result.then((reply) => this.#replied(running, reply), (error) => this.#failed(running, error));
  }

  /** A call that a stream follows. */
  #streamed(running: RunningCall, { params }: Envelope): MethodRequest {
    const { method, params: own, stream } = params as Record<string, unknown>;
    if (typeof method !== "string" || !Number.isSafeInteger(stream) || running.id === undefined) {
      throw new TransportError("invalid-request", "Call refused: it names no method, no stream or no id");
    }
    running.incoming = this.#streams.receive(stream as number, () => {});
    return new Streamed(own === undefined ? { method } : { method, params: own }, running.incoming);
  }

  #replied(running: RunningCall, result: unknown): void {
    if (result instanceof Streamed) return this.#repliedWithStream(running, result);
    if (running.id !== undefined && !running.answered) {
      let text: string;
      try {
        const { peerKnows } = this.#link;
        text = resultText(running.id, result, peerKnows && this.#link.takeMark() ? {} : undefined);
      } catch (error) {
        return this.#failed(running, error);
      }
      this.#answer(running, text);
    }
    this.#end(running);
  }

  #repliedWithStream(running: RunningCall, result: Streamed<unknown, unknown>): void {
    const { id } = running;
    if (id === undefined || running.answered) {
      discardReply(result);
      return this.#end(running);
    }
    if (!this.#link.peerKnows || !this.#link.settings.extensions) {
      discardReply(result);
      return this.#failed(running, new TransportError("unsupported", "Cannot reply: the caller takes no streams"));
    }
    const number = this.#streams.outgoing();
    let text: string;
    try {
      text = resultText(id, result.head, { stream: number });
    } catch (error) {
      discardReply(result);
      return this.#failed(running, error);
    }
    this.#link.takeMark();
    running.outgoing = this.#streams.send(number, result, (error) => {
      if (error?.code !== "cancelled") {
        if (error !== undefined) this.#counters.failed++;
      } else running.cancel(error);
      this.#end(running);
    });
    this.#answer(running, text);
  }

  #failed(running: RunningCall, error: unknown): void {
    this.#counters.failed++;
    if (running.id !== undefined && !running.answered) {
      this.#answer(running, errorText(running.id, errorObject(TransportError.from(error, "remote"))));
    }
    this.#end(running);
  }

  #answer(running: RunningCall, text: string): void {
    running.answered = true;
    const id = running.id!;
    if (running.batch !== undefined) return running.batch.put(id, text);
    try {
      void this.#link.send(text, true);
    } catch (error) {
      const failure = TransportError.from(error, "connection-lost");
      if (failure.code !== "message-too-large") return this.#link.channel.abort(failure);
      this.#counters.failed++;
      const { message, details } = failure;
      const told = new TransportError("message-too-large", `Reply not sent: ${message}`, { processed: "yes", details });
      this.#link.sendOrAbort(errorText(id, errorObject(told)));
      running.outgoing?.stop();
    }
  }

  #end(running: RunningCall): void {
    this.#running.delete(running);
    this.#counters.inFlight--;
    // A reply that comes before the end of the request's stream ends that stream.
    running.incoming?.abandon();
    this.#owner.answered();
  }

  /** The answer to a message that is no request at all. */
  notARequest(reason: string, batch: ReplyBatch | undefined): void {
    batch?.expect();
    this.reply(null, errorText(null, invalidRequest(reason).error), batch);
  }
}
