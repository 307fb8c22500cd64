/**
 * The requests of an sse() client on our own sockets: one connection for the
 * stream, and those that are kept for POSTs.
 *
 * @module
 */

import type { Cancellation, CancelListener } from "../../core/cancellation.ts";
import { type Address, formatAddress } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { type BodyDecoder, bodyDecoder, responseBody } from "../../framing/http1/http1_body.ts";
import { responsePersists } from "../../framing/http1/http1_connection.ts";
import { type ResponseHead, ResponseHeadDecoder } from "../../framing/http1/http1_head.ts";
import { defaultHttp1Limits } from "../../framing/http1/http1_limits.ts";
import { encodeRequestHead } from "../../framing/http1/http1_write.ts";
import { ReceiveBuffer } from "../../framing/receive_buffer.ts";
import { joinBytes } from "../../util/join_bytes.ts";
import { readHead, writeAll } from "../http/http1_exchange.ts";
import type { SseCarrier, SseFieldLines, SsePost, SseReply, SseStream } from "./sse_carrier.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { closeQuietly, dialStream } from "../tcp/tcp_dial.ts";
import type { TcpSettings } from "../tcp/tcp_options.ts";

/** An answer's text is for people: one with more than this is not kept. */
const maxTextBytes = 4096;

/** How many interim answers a server may give before the one that counts. */
const maxInterim = 10;

/** Up to this size, a body goes out in one write with its head. */
const joinedBytes = 64 * 1024;

/** See the module. */
export class SocketCarrier implements SseCarrier {
  readonly remote: Address;
  local: Address = { transport: "tcp" };
  readonly #tcp: TcpSettings;
  readonly #path: string;
  readonly #host: string;
  /** Connections without a request. There are two at most: that is how many requests there are at once. */
  readonly #idle: Line[] = [];

  constructor(tcp: TcpSettings, path: string) {
    const { hostname, port } = tcp;
    const usual = port === (tcp.tls === undefined ? 80 : 443);
    this.#tcp = tcp;
    this.#path = path;
    this.#host = formatAddress({ transport: "tcp", hostname, port: usual ? undefined : port });
    this.remote = { transport: "tcp", hostname, port };
  }

  async open(fields: SseFieldLines, signal: AbortSignal): Promise<SseStream> {
    const line = await this.#dial(signal);
    return await line.guarded(signal, async () => {
      await line.ask("GET", this.#path, [["host", this.#host], ["accept", "text/event-stream"], ...fields], undefined);
      return new SocketStream(line, await line.head());
    });
  }

  async send(post: SsePost, giveUp: Cancellation): Promise<SseReply> {
    const kept = this.#idle.pop();
    if (kept !== undefined) {
      try {
        return await this.#exchange(kept, post, giveUp);
      } catch (error) {
        // The server has closed it meanwhile, most often. It knows what it has had already.
        if (giveUp.reason !== undefined) throw error;
      }
    }
    return await this.#exchange(await this.#dial(giveUp.signal), post, giveUp);
  }

  close(): void {
    for (const line of this.#idle.splice(0)) line.close();
  }

  async #dial(signal: AbortSignal): Promise<Line> {
    const { stream, local } = await dialStream(this.#tcp, signal);
    this.local = local;
    return new Line(stream);
  }

  async #exchange(line: Line, { method, fields, body }: SsePost, giveUp: Cancellation): Promise<SseReply> {
    giveUp.subscribe(line);
    try {
      if (giveUp.reason !== undefined) throw giveUp.reason;
      await line.ask(method, this.#path, [["host", this.#host], ...fields], body);
      const head = await line.head();
      const text = head.status === 204 ? "" : await line.text(head, method);
      if (giveUp.reason !== undefined) throw giveUp.reason;
      if (responsePersists(head, method)) this.#idle.push(line);
      else line.close();
      return { status: head.status, text };
    } catch (error) {
      line.close();
      throw error;
    } finally {
      giveUp.unsubscribe(line);
    }
  }
}

/** One connection. */
class Line implements CancelListener {
  readonly stream: ByteStream;
  readonly received: ReceiveBuffer = new ReceiveBuffer();
  /** Most answers are the same again and again, and a decoder of its own for each would read them anew. */
  readonly #heads: ResponseHeadDecoder = new ResponseHeadDecoder();

  constructor(stream: ByteStream) {
    this.stream = stream;
  }

  close(): void {
    closeQuietly(this.stream);
  }

  /** What it is used for was given up. */
  cancelled(): void {
    this.close();
  }

  /** Does something on it; where that fails or is given up, the connection is closed. */
  async guarded<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const giveUp = (): void => this.close();
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      signal.throwIfAborted();
      const result = await work();
      signal.throwIfAborted();
      return result;
    } catch (error) {
      this.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  ask(method: string, target: string, fields: SseFieldLines, body: Uint8Array | undefined): Promise<void> {
    const length = method === "POST" ? body?.length ?? 0 : undefined;
    const head = encodeRequestHead({ method, target, fields, body: length });
    const { stream } = this;
    if (body === undefined) return writeAll(stream, head);
    if (head.length + body.length > joinedBytes) return writeAll(stream, head).then(() => writeAll(stream, body));
    return writeAll(stream, joinBytes([head, body]));
  }

  async head(): Promise<ResponseHead> {
    for (let interim = 0; interim <= maxInterim; interim++) {
      const head = await readHead(this.stream, this.received, this.#heads);
      if (head.status >= 200) return head;
    }
    throw new TransportError("protocol", `Answer refused: more than ${maxInterim} interim ones came first`);
  }

  /** Reads the body of an answer as a text for people. */
  async text(head: ResponseHead, method: string): Promise<string> {
    const body = decoderOf(head, method, maxTextBytes);
    const decoder = new TextDecoder();
    let text = "";
    for (let piece = await this.piece(body); piece !== null; piece = await this.piece(body)) {
      text += decoder.decode(piece, { stream: true });
    }
    return text;
  }

  /** The next piece of a body; null at its end. It may be written over by the next call. */
  async piece(body: BodyDecoder): Promise<Uint8Array | null> {
    const { received } = this;
    for (;;) {
      const found = body.next(received.bytes, received.start, received.end);
      received.start = body.restStart;
      if (found) return received.bytes.subarray(body.pieceStart, body.pieceEnd);
      if (body.complete) return null;
      const count = await this.stream.read(received.space(body.needed));
      if (count === null) {
        body.end();
        return null;
      }
      received.filled(count);
    }
  }
}

class SocketStream implements SseStream {
  readonly status: number;
  readonly type: string;
  readonly #line: Line;
  readonly #body: BodyDecoder;

  constructor(line: Line, head: ResponseHead) {
    this.status = head.status;
    this.type = (head.fields.get("content-type") ?? "").split(";", 1)[0].trim().toLowerCase();
    this.#line = line;
    this.#body = decoderOf(head, "GET", Infinity);
  }

  read(): Promise<Uint8Array | null> {
    return this.#line.piece(this.#body);
  }

  cancel(): void {
    this.#line.close();
  }
}

function decoderOf(head: ResponseHead, method: string, maxBodyBytes: number): BodyDecoder {
  return bodyDecoder("response", responseBody(head, method), { ...defaultHttp1Limits, maxBodyBytes });
}
