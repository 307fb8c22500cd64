/**
 * Writes the heads of HTTP/1.1 messages and what marks off chunked bodies. What
 * is given is checked, so that no line can hide in a value and no length
 * disagree with another.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { carriageReturn, colon, isToken, lineFeed, space, targetBytes, textBytes, tokenBytes } from "./http1_bytes.ts";
import { nameOf } from "./http1_errors.ts";
import { mayTrail } from "./http1_field_names.ts";
import { reasonOf } from "./http1_reasons.ts";
import { isAuthority, parseTarget } from "./http1_start_line.ts";

/** Fields to write: an HttpFields, a `Headers`, a list of pairs. Names in any case, values of ISO 8859-1 characters. */
export type FieldLinesToWrite = Iterable<readonly [name: string, value: string]>;

/** A request head to write. */
export interface RequestHeadToWrite {
  /** The method. */
  readonly method: string;
  /** The request target, in a form that the method allows. */
  readonly target: string;
  /** The fields, with exactly one Host among them, without Content-Length and Transfer-Encoding. */
  readonly fields: FieldLinesToWrite;
  /** The body: so many bytes, or in chunks. Left out for a request that has none and says nothing about it. */
  readonly body?: number | "chunked";
}

/** A response head to write. */
export interface ResponseHeadToWrite {
  /** The status, 100 to 999. */
  readonly status: number;
  /** The reason phrase. Default: the usual one of the status. */
  readonly reason?: string;
  /** The fields, without Content-Length and Transfer-Encoding. */
  readonly fields: FieldLinesToWrite;
  /**
   * The body: so many bytes, or in chunks. Left out for one that ends with the
   * connection, and for none. For a response to HEAD, or a 304, what the body
   * would be; 1xx and 204 can't have one.
   */
  readonly body?: number | "chunked";
}

/** What heads are written into, one behind the other: a memory of its own for each would cost as much as the writing. */
const slabBytes = 8 * 1024;

/** What stands behind the data of a chunk. */
export const chunkEnd: Uint8Array = Uint8Array.of(carriageReturn, lineFeed);

/** The room that {@linkcode writeChunkHead} needs at most, in bytes. */
export const maxChunkHeadBytes = 16;

/**
 * Writes what stands before the data of a chunk, and returns where the data
 * goes. Behind it goes {@linkcode chunkEnd}.
 *
 * Throws `invalid-request` for an empty chunk, which would end the body.
 */
export function writeChunkHead(target: Uint8Array, offset: number, byteLength: number): number {
  if (!(byteLength >= 1 && Number.isSafeInteger(byteLength))) throw invalid(`chunk: it has ${byteLength} bytes`);
  const digits = byteLength.toString(16);
  let at = offset;
  for (let i = 0; i < digits.length; i++) target[at++] = digits.charCodeAt(i);
  target[at++] = carriageReturn;
  target[at++] = lineFeed;
  return at;
}

/**
 * The end of a chunked body, with trailer fields if there are any.
 *
 * Throws `invalid-request` for a field that may not be a trailer.
 */
export function encodeLastChunk(trailers: FieldLinesToWrite = []): Uint8Array {
  return writer.lastChunk(trailers);
}

/** The bytes of a request head, never written again. Throws `invalid-request`. */
export function encodeRequestHead(head: RequestHeadToWrite): Uint8Array {
  return writer.request(head);
}

/** The bytes of a response head, never written again. Throws `invalid-request`. */
export function encodeResponseHead(head: ResponseHeadToWrite): Uint8Array {
  return writer.response(head);
}

class HeadWriter {
  #bytes = new Uint8Array(slabBytes);
  /** Where the head begins; what stands before it was handed out. */
  #start = 0;
  #at = 0;

