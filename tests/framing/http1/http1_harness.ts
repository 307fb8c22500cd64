/**
 * Reads HTTP/1.1 as a connection does, from pieces of any size, and watches
 * over the decoders while it does. Here a byte is a character (ISO 8859-1).
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../src/core/errors.ts";
import { type BodyDecoder, bodyDecoder, requestBody, responseBody } from "../../../src/framing/http1/http1_body.ts";
import type { HttpFields } from "../../../src/framing/http1/http1_fields.ts";
import {
  type RequestHead,
  RequestHeadDecoder,
  type ResponseHead,
  ResponseHeadDecoder,
} from "../../../src/framing/http1/http1_head.ts";
import { http1Limits } from "../../../src/framing/http1/http1_limits.ts";

/** What is read, and how. */
export interface Reading {
  side: "request" | "response";
  /** The methods of the requests that the responses answer; the last one holds for all further. Default: GET. */
  methods?: string[];
  limits?: Parameters<typeof http1Limits>[0];
  /** Whether the connection ends behind the last piece. */
  ends?: boolean;
}

/** A message that was read to its end. */
export interface Read {
  /** The first line, put together again, without the spaces that a reader may not care about. */
  line: string;
  fields: [string, string][];
  body: string;
  trailers: [string, string][] | undefined;
}

/** What came out. */
export interface Outcome {
  messages: Read[];
  /** What was refused, if something was. */
  error: { code: string; message: string; details: unknown } | undefined;
  /** The head of the message whose body has not ended. */
  unfinished: string | undefined;
  /** Bytes that belong to no message (yet). */
  left: string;
}

/** Text to bytes. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Bytes to text. */
export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}

/** Text whose line feeds stand for CRLF. */
export function lines(...each: string[]): string {
  return each.map((line) => `${line}\r\n`).join("");
}

/** What lies behind the window, and must never be read: bytes that could belong to nearly anything. */
const poison = bytesOf("\r\n\r\n0\r\n\r\n0000HTTP/1.1 200 OK\r\n\r\n");

/** One connection. */
class Connection {
  readonly outcome: Outcome = { messages: [], error: undefined, unfinished: undefined, left: "" };
  readonly #reading: Reading;
  readonly #limits: ReturnType<typeof http1Limits>;
  readonly #heads: RequestHeadDecoder | ResponseHeadDecoder;
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #offset = 3;
  #body: BodyDecoder | undefined;
  #read: Read | undefined;

  constructor(reading: Reading) {
    this.#reading = reading;
    this.#limits = http1Limits(reading.limits);
    const Decoder = reading.side === "request" ? RequestHeadDecoder : ResponseHeadDecoder;
    this.#heads = new Decoder(this.#limits);
  }

