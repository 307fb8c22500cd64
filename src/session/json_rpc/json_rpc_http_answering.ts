/**
 * The answering end of jsonRpcHttp().
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import type { CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import { readBody } from "../../core/read_body.ts";
import type { MethodRequest } from "../../core/method_call.ts";
import type { Handler } from "../../core/service.ts";
import type { CallCounters } from "../../core/session.ts";
import { Streamed } from "../../core/streamed.ts";
import { errorObject, tooLarge } from "./json_rpc_errors.ts";
import { streamFormat, streamResponse } from "./json_rpc_http_stream.ts";
import { isLines, RequestItems } from "./json_rpc_http_stream_in.ts";
import { pingMethod } from "./json_rpc_methods.ts";
import { type Envelope, Fault, type Id, invalidRequest, parse, textOfMessage } from "./json_rpc_parse.ts";
import { ReplyBatch } from "./json_rpc_replies.ts";
import { answerId, callOf, deadlineOf, extensionOf, faultOf, priorityOf } from "./json_rpc_request.ts";
import { errorText, resultText } from "./json_rpc_text.ts";

/** Settings of both ends. */
export interface JsonRpcHttpSettings {
  readonly path: string;
  readonly maxMessageBytes: number;
  readonly maxDepth: number;
  readonly maxBatchLength: number;
  readonly notificationStatus: number;
  readonly extensions: boolean;
  readonly clock: Clock;
}

/** What answers one item: a text, a stream, or nothing for a notification. */
type Answer = { id: Id; text: string } | { id: Id; stream: Streamed<unknown, unknown> } | undefined;

/** A handler of requests that runs a handler of calls. */
export function answering(
  handler: Handler<MethodRequest, unknown>,
  settings: JsonRpcHttpSettings,
  calls: CallCounters,
): (request: Request, context: CallContext) => Promise<Response> {
  return async function jsonRpc(request: Request, context: CallContext): Promise<Response> {
    const isStream = settings.extensions && isLines(request.headers.get("content-type"));
    const refusal = refusalOf(request, isStream);
    if (refusal !== undefined) {
      calls.refused++;
      await request.body?.cancel();
      return refusal;
    }
    const items = isStream ? new RequestItems(request.body, settings) : undefined;
    let bytes: Uint8Array;
    try {
      bytes = await (items === undefined ? readBody(request, settings.maxMessageBytes) : items.head());
    } catch (error) {
      calls.refused++;
      items?.answered();
      const failure = TransportError.from(error, "connection-lost", { processed: "no" });
      return json(errorText(null, errorObject(failure)), failure.code === "message-too-large" ? 413 : 400);
    }
    const text = textOfMessage(bytes);
    const value = text instanceof Fault ? text : parse(text, settings.maxDepth);
    if (value instanceof Fault) {
      items?.answered();
      return json(errorText(null, value.error));
    }
    const answers = new Answering(handler, settings, calls, text as string, context, items);
    if (Array.isArray(value) && items === undefined) return await answers.batch(value);
    const answer = await answers.one(value);
    if (items !== undefined) {
      if (answer !== undefined && "stream" in answer) answer.stream.whenEnded(() => items.answered());
      else items.answered();
    }
    if (answer === undefined) return new Response(null, { status: settings.notificationStatus });
    if ("text" in answer) return json(answer.text);
    const format = settings.extensions ? streamFormat(request.headers.get("accept")) : undefined;
    if (format !== undefined) return streamResponse(answer.id, answer.stream, format);
    await answer.stream.cancel();
    return json(errorText(answer.id, errorObject(noStreams())));
  };
}

/** One POST. */
class Answering {
  readonly #handler: Handler<MethodRequest, unknown>;
  readonly #settings: JsonRpcHttpSettings;
  readonly #calls: CallCounters;
  readonly #text: string;
  readonly #context: CallContext;
  /** What follows the request, which then is the only one. */
  readonly #items: RequestItems | undefined;

  constructor(
    handler: Handler<MethodRequest, unknown>,
    settings: JsonRpcHttpSettings,
    calls: CallCounters,
    text: string,
    context: CallContext,
    items: RequestItems | undefined,
  ) {
    this.#handler = handler;
    this.#settings = settings;
    this.#calls = calls;
    this.#text = text;
    this.#context = context;
    this.#items = items;
  }

