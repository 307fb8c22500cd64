/**
 * The calling end of jsonRpcHttp().
 *
 * @module
 */

import { formatAddress } from "../../core/channel.ts";
import { background, type CallContext, callContext } from "../../core/context.ts";
import { contextRefusal } from "../../core/context_refusal.ts";
import { TransportError } from "../../core/errors.ts";
import type { MethodCall, MethodRequest } from "../../core/method_call.ts";
import { type PlainParts, plainRequest } from "../../core/plain_request.ts";
import { readBody } from "../../core/read_body.ts";
import type { Session } from "../../core/session.ts";
import type { SentCalls } from "../../core/session_figures.ts";
import { Streamed } from "../../core/streamed.ts";
import { refuseStream } from "../refuse_stream.ts";
import { WrappedSession } from "../wrapped_session.ts";
import { errorOf, tooLarge } from "./json_rpc_errors.ts";
import type { JsonRpcHttpSettings } from "./json_rpc_http_answering.ts";
import { RequestUpload } from "./json_rpc_http_stream_out.ts";
import { isStream, itemsOf, messagesOf } from "./json_rpc_http_stream.ts";
import { type Envelope, Fault, parse, textOfMessage } from "./json_rpc_parse.ts";
import { requestText } from "./json_rpc_text.ts";

/** What a server that had to end, or a proxy without one behind it, answers in place of the service. */
const lostStatuses = [502, 503, 504];

const unsupportedMediaType = 415;

/** What an end takes that knows of streams. */
const accept = "application/json, application/x-ndjson";

const typeField = ["content-type", "application/json"] as const;
const plainFields: PlainParts["fields"] = [typeField, ["accept", "application/json"]];
const extendedFields: PlainParts["fields"] = [typeField, ["accept", accept]];

/** See the module. */
export class JsonRpcHttpSession extends WrappedSession<Request, Response, MethodRequest, unknown> {
  readonly #settings: JsonRpcHttpSettings;
  readonly #url: string;
  readonly #sent: SentCalls;
  #next = 0;

  constructor(inner: Session<Request, Response>, settings: JsonRpcHttpSettings, sent: SentCalls) {
    super(inner);
    this.#sent = sent;
    this.#settings = settings;
    this.#url = new URL(settings.path, `${inner.remote.transport}://${formatAddress(inner.remote)}`).href;
  }

  async call(request: MethodRequest, context: CallContext = background): Promise<unknown> {
    const id = ++this.#next;
    this.#sent.calls++;
    if (request instanceof Streamed) return await this.#callStreamed(id, request, context);
    return await this.#reply(await this.inner.call(this.#post(id, request, context), context), id);
  }

  async send(request: MethodRequest, context: CallContext = background): Promise<void> {
    if (request instanceof Streamed) throw refuseStream(request, "a one-way call of JSON-RPC over HTTP", "no");
    const response = await this.inner.call(this.#post(undefined, request, context), context);
    const bytes = await this.#read(response);
    if (response.status >= 300) throw refused(response.status, bytes);
  }

  /** A call that a stream follows: it goes out while the answer is waited for, and while that comes. */
  async #callStreamed(id: number, request: Streamed<MethodCall, unknown>, context: CallContext): Promise<unknown> {
    const { maxMessageBytes, extensions } = this.#settings;
    if (!extensions) throw refuseStream(request, "JSON-RPC over HTTP without extensions", "no");
    const upload = new RequestUpload(this.#encode(id, request.head, context), request, maxMessageBytes);
    const headers = { "content-type": "application/x-ndjson", accept };
    const init: RequestInit & { duplex: "half" } = { method: "POST", headers, body: upload.body, duplex: "half" };
    try {
      const response = await this.inner.call(new Request(this.#url, init), context);
      if (response.status === unsupportedMediaType) {
        await response.body?.cancel();
        throw unsupported("the server takes none behind a request");
      }
      const reply = await this.#reply(response, id);
      if (reply instanceof Streamed) reply.whenEnded(() => upload.answered());
      else upload.answered();
      return reply;
    } catch (error) {
      upload.failed(TransportError.from(error, "remote"));
      throw error;
    }
  }

  async #reply(response: Response, id: number): Promise<unknown> {
    const { maxMessageBytes, maxDepth, extensions } = this.#settings;
    if (extensions && response.status === 200 && isStream(response)) {
      const messages = messagesOf(response, maxMessageBytes);
      const { done, value } = await messages.next();
      const head = resultOf(done ? undefined : parse(value, maxDepth), id);
      return new Streamed(head, itemsOf(messages));
    }
    const bytes = await this.#read(response);
    if (response.status !== 200) throw refused(response.status, bytes);
    const text = textOfMessage(bytes);
    return resultOf(text instanceof Fault ? undefined : parse(text, maxDepth), id);
  }

  #post(id: number | undefined, request: MethodCall, context: CallContext): Request {
    const fields = this.#settings.extensions ? extendedFields : plainFields;
    const body = this.#encode(id, request, context);
    return plainRequest({ method: "POST", url: this.#url, redirect: "follow", fields, body });
  }

  /** The request in bytes. */
  #encode(id: number | undefined, request: MethodCall, context: CallContext): Uint8Array<ArrayBuffer> {
    const { maxMessageBytes, extensions, clock } = this.#settings;
    const bounded = context.deadline !== Infinity;
    const refusal = bounded ? contextRefusal(context) : undefined;
    if (refusal !== undefined) throw refusal;
    const now = bounded ? clock.now() : 0;
    if (context.deadline <= now) {
      throw new TransportError("deadline-exceeded", "Call not sent: its deadline has passed", { processed: "no" });
    }
    // Metadata are header fields already.
    const { deadline, priority } = context;
    const said = context === background ? context : callContext({ deadline, priority });
    const text = requestText(id, request, said, { now, extensions, mark: false });
    const body = new TextEncoder().encode(text);
    if (body.length > maxMessageBytes) throw tooLarge(body.length, maxMessageBytes);
    return body;
  }

  async #read(response: Response): Promise<Uint8Array> {
    try {
      return await readBody(response, this.#settings.maxMessageBytes);
    } catch (error) {
      if (!(error instanceof TransportError) || error.code !== "message-too-large") throw error;
      // The handler has run: the call must not look like one that may be sent again.
      throw new TransportError(error.code, error.message, { processed: "yes", details: error.details, cause: error });
    }
  }
}

function unsupported(why: string): TransportError {
  return new TransportError("unsupported", `Cannot send a stream: ${why}`);
}

function resultOf(value: unknown, id: number): unknown {
  const reply = value instanceof Fault || typeof value !== "object" || value === null ? {} : value as Envelope;
  if (reply.error !== undefined && reply.error !== null) throw errorOf(reply.error);
  if (reply.jsonrpc === "2.0" && reply.id === id && reply.result !== undefined) return reply.result;
  throw new TransportError("invalid-reply", "Reply refused: the answer is no JSON-RPC response to the call", {
    remote: true,
  });
}

/** The error that an answer stands for which is not 200. Its body may be an error object all the same. */
function refused(status: number, bytes: Uint8Array): TransportError {
  const text = new TextDecoder().decode(bytes.subarray(0, 100_000));
  const value = parse(text, 100);
  const { error }: Envelope = value instanceof Fault || typeof value !== "object" || value === null ? {} : value;
  if (error !== undefined && error !== null) return errorOf(error);
  const why = `Call failed: the server answered ${status}: ${text.slice(0, 200).trim()}`;
  return new TransportError(lostStatuses.includes(status) ? "connection-lost" : "invalid-reply", why, {
    processed: "maybe",
    details: { status },
    remote: true,
  });
}
