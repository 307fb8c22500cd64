/**
 * Calls over HTTP through the platform's `fetch`.
 *
 * @module
 */

import type { CancelListener } from "../../core/cancellation.ts";
import type { Address } from "../../core/channel.ts";
import { responseAround } from "../../core/completion.ts";
import { background, type CallContext } from "../../core/context.ts";
import { type DeadlineEntry, type DeadlineQueue, deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import { noMetadata } from "../../core/metadata.ts";
import { textOf } from "../../core/thrown.ts";
import type { CloseOptions, Session, SessionState } from "../../core/session.ts";
import { fetchError } from "./http_errors.ts";
import { setMetadata } from "./http_metadata.ts";
import type { HttpSettings } from "./http_options.ts";
import { abortedBefore, addressOf, overWithin, reasonOf, refusalOf } from "./http_session.ts";

/** Codings that `fetch` decodes on every platform. */
const decodedByFetch = new Set(["gzip", "br"]);

/** Methods that may be sent twice without harm (RFC 9110, section 9.2.2). */
const idempotent = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]);

/** One client of the platform, with connections that it keeps itself. */
export class HttpSession implements Session<Request, Response> {
  readonly local: Address = { transport: "http" };
  readonly remote: Address;
  readonly finished: Promise<TransportError | undefined>;
  onChange: (() => void) | undefined = undefined;
  state: SessionState = "open";
  load = 0;
  readonly #origin: string;
  readonly #settings: HttpSettings;
  /** Undefined where the platform has a `fetch` and no clients: in browsers and their like. */
  readonly #client: Deno.HttpClient | undefined;
  readonly #calls = new Set<FetchCall>();
  readonly #finished = Promise.withResolvers<TransportError | undefined>();

  constructor(origin: string, settings: HttpSettings) {
    this.#origin = origin;
    this.#settings = settings;
    this.remote = addressOf(origin);
    this.finished = this.#finished.promise;
    this.#client = clientOf(settings);
  }

  get capacity(): number {
    return this.#settings.maxInFlight;
  }

