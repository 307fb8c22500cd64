/**
 * One request on the HTTP/1.1 server, and the answering of it.
 *
 * @module
 */

import type { Address } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { requestBody } from "../../framing/http1/http1_body.ts";
import { expectsContinue, requestPersists } from "../../framing/http1/http1_connection.ts";
import type { RequestHead } from "../../framing/http1/http1_head.ts";
import type { Http1Limits } from "../../framing/http1/http1_limits.ts";
import { encodeResponseHead } from "../../framing/http1/http1_write.ts";
import type { WriterLimits } from "../stream/byte_stream.ts";
import { type BodySource, readWholeBody } from "./http1_server_body.ts";
import { Http1Stream } from "./http1_server_stream.ts";
import type { Takeover, TakeoverOwner } from "./http1_server_takeover.ts";

/** What an exchange needs of its connection. */
export interface Http1Line extends BodySource {
  readonly remote: Address;
  readonly limits: Http1Limits;
  /** Whether the connection may serve another request after this one. */
  readonly lasting: boolean;
  /** Whether nothing can be answered any more: the peer has been told why, or has gone. */
  readonly over: boolean;
  /** The body is being read from now on, and no longer. */
  body(reading: boolean): void;
  /** Writes all of the bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Gives the connection away. */
  takeOver(owner: TakeoverOwner): Takeover;
}

/** Fields of a response, without those that say how the body is marked off. */
export type ResponseFields = readonly (readonly [name: string, value: string])[];

const encoder = new TextEncoder();

/** One request, to be answered once: by `respond()` or by a stream. */
export class Http1Exchange {
  /** The head of the request. */
  readonly head: RequestHead;
  readonly #line: Http1Line;
  #state: "unanswered" | "answered" | "taken" = "unanswered";
  #body: "unread" | "reading" | "read";
  #lasts: boolean;

  /** Throws `protocol` with status 417 for an expectation that is not known. */
  constructor(line: Http1Line, head: RequestHead) {
    this.head = head;
    this.#line = line;
    this.#body = requestBody(head) === 0 ? "read" : "unread";
    this.#lasts = requestPersists(head);
    expectsContinue(head);
  }

  /** Who asks. */
  get remote(): Address {
    return this.#line.remote;
  }

  /** Whether it was answered, or its connection is taken over, or lost. */
  get isAnswered(): boolean {
    return this.#state !== "unanswered" || this.#line.over;
  }

  /** Whether the connection is somebody else's now. */
  get isTaken(): boolean {
    return this.#state === "taken";
  }

  /** Whether another request may follow. What of the body was not read would have to be: the connection ends instead. */
  get lasts(): boolean {
    return this.#lasts && this.#body === "read" && this.#line.lasting;
  }

  /**
   * Reads the body as a whole, once; a client that waits to be asked for it is
   * asked. Rejects with `message-too-large` past `maxBytes`, `protocol`
   * (malformed, or too slow) and `connection-lost`: let those out of the
   * handler, and the client gets the status that they stand for. Rejects with
   * the signal's reason when that aborts; the connection then ends with the
   * answer.
   */
  readBody(maxBytes: number = Infinity, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#body === "reading") return Promise.reject(unusable("read the body of a request twice"));
    const framing = this.#body === "read" ? 0 : requestBody(this.head);
    if (framing === 0) return Promise.resolve(new Uint8Array(0));
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.#body = "reading";
    const reading = this.#read(framing, maxBytes);
    return signal === undefined ? reading : abortable(reading, signal);
  }

  /**
   * The body, where all of it has come together with the head: once, and without
   * waiting. Undefined where it has not, or is in chunks, or has more than
   * `maxBytes`; then it is for `readBody()`.
   */
  bodyAtHand(maxBytes: number = Infinity): Uint8Array<ArrayBuffer> | undefined {
    const { received, limits } = this.#line;
    const length = requestBody(this.head);
    if (this.#body !== "unread" || length === "chunked" || length > Math.min(maxBytes, limits.maxBodyBytes)) {
      return undefined;
    }
    const end = received.start + length;
    if (end > received.end) return undefined;
    const body = received.bytes.slice(received.start, end);
    received.start = end;
    this.#body = "read";
    return body;
  }

