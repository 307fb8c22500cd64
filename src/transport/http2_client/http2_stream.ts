/**
 * One stream of an HTTP/2 connection of the calling end: a request, and the
 * response to it.
 *
 * @module
 */

import type { TransportError } from "../../core/errors.ts";
import type { ResponseHead } from "../../framing/http1/http1_head.ts";
import type { HttpFields } from "../../framing/http1/http1_fields.ts";
import { errorCode } from "../../framing/http2/http2_codes.ts";
import { http2CodeOf, http2Error } from "../../framing/http2/http2_errors.ts";
import type { Http2ResponseHead } from "../../framing/http2/http2_fields.ts";
import { type Carried, type Exchange, lateness, maxInterims } from "../http/http_exchange.ts";
import type { Upload } from "../http/http_upload.ts";
import { Http2Body, type ReceivingStream } from "./http2_body.ts";
import { type StreamHome, streamWindowBytes } from "./http2_home.ts";
import { resetError } from "./http2_resets.ts";
import { Http2Upload, type UploadingStream } from "./http2_upload.ts";
import type { TimedStream } from "./http2_watch.ts";

const nothing = new Uint8Array(0);

/** See the module. */
export class Http2Stream implements Carried, ReceivingStream, UploadingStream, TimedStream {
  limitAt = Infinity;
  /** Its number. */
  readonly id: number;
  /** How many bytes had been given to the connection before it. */
  readonly givenBefore: number;
  /** Neither end sends on it any more. */
  closed = false;
  readonly #home: StreamHome;
  readonly #exchange: Exchange;
  #upload: Http2Upload | undefined = undefined;
  #awaitsContinue = false;
  #head: Http2ResponseHead | undefined = undefined;
  #answered = false;
  #interims = 0;
  #body: Http2Body | undefined = undefined;
  #bodyBytes = 0;
  /** How much the peer may still send, and what was read of it since it was told so, in bytes. */
  #windowBytes = streamWindowBytes;
  #readBytes = 0;
  /** The peer has ended its side. */
  #ended = false;
  #over = false;

  /** A stream that has just been opened. */
  constructor(home: StreamHome, id: number, exchange: Exchange, givenBefore: number) {
    this.#home = home;
    this.id = id;
    this.#exchange = exchange;
    this.givenBefore = givenBefore;
  }

  /** Whether its response has come and is to be handed out at the end of what was read. */
  get unanswered(): boolean {
    return this.#head !== undefined && !this.#answered && !this.#over;
  }

  /** Its request has a body. `waits` says that the server is to ask for it. */
  send(body: Uint8Array | Upload, windowBytes: number, waits: boolean): void {
    const { outbox, settings } = this.#home;
    this.#upload = new Http2Upload(this.id, body, windowBytes, outbox, this);
    this.#awaitsContinue = waits;
    if (waits) this.#home.limit(this, Math.min(settings.continueTimeoutMs, settings.headTimeoutMs));
    else this.#upload.begin();
  }

  /** The peer has more room on it, or less. Throws `protocol`. */
  widen(increment: number): void {
    this.#upload?.widen(increment);
  }

