/**
 * One HTTP/1.1 connection of the calling end: requests out, responses in, one
 * after the other.
 *
 * @module
 */

import { type Address, formatAddress } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { notify } from "../../core/observer.ts";
import { responseBody } from "../../framing/http1/http1_body.ts";
import { responsePersists } from "../../framing/http1/http1_connection.ts";
import type { ResponseHead } from "../../framing/http1/http1_head.ts";
import type { Http1Limits } from "../../framing/http1/http1_limits.ts";
import { ReceiveBuffer } from "../../framing/receive_buffer.ts";
import { BodyReader, type ReadingConnection, takeWholeBody } from "./http_body_reader.ts";
import {
  announcedIdleMs,
  brokenOff,
  drainTimeoutMs,
  endedEarly,
  type Exchange,
  lateness,
  protocol,
} from "./http_exchange.ts";
import { FinalHeads } from "./http_heads.ts";
import { ProcessHold } from "./http_hold.ts";
import type { HttpSettings } from "./http_options.ts";
import { RequestWriter, type WritingConnection } from "./http_request_writer.ts";
import type { Upload } from "./http_upload.ts";
import { HttpWatch, type WatchedConnection } from "./http_watch.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { closeQuietly, type DialledStream } from "../tcp/tcp_dial.ts";

const nothing = new Uint8Array(0);

/** See the module. */
export class HttpConnection implements ReadingConnection, WritingConnection, WatchedConnection {
  /** The connection is closed. */
  closed = false;
  /** Called when the connection ends; with the error where that was not in order. */
  onClosed: ((error: TransportError | undefined) => void) | undefined = undefined;
  readonly #dialled: DialledStream;
  readonly #stream: ByteStream;
  readonly #secure: boolean;
  readonly #settings: HttpSettings;
  readonly #limits: Http1Limits;
  readonly #watch: HttpWatch;
  readonly #writer: RequestWriter;
  readonly #received = new ReceiveBuffer();
  readonly #heads: FinalHeads;
  readonly #hold: ProcessHold;
  #exchange: Exchange | undefined = undefined;
  #reading = false;
  #awaitsHead = false;
  /** The connection serves on behind the response. */
  #persists = false;
  #reader: BodyReader | undefined = undefined;
  /** The memory that pieces of a body were handed out of: it is not written again. */
  #lent: Uint8Array | undefined = undefined;
  /** How long the server lets the connection idle, in milliseconds. */
  #keepAliveMs = Infinity;
  readonly #onRead = (count: number | null): void => this.#read(count);
  readonly #onContinue = (): void => this.proceed();
  readonly #onReadFailed = (error: unknown): void => this.#lost(error);

  /** Takes over a stream that has just been opened. */
  constructor(dialled: DialledStream, secure: boolean, settings: HttpSettings, limits: Http1Limits) {
    this.#dialled = dialled;
    this.#stream = dialled.stream;
    this.#secure = secure;
    this.#settings = settings;
    this.#limits = limits;
    this.#watch = new HttpWatch(settings.clock, this);
    this.#writer = new RequestWriter(dialled.stream, this, settings.counts);
    this.#heads = new FinalHeads(limits);
    this.#hold = new ProcessHold(dialled.stream);
    const { local, remote } = dialled;
    const { observer } = settings;
    if (observer !== undefined) notify(observer, { type: "connection-opened", side: "client", local, remote });
    this.#idle();
  }

  /** This end. */
  get local(): Address {
    return this.#dialled.local;
  }

  get #where(): string {
    return formatAddress(this.#dialled.remote);
  }

  /** Sends a request: its head, with a body that fits behind it or else one that follows. */
  begin(exchange: Exchange, bytes: Uint8Array, upload?: Upload, awaitsContinue = false): void {
    this.#exchange = exchange;
    this.#awaitsHead = true;
    this.#hold.take();
    const { headTimeoutMs, continueTimeoutMs } = this.#settings;
    this.#watch.begin(headTimeoutMs, awaitsContinue ? continueTimeoutMs : Infinity);
    this.#writer.begin(bytes, upload, awaitsContinue);
  }

  /** Ends at once. `error` is what the exchange under way fails with; the connection itself has done nothing wrong. */
  abort(error: TransportError): void {
    this.#end(error, undefined);
  }

  // WritingConnection

  written(): void {
    this.#finishIfOver();
  }

