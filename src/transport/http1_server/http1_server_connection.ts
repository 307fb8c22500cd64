/**
 * One connection of the HTTP/1.1 server: requests one after the other, each
 * answered before the next is looked at.
 *
 * @module
 */

import { type Address, type ChannelCounters, formatAddress } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { notify } from "../../core/observer.ts";
import { type RequestHead, RequestHeadDecoder } from "../../framing/http1/http1_head.ts";
import type { Http1Limits } from "../../framing/http1/http1_limits.ts";
import { ReceiveBuffer } from "../../framing/receive_buffer.ts";
import { Http1Exchange, type Http1Line } from "./http1_server_exchange.ts";
import type { Http1ServerSettings } from "./http1_server_options.ts";
import { lateError, refusalBytes } from "./http1_server_refusal.ts";
import { discarded, Takeover, type TakeoverHost, type TakeoverOwner } from "./http1_server_takeover.ts";
import { type Http1Wait, Http1Watch } from "./http1_server_watch.ts";
import type { StreamPlace } from "../stream/byte_stream.ts";
import { closeQuietly } from "../tcp/tcp_dial.ts";

/** What the connections of one server have in common. */
export interface Http1Host {
  readonly settings: Http1ServerSettings;
  /** Whether connections serve no further request. */
  readonly ending: boolean;
  /** Answers a request, by the time its promise has settled. */
  answer(exchange: Http1Exchange): void | Promise<void>;
  /** The connection is over. */
  gone(connection: Http1Connection): void;
}

/** A buffer that has grown beyond this is not kept for the next request. */
const maxKeptBytes = 4096;

/** After the last answer is read on for a while, so that a reset does not take it from the client: so many bytes … */
const maxDrainedBytes = 256 * 1024;

/** … and so many milliseconds at most. */
const lingerMs = 2000;

/** What stands in for the buffer of a connection that was taken over. */
const noBuffer = new ReceiveBuffer();

/** A connection, as one of a listener's. */
export class Http1Connection implements Http1Line, TakeoverHost {
  readonly conn: Deno.Conn;
  readonly remote: Address;
  received: ReceiveBuffer = new ReceiveBuffer();
  over = false;
  readonly #host: Http1Host;
  readonly #place: StreamPlace;
  readonly #watch: Http1Watch;
  #decoder: RequestHeadDecoder | undefined = undefined;
  #exchange: Http1Exchange | undefined = undefined;
  #takeover: Takeover | undefined = undefined;
  #writing: Promise<void> = Promise.resolve();
  /** The client has ended its side: it may still read an answer. */
  #peerEnded = false;
  /** Nothing more is read for its own sake. */
  #finishing = false;
  #failure: TransportError | undefined = undefined;
  #writeEnded: Promise<void> | undefined = undefined;
  #closed = false;

  constructor(conn: Deno.Conn, host: Http1Host, place: StreamPlace, remote: Address) {
    this.conn = conn;
    this.remote = remote;
    this.#host = host;
    this.#place = place;
    this.#watch = new Http1Watch(host.settings.clock, (wait) => this.#expired(wait));
    place.counters.connectionsOpen++;
    const { observer } = host.settings;
    if (observer !== undefined) {
      notify(observer, { type: "connection-opened", side: "server", local: place.local, remote });
    }
  }

  get limits(): Http1Limits {
    return this.#host.settings.limits;
  }

  get writeTimeoutMs(): number {
    return this.#host.settings.writeTimeoutMs;
  }

  get lasting(): boolean {
    return !this.#host.ending;
  }

  get counters(): ChannelCounters {
    return this.#place.counters;
  }

  /** Reads the first request. */
  begin(): void {
    this.#watch.begin("head", this.#host.settings.headTimeoutMs);
    void this.#serve();
  }

