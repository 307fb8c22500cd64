/**
 * One call over own sockets: from its request, over its redirects, to the end
 * of its response's body.
 *
 * @module
 */

import type { CancelListener } from "../../core/cancellation.ts";
import type { CallContext } from "../../core/context.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import { notSent } from "../../core/not_sent.ts";
import { textOf } from "../../core/thrown.ts";
import { withProcessed } from "../../core/with_processed.ts";
import type { Placed } from "../../util/placed_list.ts";
import type { ResponseHead } from "../../framing/http1/http1_head.ts";
import type { StreamedBody } from "./http_body.ts";
import type { CallLine, Carried, Exchange } from "./http_exchange.ts";
import type { HttpSettings } from "./http_options.ts";
import { isRedirect, redirected, type RedirectedRequest, redirectOf, refused } from "./http_redirect.ts";
import type { OutgoingRequest } from "./http_request.ts";
import { responseOf } from "./http_response.ts";
import { reasonOf } from "./http_session.ts";
import { peekBody, Upload } from "./http_upload.ts";

/** The session that a call is made on. */
export interface CallHome {
  readonly settings: HttpSettings;
  readonly connection: CallLine;
  /** Connects to where a redirect leads. */
  dial(origin: string, signal: AbortSignal): Promise<CallLine>;
  /** The call is over, with the body of its response. */
  callOver(call: HttpCall): void;
}

/** See the module. */
export class HttpCall implements Exchange, CancelListener, DeadlineEntry, Placed {
  method: string;
  dueAt: number;
  position = -1;
  place = -1;
  readonly holds = true;
  readonly #home: CallHome;
  readonly #context: CallContext;
  readonly #signal: AbortSignal | undefined;
  readonly #redirectMode: RequestRedirect;
  #request: OutgoingRequest;
  #connection: CallLine;
  #carried: Carried | undefined = undefined;
  /** The body, where it can be sent again. */
  #body: Uint8Array | undefined = undefined;
  #streamed = false;
  /** The body of the response, where that is not whole. */
  #response: StreamedBody | undefined = undefined;
  #redirects = 0;
  #next: RedirectedRequest | undefined = undefined;
  /** On the connection now. */
  #begun = false;
  /** Something of it has been on a connection. */
  #sent = false;
  #dialling: AbortController | undefined = undefined;
  #over = false;
  // Let go once used: they hold the response, which must not live on because its body has not been read.
  #resolve: ((response: Response) => void) | undefined = undefined;
  #reject: ((error: TransportError) => void) | undefined = undefined;

  /** A call that has been checked, and that goes out when it is started. */
  constructor(
    home: CallHome,
    redirect: RequestRedirect,
    signal: AbortSignal | undefined,
    out: OutgoingRequest,
    context: CallContext,
  ) {
    this.#home = home;
    this.#context = context;
    this.#signal = signal;
    this.#redirectMode = redirect;
    this.#request = out;
    this.method = out.method;
    this.#connection = home.connection;
    this.dueAt = context.deadlineEnforced ? Infinity : context.deadline;
  }

  get closes(): boolean {
    return this.#request.closes;
  }

  /** Sends the request; `body` is its. */
  start(body: ReadableStream<Uint8Array> | Uint8Array | null): Promise<Response> {
    if (this.dueAt !== Infinity) deadlinesOf(this.#home.settings.clock).add(this);
    this.#context.cancellation?.subscribe(this);
    this.#signal?.addEventListener("abort", this.#onAbort);
    const promise = new Promise<Response>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (body === null) {
      this.#send(undefined);
    } else if (body instanceof Uint8Array) {
      this.#send(body);
    } else {
      const { declaredLength, isForm } = this.#request;
      peekBody(body, declaredLength, isForm).then((peeked) => this.#send(peeked), (error) => {
        const why = `Cannot send request: its body failed: ${textOf(error)}`;
        this.#fail(new TransportError("invalid-request", why, { cause: error }));
      });
    }
    return promise;
  }

  // Exchange