  /** Receives bytes. The window is somewhere else each time, with poison behind it. */
  push(piece: Uint8Array): void {
    const pending = this.#bytes.subarray(this.#start, this.#end);
    this.#offset = (this.#offset * 7 + 5) % 11;
    const bytes = new Uint8Array(this.#offset + pending.length + piece.length + poison.length);
    bytes.set(poison.subarray(0, this.#offset));
    bytes.set(pending, this.#offset);
    bytes.set(piece, this.#offset + pending.length);
    bytes.set(poison, this.#offset + pending.length + piece.length);
    this.#bytes = bytes;
    this.#start = this.#offset;
    this.#end = this.#offset + pending.length + piece.length;
    while (this.#body === undefined ? this.#readHead() : this.#readBody(this.#body));
    const decoder = this.#body ?? this.#heads;
    if (decoder.needed <= this.#end - this.#start) {
      assert.fail(`the decoder wants ${decoder.needed} bytes and has ${this.#end - this.#start}`);
    }
    if (decoder.needed > this.#limits.maxHeadBytes + 1) assert.fail("the decoder wants more than its limit");
  }

  finish(): void {
    if (this.#reading.ends && this.#body !== undefined) {
      this.#body.end();
      if (this.#body.complete) this.#complete(this.#body);
    }
  }

  result(): Outcome {
    this.outcome.unfinished = this.#read?.line;
    if (this.outcome.error === undefined) this.outcome.left = textOf(this.#bytes.subarray(this.#start, this.#end));
    return this.outcome;
  }

  #readHead(): boolean {
    const heads = this.#heads;
    const begin = this.#start;
    if (!heads.next(this.#bytes, begin, this.#end)) return false;
    const { headEnd, head } = heads;
    if (headEnd <= begin || headEnd > this.#end) assert.fail(`a head ends at ${headEnd} of ${begin}..${this.#end}`);
    if (headEnd - begin > this.#limits.maxHeadBytes) assert.fail("a head over the limit was taken");
    if (head.fields.size > this.#limits.maxFields) assert.fail("a head with too many fields was taken");
    this.#start = headEnd;
    const methods = this.#reading.methods ?? ["GET"];
    const framing = isRequest(head)
      ? requestBody(head)
      : responseBody(head, methods[Math.min(this.outcome.messages.length, methods.length - 1)]);
    this.#read = { line: lineOf(head), fields: [...head.fields], body: "", trailers: undefined };
    this.#body = bodyDecoder(this.#reading.side, framing, this.#limits);
    if (this.#body.complete) this.#complete(this.#body);
    return true;
  }

  #readBody(body: BodyDecoder): boolean {
    const begin = this.#start;
    const found = body.next(this.#bytes, begin, this.#end);
    const { pieceStart, pieceEnd, restStart } = body;
    if (restStart < begin || restStart > this.#end) {
      assert.fail(`the rest is at ${restStart} of ${begin}..${this.#end}`);
    }
    if (found) {
      if (pieceStart < begin || pieceEnd <= pieceStart || pieceEnd > restStart) {
        assert.fail(`the piece ${pieceStart}..${pieceEnd} is not in ${begin}..${restStart}`);
      }
      this.#read!.body += textOf(this.#bytes.subarray(pieceStart, pieceEnd));
    }
    this.#start = restStart;
    if (body.complete) this.#complete(body);
    return found || body.complete;
  }

  #complete(body: BodyDecoder): void {
    const read = this.#read!;
    assert.equal(body.bodyBytes, read.body.length);
    if (read.body.length > this.#limits.maxBodyBytes) assert.fail("a body over the limit was taken");
    const trailers: HttpFields | undefined = body.trailers;
    read.trailers = trailers && [...trailers];
    this.outcome.messages.push(read);
    this.#body = this.#read = undefined;
  }
}

/** Reads pieces. Anything but an error of ours comes through. */
export function readPieces(reading: Reading, pieces: Iterable<Uint8Array>): Outcome {
  const connection = new Connection(reading);
  try {
    for (const piece of pieces) connection.push(piece);
    connection.finish();
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    const { code, message, details } = error;
    connection.outcome.error = { code, message, details };
  }
  return connection.result();
}

/** Reads a text in one piece, a byte at a time and cut in two anywhere, and checks that it makes no difference. */
export function readEverySplit(reading: Reading, text: string): Outcome {
  const bytes = bytesOf(text);
  const whole = readPieces(reading, [bytes]);
  const check = (pieces: Iterable<Uint8Array>, how: string): void => {
    assert.deepEqual(readPieces(reading, pieces), whole, how);
  };
  check([...bytes].map((byte) => Uint8Array.of(byte)), "a byte at a time");
  // A long text has long runs of bytes that are all alike.
  const step = Math.max(1, bytes.length >> 9);
  for (let at = 1; at < bytes.length; at += step) check([bytes.subarray(0, at), bytes.subarray(at)], `cut at ${at}`);
  return whole;
}

function isRequest(head: RequestHead | ResponseHead): head is RequestHead {
  return "method" in head;
}

/** What a head's first line says. */
export function lineOf(head: RequestHead | ResponseHead): string {
  return isRequest(head)
    ? `${head.method} ${head.target} ${head.minor}`
    : `${head.minor} ${head.status} ${head.reason}`.trimEnd();
}
