/**
 * One request and its response on a stream of HTTP/2.
 *
 * @module
 */

import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type Address, background, CallContext, type CallCounters, type Handler, TransportError } from "../../mod.ts";
import { Cancellation } from "../../src/core/cancellation.ts";
import { errorResponse } from "../../src/transport/http/http_errors.ts";
import { lazyMetadata } from "../../src/transport/http/http_metadata.ts";
import { HttpPeer, type HttpPeerInfo } from "../../src/transport/http/http_peer.ts";
import { bodyOf, sendBody } from "./http2_bodies.ts";

/** Where a request came from, and where to. */
export interface CallPlace {
  readonly local: Address;
  readonly remote: Address;
  readonly scheme: string;
}

/** Fields of a connection, which HTTP/2 does not have (RFC 9113, section 8.2.2). */
const hopByHop = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

/** What HTTP/2 counts for each field beside its bytes. */
const fieldBytes = 32;

const endOfStream = 0x1;

/** See the module. */
export class Http2Call implements HttpPeerInfo {
  readonly remoteAddr: Deno.NetAddr;
  readonly #stream: ServerHttp2Stream;
  readonly #place: CallPlace;
  readonly #counters: CallCounters;
  readonly #open: Set<Http2Call>;
  readonly #cancellation = new Cancellation();
  #completed: PromiseWithResolvers<void> | undefined = undefined;
  #hasBody = false;
  #over = false;

  /** `open` are the calls of its connection; it stands among them until its stream is closed. */
  constructor(stream: ServerHttp2Stream, place: CallPlace, counters: CallCounters, open: Set<Http2Call>) {
    this.#stream = stream;
    this.#place = place;
    this.#counters = counters;
    this.#open = open;
    this.remoteAddr = place.remote as unknown as Deno.NetAddr;
    open.add(this);
    stream.on("error", () => {});
    stream.on("close", () => this.#closed());
  }

  /** Resolves when all has been sent, and rejects when the client went away before. */
  get completed(): Promise<void> {
    this.#completed ??= Promise.withResolvers<void>();
    if (this.#over) this.#settle(this.#completed);
    return this.#completed.promise;
  }

  /** Has the request answered. */
  begin(
    headers: IncomingHttpHeaders,
    flags: number,
    maxHeaderListBytes: number,
    handler: Handler<Request, Response>,
  ): void {
    let request: Request;
    this.#hasBody = (flags & endOfStream) === 0;
    try {
      const fields = readFields(headers, maxHeaderListBytes);
      if (fields === undefined) {
        return void this.#respond(new Response("Request header fields too large\n", { status: 431 }));
      }
      request = this.#request(headers, fields);
    } catch {
      return void this.#respond(new Response("Bad request\n", { status: 400 }));
    }
    const { local } = this.#place;
    const peer = new HttpPeer(this, () => local);
    const metadata = lazyMetadata(request);
    const context = new CallContext(Infinity, false, background.priority, peer, this.#cancellation, metadata);
    this.#counters.started++;
    this.#counters.inFlight++;
    const answered = (response: Response): void => {
      if (!(response instanceof Response) || response.bodyUsed || response.body?.locked) {
        return failed(new TypeError("Cannot answer: the handler gave no response, or one that was read before"));
      }
      this.#counters.inFlight--;
      void this.#respond(response, request.method === "HEAD");
    };
    const failed = (error: unknown): void => {
      this.#counters.inFlight--;
      this.#counters.failed++;
      const known = error instanceof TransportError
        ? errorResponse(error)
        : new Response("Internal Server Error", { status: 500 });
      void this.#respond(known, request.method === "HEAD");
    };
    try {
      const response = handler(request, context);
      if (response instanceof Promise) response.then(answered, failed);
      else answered(response);
    } catch (error) {
      failed(error);
    }
  }

  /** Gives the call up. */
  cancel(reason: TransportError): void {
    this.#cancellation.cancel(reason);
  }

  #request(headers: IncomingHttpHeaders, fields: Headers): Request {
    const method = headers[":method"] ?? "GET";
    const authority = headers[":authority"] ?? headers.host ?? "";
    const url = `${this.#place.scheme}://${authority}${headers[":path"] ?? "/"}`;
    const bare = !this.#hasBody || method === "GET" || method === "HEAD";
    return new Request(url, { method, headers: fields, body: bare ? undefined : bodyOf(this.#stream) });
  }

  async #respond(response: Response, isHead = false): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return void response.body?.cancel().catch(() => {});
    const body = isHead || response.status === 204 || response.status === 304 ? null : response.body;
    if (body === null) response.body?.cancel().catch(() => {});
    try {
      stream.respond(writeFields(response), { endStream: body === null });
      if (body !== null) await sendBody(stream, body);
    } catch (error) {
      // What can't be sent as a response, or whose body has failed, must not look whole: to close it would end it well.
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
    // A request that was answered before it was read to its end is not needed any more (RFC 9113, section 8.1).
    if (this.#hasBody && !stream.readableEnded && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #closed(): void {
    this.#over = true;
    this.#open.delete(this);
    if (!this.#sent) {
      this.#cancellation.cancel(new TransportError("cancelled", "Call cancelled: its client went away"));
    }
    if (this.#completed !== undefined) this.#settle(this.#completed);
  }

  /** Whether the whole of the answer has gone. A stream that was reset says that it has finished, too. */
  get #sent(): boolean {
    const { writableFinished, rstCode, aborted } = this.#stream;
    return writableFinished && rstCode === constants.NGHTTP2_NO_ERROR && !aborted;
  }

  #settle({ resolve, reject, promise }: PromiseWithResolvers<void>): void {
    promise.catch(() => {});
    if (this.#sent) resolve();
    else reject(new TransportError("connection-lost", "Connection lost: the client went away before the end"));
  }
}

/** The header fields; undefined where they are too large. */
function readFields(headers: IncomingHttpHeaders, maxBytes: number): Headers | undefined {
  const fields = new Headers();
  let bytes = 0;
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    for (const one of typeof value === "string" ? [value] : value) {
      bytes += name.length + one.length + fieldBytes;
      if (name[0] !== ":") fields.append(name, one);
    }
  }
  return bytes > maxBytes ? undefined : fields;
}

function writeFields({ status, headers }: Response): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = { ":status": status };
  for (const [name, value] of headers) {
    if (!hopByHop.has(name) && name !== "set-cookie") fields[name] = value;
  }
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) fields["set-cookie"] = cookies;
  return fields;
}
