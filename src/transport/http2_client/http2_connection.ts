/**
 * One HTTP/2 connection of the calling end: many requests out, and their
 * responses in, at once (RFC 9113).
 *
 * @module
 */

import { type Address, formatAddress } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { notify } from "../../core/observer.ts";
import { errorCode, errorName } from "../../framing/http2/http2_codes.ts";
import { http2CodeOf } from "../../framing/http2/http2_errors.ts";
import { goawayFrame, rstStreamFrame, windowUpdateFrame } from "../../framing/http2/http2_frame_writer.ts";
import { ReceiveBuffer } from "../../framing/receive_buffer.ts";
import {
  brokenOff,
  type CallLine,
  type Carried,
  drainTimeoutMs,
  endedEarly,
  type Exchange,
} from "../http/http_exchange.ts";
import { ProcessHold } from "../http/http_hold.ts";
import type { HttpSettings } from "../http/http_options.ts";
import type { OutgoingRequest } from "../http/http_request.ts";
import { Upload } from "../http/http_upload.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { closeQuietly, type DialledStream } from "../tcp/tcp_dial.ts";
import { type FrameHome, Http2Frames, openingFrames } from "./http2_frames.ts";
import { answerTimeoutMs, Http2Liveness } from "./http2_liveness.ts";
import { Http2Outbox } from "./http2_outbox.ts";
import { Http2Pings } from "./http2_pings.ts";
import { Http2Requests } from "./http2_request.ts";
import { notTaken, takesNoMore, tooMany } from "./http2_resets.ts";
import type { StreamHome } from "./http2_home.ts";
import { Http2Stream } from "./http2_stream.ts";
import { Http2Watch, type TimedConnection } from "./http2_watch.ts";

/** The highest number that a stream can have. */
const lastStreamId = 0x7fff_ffff;

/** Carries requests out and responses in. */
export class Http2Connection implements CallLine, StreamHome, FrameHome, TimedConnection {
  /** The connection is closed, or takes no more requests. */
  closed = false;
  /** Called when what it takes has changed: more streams or fewer, or none any more. */
  onChange: (() => void) | undefined = undefined;
  /** Called when the connection ends; with the error where that was not in order. */
  onClosed: ((error: TransportError | undefined) => void) | undefined = undefined;
  /** The server's settings have come; rejects where the connection ends before. */
  readonly ready: Promise<void>;
  readonly settings: HttpSettings;
  readonly local: Address;
  readonly where: string;
  readonly outbox: Http2Outbox;
  readonly requests: Http2Requests;
  readonly pings: Http2Pings;
  /** The connection is over. */
  gone = false;
  /** How many streams are open: what the server's limit is of. */
  open = 0;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #dialled: DialledStream;
  readonly #stream: ByteStream;
  readonly #secure: boolean;
  readonly #watch: Http2Watch;
  readonly #liveness: Http2Liveness;
  readonly #hold: ProcessHold;
  readonly #frames: Http2Frames;
  readonly #received = new ReceiveBuffer();
  readonly #ready = Promise.withResolvers<void>();
  #nextId = 1;
  #writeError: unknown = undefined;
  readonly #onRead = (count: number | null): void => this.#read(count);
  readonly #onReadFailed = (error: unknown): void => this.#lost(error);

