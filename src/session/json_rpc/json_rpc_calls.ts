/**
 * The calls that one end of a JSON-RPC session makes.
 *
 * @module
 */

import { background, type CallContext } from "../../core/context.ts";
import { contextRefusal } from "../../core/context_refusal.ts";
import { deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import type { MethodCall, MethodRequest } from "../../core/method_call.ts";
import { notSent } from "../../core/not_sent.ts";
import { Streamed } from "../../core/streamed.ts";
import { type CallOwner, PendingCall } from "../pending_call.ts";
import { errorOf, tooManyCalls } from "./json_rpc_errors.ts";
import { hasExtension } from "./json_rpc_extension.ts";
import { JsonRpcGather } from "./json_rpc_gather.ts";
import type { JsonRpcLink } from "./json_rpc_link.ts";
import { cancelMethod, StreamMethod } from "./json_rpc_methods.ts";
import type { Envelope } from "./json_rpc_parse.ts";
import type { StreamIn } from "./json_rpc_stream_in.ts";
import type { StreamOut } from "./json_rpc_stream_out.ts";
import type { JsonRpcStreams } from "./json_rpc_streams.ts";
import { notificationText, requestText } from "./json_rpc_text.ts";

/** A call, and what is known of it beside its promise. */
class NumberedCall extends PendingCall<unknown> {
  readonly number: number;
  /** What may end the reply's stream. */
  readonly context: CallContext;
  /** The stream that follows the request. */
  stream: StreamOut | undefined = undefined;

  constructor(number: number, context: CallContext) {
    super(number);
    this.number = number;
    this.context = context;
  }
}

/** See the module. */
export class JsonRpcCalls implements CallOwner {
  /** Calls in flight; those included whose reply is a stream that has not ended. */
  inFlight = 0;
  readonly #link: JsonRpcLink;
  readonly #streams: JsonRpcStreams;
  readonly #ended: () => void;
  /** The calls by the low bits of their number. Numbers count up, so that a late reply finds no other call. */
  readonly #calls: (NumberedCall | undefined)[];
  readonly #mask: number;
  #next = 0;
  readonly #gather: JsonRpcGather | undefined;

  constructor(link: JsonRpcLink, streams: JsonRpcStreams, ended: () => void) {
    this.#link = link;
    this.#streams = streams;
    this.#ended = ended;
    const { maxInFlight, maxBatchCalls } = link.settings;
    // Twice the places that are needed: a free one is found at once.
    const places = 2 ** Math.ceil(Math.log2(2 * maxInFlight));
    this.#mask = places - 1;
    this.#calls = [];
    if (maxBatchCalls > 1) this.#gather = new JsonRpcGather(link, { notSent: (ids, error) => this.#fail(ids, error) });
  }

  /** Whether requests wait to be sent. */
  get holding(): boolean {
    return this.#gather?.holding === true;
  }

  /** Sends a call; settles with its reply. */
  call(request: MethodRequest, context: CallContext = background): Promise<unknown> {
    const { settings } = this.#link;
    if (this.inFlight >= settings.maxInFlight) return Promise.reject(tooManyCalls(this.inFlight, settings.maxInFlight));
    const { cancellation, deadline } = context;
    if (cancellation !== undefined) {
      const reason = cancellation.reason;
      if (reason !== undefined) {
        return Promise.reject(notSent(reason));
      }
    }
    const number = this.#number();
    const call = new NumberedCall(number, context);
    // Before it is sent: a batch that it fills may fail at once.
    this.#calls[number & this.#mask] = call;
    this.inFlight++;
    try {
      if (request instanceof Streamed) this.#sendStreamed(call, request, context);
      else this.#send(this.#textOf(number, request, context), number);
    } catch (error) {
      if (this.#isOpen(call)) this.#free(call);
      return Promise.reject(error);
    }
    if ((cancellation !== undefined || (deadline !== Infinity && !context.deadlineEnforced)) && this.#isOpen(call)) {
      call.watch(this, cancellation, context.deadlineEnforced ? Infinity : deadline, deadlinesOf(settings.clock));
    }
    return call.promise;
  }

  /** Sends a notification. */
  send(request: MethodRequest, context: CallContext = background): void | Promise<void> {
    if (request instanceof Streamed) {
      throw new TransportError("unsupported", "Cannot send one way: a stream needs a call");
    }
    const text = this.#textOf(undefined, request, context);
    return this.#gather === undefined ? this.#link.send(text, false) : this.#gather.add(text, undefined);
  }

  /** A reply has come. One that nothing waits for is late, or a second one: it is passed over. */
  answered(reply: Envelope): void {
    const { id, result, error } = reply;
    const call = typeof id === "number" ? this.#calls[id & this.#mask] : this.#onlyOne(reply);
    if (call === undefined || (id !== call.number && id !== null)) return;
    this.#free(call);
    if (error !== undefined && (result === undefined || error !== null)) {
      call.stream?.stop();
      call.reject(result === undefined || result === null ? errorOf(error) : invalid("it has a result and an error"));
    } else if (result === undefined || reply.jsonrpc !== "2.0") {
      call.stream?.stop();
      call.reject(invalid('it has no "jsonrpc": "2.0"'));
    } else if (hasExtension(reply.wireway)) this.#extended(call, result, reply.wireway as { stream?: unknown });
    else {
      call.stream?.stop();
      call.resolve(result);
    }
    this.#ended();
  }

  /** Rejects all that are in flight: their replies can't come any more. */
  failAll(error: TransportError): void {
    this.#gather?.drop();
    for (const call of this.#calls.splice(0)) {
      if (call === undefined) continue;
      this.inFlight--;
      call.stream?.stop();
      call.reject(error);
    }
  }

  gaveUp(id: number): boolean {
    const call = this.#calls[id & this.#mask];
    if (call === undefined || call.number !== id) return true;
    this.#free(call);
    call.stream?.stop();
    // A call that still waits for room is not sent any more.
    const sent = !this.#link.takeBack(id);
    if (sent && this.#link.settings.cancel) {
      this.#gather?.flush();
      this.#link.sendOrAbort(notificationText(cancelMethod, `{"id":${id}}`));
    }
    this.#ended();
    return sent;
  }

  #number(): number {
    while (this.#calls[++this.#next & this.#mask] !== undefined);
    return this.#next;
  }

  #textOf(number: number | undefined, request: MethodCall, context: CallContext): string {
    const { settings } = this.#link;
    const bounded = context.deadline !== Infinity;
    const refusal = bounded ? contextRefusal(context) : undefined;
    if (refusal !== undefined) throw refusal;
    const now = bounded ? settings.clock.now() : 0;
    if (context.deadline <= now) {
      throw new TransportError("deadline-exceeded", "Call not sent: its deadline has passed", { processed: "no" });
    }
    const mark = this.#link.takeMark();
    return requestText(number, request, context, { now, extensions: settings.extensions, mark });
  }

  #send(text: string, number: number): void {
    if (this.#gather === undefined) void this.#link.send(text, false, number);
    else this.#gather.add(text, number);
  }

  /** A call that a stream follows: under a method of the protocol's own, so that software without streams says so. */
  #sendStreamed(call: NumberedCall, request: Streamed<MethodCall, unknown>, context: CallContext): void {
    if (!this.#link.settings.extensions) {
      throw new TransportError("unsupported", "Cannot send a stream: the extensions are switched off");
    }
    const stream = this.#streams.outgoing();
    const { method, params } = request.head;
    this.#send(
      this.#textOf(call.number, { method: StreamMethod.call, params: { method, params, stream } }, context),
      call.number,
    );
    if (this.#isOpen(call)) call.stream = this.#streams.send(stream, request, undefined);
  }

  /** A reply with the member `wireway`: the peer knows of it, and a stream may follow. */
  #extended(call: NumberedCall, result: unknown, { stream }: { stream?: unknown }): void {
    this.#link.peerKnows = true;
    if (typeof stream !== "number") {
      call.stream?.stop();
      return call.resolve(result);
    }
    const ended = (): void => {
      this.inFlight--;
      call.stream?.stop();
      this.#ended();
    };
    let incoming: StreamIn;
    try {
      incoming = this.#streams.receive(stream, ended, true);
    } catch (error) {
      // The connection ends of it, and this call is no longer among those that end with the connection.
      call.stream?.stop();
      call.reject(error as TransportError);
      throw error;
    }
    this.inFlight++;
    incoming.follow(call.context);
    call.resolve(new Streamed(result, incoming));
  }

  /** An error without an id is about what the peer could not read: with one call in flight there is no doubt which. */
  #onlyOne({ id, error }: Envelope): NumberedCall | undefined {
    if (id !== null || error === undefined || error === null || this.inFlight !== 1) return undefined;
    return this.#calls.find((call) => call !== undefined);
  }

  #isOpen(call: NumberedCall): boolean {
    return this.#calls[call.number & this.#mask] === call;
  }

  #free(call: NumberedCall): void {
    this.#calls[call.number & this.#mask] = undefined;
    this.inFlight--;
  }

  #fail(ids: readonly number[], error: TransportError): void {
    for (const id of ids) {
      const call = this.#calls[id & this.#mask];
      if (call === undefined || call.number !== id) continue;
      this.#free(call);
      call.stream?.stop();
      call.reject(error);
    }
    this.#ended();
  }
}

function invalid(why: string): TransportError {
  return new TransportError("invalid-reply", `Reply refused: ${why}`, { remote: true });
}