  /** A header block has come: a head, or behind a head trailers. */
  headers(read: Http2ResponseHead | HttpFields | string, endStream: boolean): void {
    if (typeof read === "string") return this.broken(read);
    if (this.#head !== undefined) return endStream ? this.#end() : this.broken("trailers that are not the end");
    const head = read as Http2ResponseHead;
    if (head.status >= 200) {
      this.#head = head;
      this.#awaitsContinue = false;
      if (endStream) this.#end();
      return;
    }
    if (endStream) return this.broken("an interim response that is the end");
    if (++this.#interims > maxInterims) return this.broken(`more than ${maxInterims} interim responses`);
    if (head.status === 100) this.#proceed();
  }

  /** Whether trailers are what comes next. */
  get wantsTrailers(): boolean {
    return this.#head !== undefined;
  }

  /** Data has come. `flowBytes` is what it takes of the window. */
  data(bytes: Uint8Array, start: number, end: number, flowBytes: number, endStream: boolean): void {
    const head = this.#head;
    if (head === undefined) return this.broken("data before a response");
    this.#windowBytes -= flowBytes;
    if (this.#windowBytes < 0) return this.broken("more data than the window allows", errorCode.flowControlError);
    this.#bodyBytes += end - start;
    const { contentLength } = head;
    if (contentLength !== undefined && this.#bodyBytes > contentLength && !this.#bodiless) {
      return this.broken(`more than the ${contentLength} bytes of its content-length`);
    }
    if (endStream && !this.#answered && this.#body === undefined) {
      return this.#end(bytes.subarray(start, end));
    }
    const body = this.#body ??= new Http2Body(this);
    if (this.#answered) this.#home.limit(this, this.#home.settings.bodyTimeoutMs);
    const padding = flowBytes - (end - start);
    if (padding > 0) this.bodyRead(padding);
    body.add(bytes, start, end);
    if (endStream && !this.#over) this.#end();
  }

  /** Hands out a response whose body has not come with it. */
  answer(): void {
    if (!this.unanswered) return;
    const { settings } = this.#home;
    this.#answered = true;
    const body = this.#body ??= new Http2Body(this);
    this.#home.limit(this, settings.bodyTimeoutMs);
    this.#exchange.answered(this.#responseHead(), body.body);
  }

  /** The peer has reset it. */
  wasReset(code: number): void {
    this.lost(resetError(this.#home.where, code, this.#head !== undefined));
  }

  /** Its connection is lost, or the peer takes it no more. What came whole stays. */
  lost(error: TransportError): void {
    if (this.#over || this.#ended) return;
    this.#over = true;
    this.#close();
    this.#fail(error);
  }

  /** What came breaks the rules: this stream ends, and the connection goes on. */
  broken(why: string, code: number = errorCode.protocolError): void {
    this.abort(http2Error(code, `${why} on stream ${this.id}`));
  }

  // Carried

  abort(error: TransportError): void {
    if (this.#over) return;
    this.#over = true;
    this.#reset(error.code === "protocol" ? http2CodeOf(error) : errorCode.cancel);
    this.#fail(error);
  }

  // ReceivingStream

  bodyWanted(): void {
    this.#home.limit(this, this.#home.settings.bodyTimeoutMs);
  }

  bodyRead(byteLength: number): void {
    if (this.#ended || this.#over) return;
    this.#readBytes += byteLength;
    if (this.#readBytes * 2 < streamWindowBytes) return;
    this.#windowBytes += this.#readBytes;
    this.#home.update(this, this.#readBytes);
    this.#readBytes = 0;
  }

  bodyOver(): void {
    this.#finish();
  }

  bodyAbandoned(): void {
    if (this.#over) return;
    this.#over = true;
    this.#reset(errorCode.cancel);
    this.#upload?.stop("nobody wants its response");
    this.#home.over(this);
    this.#exchange.over();
  }

  // UploadingStream

  uploading(): void {
    if (this.#head === undefined) this.#home.limit(this, this.#home.settings.headTimeoutMs);
  }

  uploaded(): void {
    this.#upload = undefined;
  }

  uploadFailed(error: TransportError): void {
    this.#upload = undefined;
    this.abort(error);
  }

  // TimedStream

  late(): void {
    const { settings, where } = this.#home;
    if (this.#awaitsContinue) {
      this.#home.limit(this, settings.headTimeoutMs);
      return this.#proceed();
    }
    const unread = this.#body?.body.wanted === false;
    const phase = !this.#answered ? "head" : unread ? "unread body" : "body";
    const error = lateness(phase, where, settings);
    this.abort(error);
    if (!unread) this.#home.silent(phase === "head" ? settings.headTimeoutMs : settings.bodyTimeoutMs, error);
  }

  get #bodiless(): boolean {
    return this.#exchange.method === "HEAD" || this.#head!.status === 204 || this.#head!.status === 304;
  }

  #responseHead(): ResponseHead {
    const { status, fields, contentLength } = this.#head!;
    return { status, reason: "", minor: 1, fields, declaredBody: contentLength };
  }

  #proceed(): void {
    if (!this.#awaitsContinue) return;
    this.#awaitsContinue = false;
    this.#upload?.begin();
  }

  /** The peer has ended its side; `rest` is its body where that came at once. */
  #end(rest: Uint8Array | undefined = undefined): void {
    const { contentLength } = this.#head!;
    if (contentLength !== undefined && this.#bodyBytes !== contentLength && !this.#bodiless) {
      return this.broken(`${this.#bodyBytes} bytes of data, where its content-length says ${contentLength}`);
    }
    this.#ended = true;
    const unfinished = this.#upload !== undefined;
    if (unfinished) {
      this.#reset(errorCode.cancel);
      this.#upload?.stop("the server has answered");
    } else {
      this.#close();
    }
    const body = this.#body;
    if (this.#answered) return body!.end();
    this.#answered = true;
    this.#exchange.answered(this.#responseHead(), rest ?? body?.takeWhole() ?? nothing);
    this.#finish();
  }

  #reset(code: number): void {
    if (this.closed) return;
    this.#home.reset(this, code);
    this.#close();
  }

  /** May end the connection, where it was the last stream of one that takes no more: what becomes of this one is settled before. */
  #close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#home.streamClosed();
  }

  #fail(error: TransportError): void {
    this.#upload?.stop(error.message);
    this.#home.over(this);
    this.#body?.fail(error);
    this.#exchange.failed(error);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#home.over(this);
    this.#exchange.over();
  }
}