  async batch(items: unknown[]): Promise<Response> {
    const { maxBatchLength, maxMessageBytes, notificationStatus } = this.#settings;
    if (items.length === 0) return json(errorText(null, invalidRequest("it is an empty batch").error));
    if (items.length > maxBatchLength) {
      const why = `its batch has ${items.length} items, ${maxBatchLength} are allowed`;
      return json(errorText(null, invalidRequest(why).error));
    }
    let joined: string | undefined;
    const replies = new ReplyBatch(maxMessageBytes, (text) => joined = text);
    const answers = await Promise.all(items.map((item, index) => this.one(item, index)));
    for (const answer of answers) {
      if (answer === undefined) continue;
      replies.expect();
      if ("text" in answer) {
        replies.put(answer.id, answer.text);
        continue;
      }
      await answer.stream.cancel();
      replies.put(answer.id, errorText(answer.id, errorObject(noStreams())));
    }
    replies.done();
    return joined === undefined ? new Response(null, { status: notificationStatus }) : json(joined);
  }

  /** Answers one item; `index` is its place in a batch. */
  async one(value: unknown, index?: number): Promise<Answer> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return { id: null, text: errorText(null, invalidRequest("it is no object").error) };
    }
    const request = value as Envelope;
    const fault = faultOf(request);
    const id = answerId(request, this.#text, index);
    if (fault !== undefined) return { id: id ?? null, text: errorText(id ?? null, fault.error) };
    if (request.method === pingMethod) return id === undefined ? undefined : { id, text: resultText(id, null) };
    try {
      const result = await this.#run(request);
      if (result instanceof Streamed) {
        if (id !== undefined) return { id, stream: result };
        await result.cancel();
      }
      return id === undefined ? undefined : this.#answer(id, result);
    } catch (error) {
      return id === undefined
        ? undefined
        : { id, text: errorText(id, errorObject(TransportError.from(error, "remote"))) };
    }
  }

  #answer(id: Id, result: unknown): Answer {
    const text = resultText(id, result);
    const { maxMessageBytes } = this.#settings;
    if (text.length * 3 <= maxMessageBytes) return { id, text };
    const bytes = new TextEncoder().encode(text).length;
    if (bytes <= maxMessageBytes) return { id, text };
    this.#calls.failed++;
    throw tooLarge(bytes, maxMessageBytes, "yes");
  }

  async #run(request: Envelope): Promise<unknown> {
    const { extensions, clock } = this.#settings;
    let context = this.#context;
    let call: MethodRequest;
    try {
      const extension = extensions ? extensionOf(request) : undefined;
      const deadline = deadlineOf(extension, () => clock.now());
      if (extension !== undefined) {
        context = context.with({ deadline, priority: priorityOf(extension), metadata: extension.metadata });
      }
      call = callOf(request, extension);
      if (this.#items !== undefined) {
        call = new Streamed(call, this.#items);
        this.#items.follow(context);
      }
    } catch (error) {
      this.#calls.refused++;
      throw error;
    }
    this.#calls.started++;
    this.#calls.inFlight++;
    try {
      return await this.#handler(call, context);
    } catch (error) {
      this.#calls.failed++;
      throw error;
    } finally {
      this.#calls.inFlight--;
    }
  }
}

function refusalOf(request: Request, isStream: boolean): Response | undefined {
  if (request.method !== "POST") {
    return new Response("Method not allowed: calls are posted\n", { status: 405, headers: { allow: "POST" } });
  }
  const type = request.headers.get("content-type") ?? "";
  if (isStream) return undefined;
  if (/^\s*application\/(json|json-rpc|jsonrequest)\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?$/i.test(type)) {
    return undefined;
  }
  return new Response("Unsupported media type: calls are application/json\n", { status: 415 });
}

function noStreams(): TransportError {
  return new TransportError("unsupported", "Cannot reply: the caller accepts no stream");
}

function json(text: string, status = 200): Response {
  return new Response(text, { status, headers: { "content-type": "application/json" } });
}