  answered(head: ResponseHead, body: Uint8Array | StreamedBody): void {
    const mode = this.#redirectMode;
    const location = mode === "manual" ? undefined : redirectOf(head);
    if (location === undefined && !(mode === "error" && isRedirect(head))) {
      const { method } = this;
      const { decompress } = this.#home.settings;
      const origin = { url: this.#request.url, redirected: this.#redirects > 0, method, decompress };
      const resolve = this.#resolve;
      if (!(body instanceof Uint8Array)) this.#response = body;
      const response = responseOf(head, body, origin);
      this.#resolve = this.#reject = undefined;
      resolve?.(response);
      return;
    }
    try {
      this.#next = this.#redirected(head, location ?? "");
    } catch (error) {
      this.#settle(error as TransportError);
    }
    if (!(body instanceof Uint8Array)) body.discard();
  }

  over(): void {
    this.#begun = false;
    if (this.#next !== undefined && this.#reject !== undefined) this.#follow(this.#next);
    else this.#end();
  }

  failed(error: TransportError): void {
    // The redirect had been answered: only what was left of its body is lost.
    if (this.#next !== undefined) return this.over();
    this.#begun = false;
    this.#fail(this.#redirects > 0 && error.processed === "no" ? withProcessed(error, "maybe") : error);
  }

  // CancelListener

  cancelled(reason: TransportError): void {
    if (this.#over) return;
    const why = this.#sent ? reason : notSent(reason);
    this.#settle(why);
    this.#dialling?.abort(why);
    if (this.#begun) this.#carried?.abort(why);
    this.#end();
  }

  /** Gives up a response whose body nobody has begun to read. */
  cutUnread(reason: TransportError): void {
    if (this.#response?.unread === true) this.cancelled(reason);
  }

  // DeadlineEntry

  expire(): void {
    this.cancelled(new TransportError("deadline-exceeded", "Call ended: its deadline has passed"));
  }

  readonly #onAbort = (): void => this.cancelled(reasonOf(this.#signal!));

  #send(body: Uint8Array | Upload | undefined): void {
    const connection = this.#connection;
    if (this.#over || connection.closed) {
      if (body instanceof Upload) body.stop(new TransportError("cancelled", "Request body stopped: its call is over"));
      if (this.#over) return;
      const why = "Call not sent: its connection was closed before";
      return this.#fail(new TransportError("connection-lost", why, { processed: this.#sent ? "maybe" : "no" }));
    }
    try {
      this.#begin(connection, body);
    } catch (error) {
      this.#begun = false;
      const failure = TransportError.from(error, "invalid-request");
      if (body instanceof Upload) body.stop(failure);
      this.#fail(this.#sent ? withProcessed(failure, "maybe") : failure);
    }
  }

  #begin(connection: CallLine, body: Uint8Array | Upload | undefined): void {
    const request = this.#request;
    const { declaredLength } = request;
    if (body instanceof Upload) {
      this.#streamed = body.streamed;
    } else if (body !== undefined) {
      const { length } = body;
      if (declaredLength !== undefined && declaredLength !== length) {
        const why = `its body has ${length} bytes, its content-length says ${declaredLength}`;
        throw new TransportError("invalid-request", `Cannot send request: ${why}`);
      }
      this.#body = body;
    }
    this.#carried = connection.begin(this, request, body);
    this.#begun = this.#sent = true;
  }

  #redirected(head: ResponseHead, location: string): RedirectedRequest {
    if (this.#redirectMode === "error") throw refused(this.#request, "the request wants none");
    const next = redirected(this.#request, head, location, ++this.#redirects);
    // The standard has it so for 301 and 302, too, which mostly want no body.
    if (this.#streamed && head.status !== 303) {
      throw refused(this.#request, `the body that status ${head.status} may ask for again was a stream`);
    }
    return next;
  }

  /** Goes where the redirect leads: on the same connection if that is there, else on one of its own. */
  #follow({ request, keepsBody }: RedirectedRequest): void {
    const { origin } = this.#request;
    this.#next = undefined;
    this.#request = request;
    this.method = request.method;
    if (!keepsBody) {
      this.#body = undefined;
      this.#streamed = false;
    }
    const home = this.#home;
    if (request.origin === origin && !this.#connection.closed) return this.#send(this.#body);
    this.#leave();
    const dialling = this.#dialling = new AbortController();
    home.dial(request.origin, dialling.signal).then((connection) => {
      this.#dialling = undefined;
      if (this.#over) return connection.abort(new TransportError("cancelled", "Connection closed: its call is over"));
      this.#connection = connection;
      this.#send(this.#body);
    }, (error) => {
      this.#dialling = undefined;
      this.#fail(withProcessed(TransportError.from(error, "connect-failed"), "maybe"));
    });
  }

  /** Closes a connection that was made for a redirect. */
  #leave(): void {
    if (this.#connection !== this.#home.connection) {
      this.#connection.abort(new TransportError("cancelled", "Connection closed: its call is over"));
    }
  }

  #fail(error: TransportError): void {
    this.#settle(error);
    this.#end();
  }

  #settle(error: TransportError): void {
    const reject = this.#reject;
    this.#resolve = this.#reject = undefined;
    reject?.(error);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.position >= 0) deadlinesOf(this.#home.settings.clock).remove(this);
    this.#context.cancellation?.unsubscribe(this);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#leave();
    this.#home.callOver(this);
  }
}