  call(request: Request, context: CallContext = background): Promise<Response> {
    const refusal = refusalOf(request, context, this.#origin, this, this.#settings.clock) ??
      abortedBefore(request.signal);
    if (refusal !== undefined) return Promise.reject(refusal);
    this.load++;
    this.#settings.counts.calls++;
    const call = new FetchCall(context, deadlinesOf(this.#settings.clock), () => this.#ended(call));
    this.#calls.add(call);
    return this.#fetch(request, context, call);
  }

  send(): never {
    throw new TransportError("unsupported", "Cannot send one way: every HTTP request has a response");
  }

  ping(): Promise<number> {
    return Promise.reject(new TransportError("unsupported", "Cannot ping: HTTP has no such thing"));
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#setState("draining");
    this.#closeIfDone();
    if (this.load === 0) return this.finished.then(() => {});
    return overWithin(this, this.#settings.clock, options);
  }

  abort(reason: TransportError): void {
    this.#setState("draining");
    for (const call of [...this.#calls]) call.cancelled(reason);
    this.#end(reason);
  }

  cutUnread(reason: TransportError): void {
    for (const call of [...this.#calls]) if (call.unread) call.cancelled(reason);
  }

  /** The request with metadata on it, and with a body that `fetch` can't send a second time. */
  #prepared(request: Request, context: CallContext): Request {
    const { metadata } = context;
    if (metadata !== noMetadata) {
      const headers = new Headers(request.headers);
      setMetadata(headers, metadata);
      request = new Request(request, { headers });
    }
    if (this.#settings.resend || idempotent.has(request.method)) return request;
    // Browsers send no streams over HTTP/1.1, and some none at all.
    if (this.#client === undefined) return request;
    const body = request.body ?? new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
    const init: RequestInit & { duplex: "half" } = { body: body.pipeThrough(new TransformStream()), duplex: "half" };
    return new Request(request, init);
  }

  async #fetch(request: Request, context: CallContext, call: FetchCall): Promise<Response> {
    let prepared: Request;
    try {
      prepared = this.#prepared(request, context);
    } catch (error) {
      call.end();
      throw new TransportError("invalid-request", `Cannot send request: ${textOf(error)}`, { cause: error });
    }
    try {
      const signal = AbortSignal.any([request.signal, call.signal]);
      const response = await fetch(prepared, { client: this.#client, signal });
      if (response.body === null) {
        call.end();
        return response;
      }
      return watched(response, call, request.signal);
    } catch (error) {
      call.end();
      if (call.reason !== undefined) throw call.reason;
      if (request.signal.aborted) throw reasonOf(request.signal);
      throw fetchError(this.#origin, error);
    }
  }

  #ended(call: FetchCall): void {
    if (!this.#calls.delete(call)) return;
    this.load--;
    this.onChange?.();
    if (this.state !== "open") this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.load === 0) this.#end(undefined);
  }

  #end(error: TransportError | undefined): void {
    if (this.state === "closed") return;
    this.#setState("closed");
    this.#client?.close();
    deadlinesOf(this.#settings.clock).trim();
    this.#finished.resolve(error);
  }

  #setState(state: SessionState): void {
    if (this.state === state || this.state === "closed") return;
    this.state = state;
    this.onChange?.();
  }
}

/** The platform's client; none where there are none, and nothing is asked for that needs one. */
function clientOf({ protocol, tls }: HttpSettings): Deno.HttpClient | undefined {
  if (typeof Deno === "object" && typeof Deno.createHttpClient === "function") {
    return Deno.createHttpClient({ caCerts: tls?.caCerts, http1: protocol !== "h2", http2: protocol !== "h1" });
  }
  if (protocol === "auto" && tls?.caCerts === undefined) return undefined;
  const why = "Cannot connect: this platform's fetch chooses the protocol and its certificates itself";
  throw new TransportError("unsupported", why, { processed: "no" });
}

/** One call, from its sending to the end of its body: what can abort it, and what is to be let go at its end. */
class FetchCall implements CancelListener, DeadlineEntry {
  reason: TransportError | undefined = undefined;
  /** Whether its response has a body of which nobody has asked for a piece. */
  unread = false;
  /** Ends the body, once there is one: nobody may be reading it. */
  onCancelled: ((reason: TransportError) => void) | undefined = undefined;
  dueAt: number;
  position = -1;
  readonly holds = true;
  readonly #context: CallContext;
  readonly #deadlines: DeadlineQueue;
  readonly #controller = new AbortController();
  readonly #onEnd: () => void;

  constructor(context: CallContext, deadlines: DeadlineQueue, onEnd: () => void) {
    this.#context = context;
    this.#deadlines = deadlines;
    this.#onEnd = onEnd;
    this.dueAt = context.deadlineEnforced ? Infinity : context.deadline;
    deadlines.add(this);
    context.cancellation?.subscribe(this);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  cancelled(reason: TransportError): void {
    this.reason ??= reason;
    this.#controller.abort(reason);
    this.onCancelled?.(reason);
  }

  expire(): void {
    this.cancelled(
      new TransportError("deadline-exceeded", "Call ended: its deadline has passed", { processed: "maybe" }),
    );
  }

  end(): void {
    this.#deadlines.remove(this);
    this.#context.cancellation?.unsubscribe(this);
    this.#onEnd();
  }
}

/** The response, with its call ending when its body does: read, cancelled or failed. */
function watched(response: Response, call: FetchCall, signal: AbortSignal): Response {
  const reader = response.body!.getReader();
  const body = new ReadableStream<Uint8Array>({
    start(controller): void {
      call.unread = true;
      call.onCancelled = (reason) => {
        controller.error(reason);
        call.end();
      };
    },
    async pull(controller): Promise<void> {
      call.unread = false;
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        call.end();
        controller.close();
      } catch (error) {
        call.end();
        const reason = call.reason ?? (signal.aborted ? reasonOf(signal) : undefined);
        controller.error(reason ?? TransportError.from(error, "connection-lost", { processed: "yes" }));
      }
    },
    async cancel(reason): Promise<void> {
      call.end();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  const outer = responseAround(response, body);
  // As on own sockets: what is decoded says nothing of how it came. The platform leaves that in place.
  if (decodedByFetch.has(outer.headers.get("content-encoding")?.toLowerCase() ?? "")) {
    outer.headers.delete("content-encoding");
    outer.headers.delete("content-length");
  }
  return outer;
}