  request(head: RequestHeadToWrite): Uint8Array {
    const { method, target, fields, body } = head;
    this.#begin(method.length + target.length);
    if (!isToken(method)) throw invalid(`request head: ${JSON.stringify(method.slice(0, 60))} is not a method`);
    this.#text(method, tokenBytes, "the method");
    this.#bytes[this.#at++] = space;
    this.#text(target, targetBytes, "the target");
    if (parseTarget(method, target) === undefined) {
      throw invalid(`request head: ${method} can not have the target ${JSON.stringify(target.slice(0, 60))}`);
    }
    this.#text(" HTTP/1.1", textBytes, "the version");
    this.#endLine();
    if (this.#fields(fields) !== 1) throw invalid("request head: it needs exactly one Host field");
    return this.#finish(body);
  }

  response(head: ResponseHeadToWrite): Uint8Array {
    const { status, reason = reasonOf(status), fields, body } = head;
    if (!Number.isInteger(status) || status < 100 || status > 999) {
      throw invalid(`response head: its status is ${status}`);
    }
    const bodiless = status < 200 || status === 204;
    if (bodiless && body !== undefined && body !== 0) {
      throw invalid(`response head: a response with status ${status} has no body`);
    }
    this.#begin(reason.length);
    this.#text(`HTTP/1.1 ${status} `, textBytes, "the status");
    this.#text(reason, textBytes, "the reason");
    this.#endLine();
    this.#fields(fields);
    return this.#finish(bodiless ? undefined : body);
  }

  lastChunk(trailers: FieldLinesToWrite): Uint8Array {
    this.#begin(0);
    this.#bytes[this.#at++] = 0x30;
    this.#endLine();
    this.#fields(trailers, true);
    return this.#end();
  }

  #begin(byteLength: number): void {
    this.#at = this.#start;
    this.#reserve(byteLength);
  }

  #end(): Uint8Array {
    this.#endLine();
    const head = this.#bytes.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return head;
  }

  /** Writes field lines and returns how many Host fields there were. */
  #fields(fields: FieldLinesToWrite, trailing = false): number {
    let hosts = 0;
    for (const [name, value] of fields) {
      this.#reserve(name.length + value.length);
      const { length } = name;
      // Names are told apart by their length first: few have that of one with rules.
      if (trailing || length === 4 || length === 14 || length === 17) {
        const lower = name.toLowerCase();
        if (trailing && !mayTrail(lower)) throw invalid(`trailers: ${lower} can not be one`);
        if (lower === "content-length" || lower === "transfer-encoding") {
          throw invalid(`head: ${lower} is for the option body to say`);
        }
        if (lower === "host" && (++hosts > 1 || !isAuthority(value, false))) {
          throw invalid(`head: ${hosts > 1 ? "it has a second Host field" : `${JSON.stringify(value)} is not a host`}`);
        }
      }
      if (length === 0) throw invalid("head: a field name is empty");
      this.#text(name, tokenBytes, "a field name");
      this.#bytes[this.#at++] = colon;
      this.#bytes[this.#at++] = space;
      this.#text(value, textBytes, name);
      this.#endLine();
    }
    return hosts;
  }

  #finish(body: number | "chunked" | undefined): Uint8Array {
    if (body === "chunked") {
      this.#text("transfer-encoding: chunked\r\n", undefined, "");
    } else if (body !== undefined) {
      if (!Number.isSafeInteger(body) || body < 0) throw invalid(`head: a body of ${body} bytes`);
      this.#text(`content-length: ${body}\r\n`, undefined, "");
    }
    return this.#end();
  }

  /** Makes room for so many bytes, and for what this class writes around them by itself. */
  #reserve(byteLength: number): void {
    const wanted = this.#at + byteLength + 128;
    if (wanted <= this.#bytes.length) return;
    const written = this.#bytes.subarray(this.#start, this.#at);
    this.#bytes = new Uint8Array(Math.max(slabBytes, 2 * (wanted - this.#start)));
    this.#bytes.set(written);
    this.#start = 0;
    this.#at = written.length;
  }

  /** Writes a text whose characters `table` allows; room for it was made. */
  #text(text: string, table: Uint8Array | undefined, what: string): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (table !== undefined && !(table[code] > 0)) {
        const char = code > 0xff ? "a character that is not ISO 8859-1" : nameOf(code);
        throw invalid(`head: ${char} in ${what}, at character ${i}`);
      }
      bytes[at++] = code;
    }
    this.#at = at;
  }

  #endLine(): void {
    this.#bytes[this.#at++] = carriageReturn;
    this.#bytes[this.#at++] = lineFeed;
  }
}

const writer = new HeadWriter();

function invalid(why: string): TransportError {
  return new TransportError("invalid-request", `Cannot write ${why}`);
}