  /**
   * Answers, in one write; resolves when the platform has taken it all. A HEAD
   * request gets the same without the body. Throws `closed` where the client
   * has gone, and `invalid-request` for what can't be written.
   */
  respond(status: number, fields: ResponseFields = [], body?: Uint8Array | string): Promise<void> {
    this.#answerable();
    const bytes = typeof body === "string" ? encoder.encode(body) : body ?? new Uint8Array(0);
    const length = status === 304 && body === undefined ? undefined : bytes.length;
    const lasts = this.#lasts = this.lasts;
    const head = encodeResponseHead({
      status,
      fields: [...fields, dateField(), ...this.#connection(lasts)],
      body: length,
    });
    this.#state = "answered";
    if (this.head.method === "HEAD" || status === 204 || status === 304 || bytes.length === 0) {
      return this.#line.write(head);
    }
    const answer = new Uint8Array(head.length + bytes.length);
    answer.set(head);
    answer.set(bytes, head.length);
    return this.#line.write(answer);
  }

  /**
   * Begins a long-lived answer and takes the connection over, which ends with
   * it: in chunks, or for HTTP/1.0 up to the end of the connection. Not for a
   * HEAD request. Throws `closed` where the client has gone.
   */
  stream(status: number, fields: ResponseFields, limits: WriterLimits): Http1Stream {
    const head = this.streamHead(status, fields);
    return new Http1Stream((owner) => this.takeOver(owner), head, this.isChunked, limits);
  }

  /** Whether a long-lived answer goes out in chunks. */
  get isChunked(): boolean {
    return this.head.minor === 1;
  }

  /** The head of a long-lived answer, for {@linkcode takeOver}. */
  streamHead(status: number, fields: ResponseFields): Uint8Array {
    this.#answerable();
    const body = this.isChunked ? "chunked" : undefined;
    return encodeResponseHead({ status, fields: [...fields, dateField(), ["connection", "close"]], body });
  }

  /** Takes the connection over, with nothing answered yet. */
  takeOver(owner: TakeoverOwner): Takeover {
    this.#answerable();
    this.#state = "taken";
    return this.#line.takeOver(owner);
  }

  #answerable(): void {
    if (this.#state !== "unanswered") throw unusable("answer a request twice");
    if (this.#line.over) throw new TransportError("closed", "Cannot answer request: its connection is over");
  }

  #connection(lasts: boolean): ResponseFields {
    if (!lasts) return [["connection", "close"]];
    return this.head.minor === 0 ? [["connection", "keep-alive"]] : [];
  }

  async #read(framing: number | "chunked", maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const line = this.#line;
    const limits = { ...line.limits, maxBodyBytes: Math.min(maxBytes, line.limits.maxBodyBytes) };
    // Refused before the client is asked for it.
    if (typeof framing === "number" && framing > limits.maxBodyBytes) return await readWholeBody(line, framing, limits);
    const { start, end } = line.received;
    if (start === end && expectsContinue(this.head)) await line.write(encodeResponseHead({ status: 100, fields: [] }));
    line.body(true);
    const body = await readWholeBody(line, framing, limits);
    line.body(false);
    this.#body = "read";
    return body;
  }
}

/** The date of an answer (RFC 9110 section 6.6.1), made once a second. */
let date: readonly [name: string, value: string] = ["date", ""];
let dateSecond = 0;

function dateField(): readonly [name: string, value: string] {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) date = ["date", new Date(now).toUTCString()];
  dateSecond = second;
  return date;
}

function unusable(what: string): TransportError {
  return new TransportError("unsupported", `Cannot ${what}`);
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