  /** Ends as soon as the request that is being served is answered, and at once where there is none. */
  retire(): void {
    const asked = this.#exchange !== undefined || this.received.start < this.received.end;
    if (!asked && !this.#finishing) this.close(undefined);
  }

  /** Ends at once. */
  abort(reason: TransportError): void {
    if (this.#takeover === undefined) this.close(reason);
    else this.#takeover.end(reason);
  }

  // Http1Line

  async fill(needed: number): Promise<boolean> {
    const count = await this.#read(this.received.space(needed));
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#finishing) throw new TransportError("closed", "Cannot read request: it was answered before");
    if (count === null) return !(this.#peerEnded = true);
    this.received.filled(count);
    this.#watch.noteBytes(count);
    return true;
  }

  body(reading: boolean): void {
    const { bodyTimeoutMs, minBodyBytesPerSecond } = this.#host.settings;
    if (reading) this.#watch.beginBody(bodyTimeoutMs, minBodyBytesPerSecond);
    else if (this.#watch.wait === "body") this.#watch.rest();
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#watch.begin("write", this.#host.settings.writeTimeoutMs);
    const writing = this.#writeAll(bytes);
    // Whoever answers need not wait for it; `close()` says what happened.
    writing.catch(() => {});
    return this.#writing = writing;
  }

  takeOver(owner: TakeoverOwner): Takeover {
    this.#watch.rest();
    // What it no longer needs, so that thousands of them cost little.
    this.received = noBuffer;
    this.#decoder = this.#exchange = undefined;
    this.#finishing = true;
    return this.#takeover = new Takeover(this, owner);
  }

  // TakeoverHost

  endWithin(ms: number): void {
    this.#watch.begin("end", ms);
  }

  endWrite(): Promise<void> {
    this.endWithin(lingerMs);
    return this.#writeEnded ??= this.conn.closeWrite();
  }

  close(error: TransportError | undefined): void {
    if (this.#closed) return;
    this.over = this.#closed = true;
    this.#watch.stop();
    closeQuietly(this.conn);
    const { counters } = this.#place;
    counters.connectionsOpen--;
    if (error !== undefined) counters.connectionsFailed++;
    const { observer } = this.#host.settings;
    if (observer !== undefined) {
      notify(observer, { type: "connection-closed", side: "server", remote: this.remote, error });
    }
    this.#host.gone(this);
  }

  async #serve(): Promise<void> {
    try {
      while (await this.#serveOne());
    } catch (error) {
      this.#fail(error);
    }
    if (this.#takeover === undefined) await this.#end();
  }

  /** Serves a request. Whether there may be another. */
  async #serveOne(): Promise<boolean> {
    const head = await this.#head();
    if (head === undefined) return false;
    this.counters.messagesIn++;
    const exchange = this.#exchange = new Http1Exchange(this, head);
    await this.#host.answer(exchange);
    if (exchange.isTaken) return false;
    if (!exchange.isAnswered) {
      throw new TransportError("protocol", "Request was not answered by its handler", { details: { status: 500 } });
    }
    await this.#writing;
    this.counters.messagesOut++;
    this.#exchange = undefined;
    return !this.over && exchange.lasts;
  }

  /** The head of the next request; undefined where the client has no other. */
  async #head(): Promise<RequestHead | undefined> {
    const { headTimeoutMs, keepAliveTimeoutMs } = this.#host.settings;
    const decoder = this.#decoder ??= new RequestHeadDecoder(this.limits);
    if (this.#watch.wait === undefined) {
      if (this.received.start < this.received.end) {
        this.#watch.begin("head", headTimeoutMs);
      } else {
        this.#watch.begin("next request", keepAliveTimeoutMs);
        if (this.received.bytes.length > maxKeptBytes) this.received = new ReceiveBuffer();
      }
    }
    while (!decoder.next(this.received.bytes, this.received.start, this.received.end)) {
      if (!await this.fill(decoder.needed)) {
        if (this.received.start === this.received.end) return undefined;
        throw new TransportError("connection-lost", "Request lost: the client ended in the middle of its head");
      }
      if (this.#watch.wait === "next request") this.#watch.begin("head", headTimeoutMs);
    }
    this.#watch.rest();
    this.received.start = decoder.headEnd;
    return decoder.head;
  }

  async #read(into: Uint8Array): Promise<number | null> {
    try {
      const count = await this.conn.read(into);
      this.counters.bytesIn += count ?? 0;
      return count;
    } catch (error) {
      this.#lost("read from", error);
      throw error;
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let offset = 0; offset < bytes.length;) {
        const count = await this.conn.write(bytes.subarray(offset));
        this.counters.bytesOut += count;
        offset += count;
      }
    } catch (error) {
      throw this.#lost("write to", error);
    }
    if (this.#watch.wait === "write") this.#watch.rest();
  }

  #lost(doing: string, error: unknown): TransportError {
    const why = error instanceof Error ? error.message : String(error);
    const message = `Connection lost: cannot ${doing} ${formatAddress(this.remote)}: ${why}`;
    const lost = new TransportError("connection-lost", message, { cause: error });
    this.close(this.#finishing ? this.#failure : lost);
    return lost;
  }

  #expired(wait: Http1Wait): void {
    const { settings } = this.#host;
    if (wait === "next request") return this.close(undefined);
    if (wait === "end") return this.#takeover === undefined ? this.close(this.#failure) : this.#takeover.late();
    const late = lateError(wait, this.remote, settings);
    if (wait === "write") return this.close(late);
    const begun = this.#exchange !== undefined || this.received.end > this.received.start;
    // A client that never began to ask for anything needs no answer.
    if (begun) this.#fail(late);
    else this.close(undefined);
  }

  /** Something is wrong with the request, or with whoever answers it: says so, and serves nothing more. */
  #fail(error: unknown): void {
    if (this.#takeover !== undefined) return this.#takeover.end(TransportError.from(error, "remote"));
    if (this.over) return;
    this.#failure = TransportError.from(error, "remote");
    const exchange = this.#exchange;
    const answered = exchange?.isAnswered === true;
    this.over = true;
    if (answered) return;
    this.write(refusalBytes(error, this.#peerEnded, exchange?.head.method === "HEAD"))
      .then(() => this.endWrite()).catch(() => {});
  }

  /** The last answer is written: ends our side, and waits a little for the client to end its own. */
  async #end(): Promise<void> {
    this.#finishing = true;
    try {
      await this.#writing;
      if (this.#closed) return;
      this.over = true;
      await this.endWrite();
      let left = maxDrainedBytes;
      while (left > 0) {
        const count = await this.#read(discarded);
        if (count === null) break;
        left -= count;
      }
    } catch {
      // The client has gone, or has had its time.
    }
    this.close(this.#failure);
  }
}