  uploading(): void {
    if (this.#awaitsHead) this.#watch.limit(this.#settings.headTimeoutMs);
  }

  writeFailed(error: unknown): void {
    this.#persists = false;
    this.#watch.endContinue();
    // What TLS holds back, it may have sent before it failed.
    if (!this.#writer.took && !this.#secure) return this.#lost(error);
    // A peer that refuses a body may have said why before it closed.
    if (!this.#awaitsHead) this.#finishIfOver();
  }

  uploadFailed(error: TransportError): void {
    this.#end(error, undefined);
  }

  // ReadingConnection

  bodyWanted(): void {
    this.#watch.limit(this.#settings.bodyTimeoutMs);
  }

  bodyGivenUp(): void {
    this.#watch.limit(drainTimeoutMs);
  }

  readMore(): void {
    if (this.#reading || this.closed) return;
    this.#reading = true;
    const needed = this.#reader?.needed ?? this.#heads.needed;
    this.#stream.read(this.#received.space(needed)).then(this.#onRead, this.#onReadFailed);
  }

  bodyOver(): void {
    this.#lent = this.#reader?.lent ?? this.#lent;
    this.#reader = undefined;
    this.#finishIfOver();
  }

  bodyLeft(): void {
    this.#end(new TransportError("cancelled", "Connection closed: the rest of a response was given up"), undefined);
  }

  broken(thrown: unknown): void {
    const error = TransportError.from(thrown, "protocol");
    this.#end(error, error);
  }

  // WatchedConnection

  proceed(): void {
    if (!this.#watch.awaitsContinue) return;
    this.#watch.endContinue();
    this.#writer.proceed();
  }

  lingered(): void {
    // Nothing is under way: it does not keep the process alive.
    if (this.#exchange === undefined) this.#hold.give();
  }

  late(): void {
    if (this.#exchange === undefined) return this.#end(undefined, undefined);
    const reader = this.#reader;
    const rest = reader === undefined || reader.draining;
    const phase = this.#awaitsHead ? "head" : rest ? "rest" : reader.body.wanted ? "body" : "unread body";
    const error = lateness(phase, this.#where, this.#settings);
    this.#end(error, reader?.draining === true ? undefined : error);
  }

  #read(count: number | null): void {
    this.#reading = false;
    if (this.closed) return;
    if (count === null) return this.#ended();
    this.#received.filled(count);
    this.#settings.counts.bytesIn += count;
    if (this.#exchange !== undefined && this.#awaitsHead) return this.#readHead();
    const reader = this.#reader;
    // Nothing that follows what nobody asked for can be told apart.
    if (reader === undefined) {
      return this.broken(protocol(`Connection closed: ${this.#where} sent what nobody asked for`));
    }
    if (!reader.draining) this.#watch.limit(this.#settings.bodyTimeoutMs);
    reader.pump();
  }

  #readHead(): void {
    try {
      const head = this.#heads.next(this.#received, this.#onContinue);
      if (head === undefined) return this.readMore();
      this.#respond(head);
    } catch (error) {
      return this.broken(error);
    }
    this.#finishIfOver();
  }

  #respond(head: ResponseHead): void {
    const exchange = this.#exchange!;
    const received = this.#received;
    const framing = responseBody(head, exchange.method);
    this.#awaitsHead = false;
    this.#keepAliveMs = announcedIdleMs(head);
    // Where an early answer does not mean success, or came instead of the word to send it, the body is not sent.
    if (this.#writer.uploads && (head.status >= 300 || this.#watch.awaitsContinue)) {
      this.#watch.endContinue();
      this.#writer.stopUpload("the server has answered already");
    }
    const persists = responsePersists(head, exchange.method);
    this.#persists = persists && !exchange.closes && this.#writer.error === undefined;
    const { start } = received;
    if (typeof framing === "number" && framing <= received.end - start) {
      received.start = start + framing;
      return exchange.answered(head, framing === 0 ? nothing : received.bytes.subarray(start, start + framing));
    }
    const whole = framing === "chunked" ? takeWholeBody(received, this.#limits) : undefined;
    if (whole !== undefined) return exchange.answered(head, whole);
    const length = this.#persists && typeof framing === "number" ? framing : Infinity;
    const { bodyTimeoutMs, maxDrainBytes } = this.#settings;
    this.#reader = new BodyReader(this, received, framing, length, this.#limits, maxDrainBytes);
    this.#watch.limit(bodyTimeoutMs);
    exchange.answered(head, this.#reader.body);
  }

  /** The exchange is over once the response is; what is still to go out of the request is stopped. */
  #finishIfOver(): void {
    const exchange = this.#exchange;
    if (exchange === undefined || this.#awaitsHead || this.#reader !== undefined) return;
    const writer = this.#writer;
    writer.endUpload();
    if (writer.stopped) this.#persists = false;
    // The system has most likely taken it all, and only not said so yet.
    if (writer.writing && this.#persists) return this.#watch.limit(drainTimeoutMs);
    this.#exchange = undefined;
    if (!this.#persists || this.#received.end > this.#received.start) this.#end(undefined, undefined);
    else this.#idle();
    exchange.over();
  }

  /** Waits for the next request, and for the server's end. */
  #idle(): void {
    const received = this.#received;
    // All of it has been handled, and nobody looks at it any more.
    if (received.bytes !== this.#lent && !this.#reading) received.start = received.end = 0;
    const idleMs = Math.max(0, this.#keepAliveMs - this.#settings.idleMarginMs);
    this.#watch.rest(idleMs);
    this.readMore();
  }

  /** The peer sends no more. */
  #ended(): void {
    if (this.#exchange === undefined) return this.#end(undefined, undefined);
    if (!this.#awaitsHead) return this.#reader?.end();
    const middle = this.#received.end > this.#received.start;
    const error = endedEarly(this.#where, middle, this.#writer.error);
    this.#end(error, middle ? error : undefined);
  }

  #lost(cause: unknown): void {
    if (this.closed) return;
    if (this.#exchange === undefined) return this.#end(undefined, undefined);
    const error = brokenOff(this.#where, this.#writer.took || this.#writer.writing || this.#secure, cause);
    this.#end(error, error);
  }

  /** The end. `failure` is what the exchange fails with, `error` what the connection ended with. */
  #end(failure: TransportError | undefined, error: TransportError | undefined): void {
    if (this.closed) return;
    this.closed = true;
    closeQuietly(this.#stream);
    this.#watch.stop();
    const exchange = this.#exchange;
    const reader = this.#reader;
    this.#exchange = this.#reader = undefined;
    reader?.stop();
    this.#writer.stop();
    const { observer } = this.#settings;
    if (observer !== undefined) {
      notify(observer, { type: "connection-closed", side: "client", remote: this.#dialled.remote, error });
    }
    this.onClosed?.(error);
    if (failure === undefined) return;
    reader?.body.fail(failure);
    exchange?.failed(failure);
  }
}