  /** Takes over a stream of bytes that has just been opened. */
  constructor(dialled: DialledStream, secure: boolean, settings: HttpSettings) {
    const { clock, observer, maxHeadBytes, counts } = settings;
    const { stream, local, remote } = this.#dialled = dialled;
    this.#stream = stream;
    this.#secure = secure;
    this.settings = settings;
    this.local = local;
    this.where = formatAddress(remote);
    this.outbox = new Http2Outbox(stream, counts, (error) => this.#writeFailed(error));
    this.requests = new Http2Requests(secure);
    this.pings = new Http2Pings(clock, () => this.#watch.rest());
    this.#frames = new Http2Frames(this, maxHeadBytes);
    this.#watch = new Http2Watch(clock, this);
    this.#hold = new ProcessHold(stream);
    this.#liveness = new Http2Liveness(clock);
    this.#received.reuses = true;
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
    this.outbox.frame(openingFrames(maxHeadBytes));
    if (observer !== undefined) notify(observer, { type: "connection-opened", side: "client", local, remote });
    this.#watch.rest();
    this.#readMore();
  }

  /** How many streams the server lets be open at once. */
  get maxStreams(): number {
    return this.#frames.peer.maxConcurrentStreams;
  }

  begin(exchange: Exchange, request: OutgoingRequest, body: Uint8Array | Upload | undefined): Carried {
    if (this.closed) throw takesNoMore(this.where);
    if (this.open >= this.maxStreams) throw tooMany(this.where, this.open, this.maxStreams);
    const none = body instanceof Uint8Array && body.length === 0;
    const length = body === undefined ? undefined : body instanceof Upload ? body.framing : body.length;
    const block = this.requests.encode(request, length);
    const id = this.#nextId;
    this.#nextId += 2;
    this.#hold.take();
    const { outbox } = this;
    const stream = new Http2Stream(this, id, exchange, outbox.givenBytes);
    this.#streams.set(id, stream);
    this.open++;
    outbox.headers(block, id, body === undefined || none);
    this.#watch.limit(stream, this.settings.headTimeoutMs);
    if (body !== undefined && !none) {
      const waits = request.expectsContinue;
      // What may be stopped half-way is sent piece by piece.
      const upload = waits && body instanceof Uint8Array ? new Upload([body], body.length) : body;
      stream.send(upload, this.#frames.peer.initialWindowBytes, waits);
    }
    if (this.#nextId > lastStreamId) this.#drain();
    return stream;
  }

  /** Ends at once. `error` is what all that is under way fails with; the connection itself has done nothing wrong. */
  abort(error: TransportError): void {
    this.#end(error, undefined, errorCode.noError);
  }

  /** Asks for a sign of life. */
  ping(): Promise<number> {
    if (!this.gone) this.#hold.take();
    this.#watch.rest();
    return this.pings.ask((frame) => this.outbox.frame(frame));
  }

  // StreamHome

  limit(stream: Http2Stream, ms: number): void {
    this.#watch.limit(stream, ms);
  }

  reset(stream: Http2Stream, code: number): void {
    if (!this.gone) this.outbox.frame(rstStreamFrame(stream.id, code));
  }

  update(stream: Http2Stream, byteLength: number): void {
    if (!this.gone) this.outbox.frame(windowUpdateFrame(stream.id, byteLength));
  }

  streamClosed(): void {
    this.open--;
    if (this.open > 0 || this.gone) return;
    this.#watch.rest();
    this.#endIfDone();
  }

  over(stream: Http2Stream): void {
    this.#streams.delete(stream.id);
    if (this.gone && this.#streams.size === 0) this.#watch.stop();
  }

  silent(ms: number, error: TransportError): void {
    if (!this.#liveness.waited(ms, error)) return;
    this.ping().catch(() => {});
    this.#watch.endWithin(answerTimeoutMs);
  }

  // FrameHome

  stream(id: number): Http2Stream | undefined {
    return this.#streams.get(id);
  }

  streams(): Iterable<Http2Stream> {
    return this.#streams.values();
  }

  isIdle(id: number): boolean {
    return id >= this.#nextId || (id & 1) === 0;
  }

  settled(): void {
    this.#ready.resolve();
    this.onChange?.();
  }

  goneAway(lastId: number, code: number): void {
    const { observer } = this.settings;
    const reason = errorName(code);
    if (!this.closed && observer !== undefined) {
      notify(observer, { type: "session-draining", remote: this.#dialled.remote, by: "remote", reason });
    }
    this.closed = true;
    for (const stream of [...this.#streams.values()]) if (stream.id > lastId) stream.lost(notTaken(this.where, code));
    this.#drain();
  }

  overdue(): void {
    const error = this.#liveness.doubt;
    if (error === undefined) return this.#lost(this.#writeError);
    this.#end(error, error, errorCode.cancel);
  }

  lingered(): void {
    // Nothing is under way: it does not keep the process alive.
    if (this.open === 0 && !this.pings.waiting) this.#hold.give();
  }

  #readMore(): void {
    this.#stream.read(this.#received.space(this.#frames.needed)).then(this.#onRead, this.#onReadFailed);
  }

  #read(count: number | null): void {
    if (this.gone) return;
    if (count === null) return this.#ended();
    const received = this.#received;
    received.filled(count);
    this.settings.counts.bytesIn += count;
    if (this.#liveness.heard() && this.#writeError === undefined) this.#watch.endWithin(Infinity);
    this.outbox.hold();
    try {
      this.#frames.read(received);
    } catch (thrown) {
      const error = TransportError.from(thrown, "protocol");
      this.#ready.reject(error);
      return this.#end(error, error, http2CodeOf(error));
    }
    this.outbox.release();
    if (received.start === received.end) received.rewind();
    if (!this.gone) this.#readMore();
  }

  #writeFailed(error: unknown): void {
    if (this.gone) return;
    // The peer may have said why before it closed.
    this.#writeError = error;
    this.#drain();
    if (!this.gone) this.#watch.endWithin(drainTimeoutMs);
  }

  /** The peer sends no more. */
  #ended(): void {
    if (this.open === 0) return this.#end(undefined, undefined, errorCode.noError);
    const error = endedEarly(this.where, false, this.#writeError);
    this.#end(error, this.closed && this.#writeError === undefined ? undefined : error, errorCode.noError);
  }

  #lost(cause: unknown): void {
    if (this.gone) return;
    const error = brokenOff(this.where, true, cause);
    this.#end(error, this.open === 0 ? undefined : error, errorCode.noError);
  }

  /** Takes no more requests; ends when those under way are over. */
  #drain(): void {
    this.closed = true;
    this.onChange?.();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.closed && this.open === 0) this.#end(undefined, undefined, errorCode.noError);
  }

  /** The end. `failure` is what the streams fail with, `error` what the connection ended with. */
  #end(failure: TransportError | undefined, error: TransportError | undefined, code: number): void {
    if (this.gone) return;
    this.gone = true;
    this.closed = true;
    // Where no write is under way the system takes it at once, and sends it before the end.
    this.outbox.frame(goawayFrame(0, code));
    this.outbox.release();
    closeQuietly(this.#stream);
    const over = failure ?? new TransportError("connection-lost", `Connection to ${this.where} ended`);
    this.outbox.stop();
    this.pings.fail(over);
    this.#ready.reject(over);
    // What TLS holds back, it may have sent before it failed.
    const unsentFrom = this.#writeError === undefined || this.#secure ? Infinity : this.outbox.takenBytes;
    for (const stream of [...this.#streams.values()]) {
      stream.lost(stream.givenBefore < unsentFrom ? over : brokenOff(this.where, false, this.#writeError));
    }
    if (this.#streams.size === 0) this.#watch.stop();
    const { observer } = this.settings;
    if (observer !== undefined) {
      notify(observer, { type: "connection-closed", side: "client", remote: this.#dialled.remote, error });
    }
    this.onClosed?.(error);
  }
}
