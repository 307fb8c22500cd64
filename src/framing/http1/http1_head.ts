/**
 * Reads the heads of HTTP/1.1 requests and responses as they arrive, as
 * strictly as RFC 9112 has it: what two readers could read in two ways is
 * refused.
 *
 * @module
 */

import { carriageReturn, lineFeed, textBytes, textOfBytes } from "./http1_bytes.ts";
import { FieldLines } from "./http1_field_lines.ts";
import { contentLengthBit, hostBit, transferEncodingBit } from "./http1_field_names.ts";
import type { HttpFields } from "./http1_fields.ts";
import { type Http1Side, nameOf, refusal } from "./http1_errors.ts";
import { defaultHttp1Limits, type Http1Limits } from "./http1_limits.ts";
import {
  isAuthority,
  parseTarget,
  readRequestLine,
  readStatusLine,
  type RequestLine,
  type TargetForm,
} from "./http1_start_line.ts";

/** What the fields say of the body: how many bytes it has, that it comes in chunks, or nothing. */
export type DeclaredBody = number | "chunked" | undefined;

/** The head of a request. */
export interface RequestHead {
  /** The method, as it was sent: methods are case-sensitive. */
  readonly method: string;
  /** The request target, as it was sent. */
  readonly target: string;
  /** The form of the target. */
  readonly form: TargetForm;
  /** Host and port: the target's where it has them, else the Host field's. Undefined in HTTP/1.0 without either. */
  readonly authority: string | undefined;
  /** Path and query: begins with a slash (or two), `*` for a whole server, empty for CONNECT. */
  readonly path: string;
  /** The minor version: 0 for HTTP/1.0. */
  readonly minor: 0 | 1;
  /** The fields. */
  readonly fields: HttpFields;
  /** What the fields say of the body. */
  readonly declaredBody: DeclaredBody;
}

/** The head of a response, final or interim. */
export interface ResponseHead {
  /** The status, 100 to 999. */
  readonly status: number;
  /** The reason phrase, often empty. */
  readonly reason: string;
  /** The minor version: 0 for HTTP/1.0. */
  readonly minor: 0 | 1;
  /** The fields. */
  readonly fields: HttpFields;
  /** What the fields say of the body; whether there is one at all is for `responseBody()` to say. */
  readonly declaredBody: DeclaredBody;
}

/**
 * Finds heads in a window of received bytes. Holds no bytes itself, and looks
 * at each byte once however they arrive.
 */
abstract class HeadDecoder {
  /** Where the head that `next()` found ends: the body, or the next message, begins here. */
  headEnd = 0;
  /** How many bytes the buffer should have room for from `start`. */
  needed = 1;
  readonly #side: Http1Side;
  readonly #maxBytes: number;
  readonly #lines: FieldLines;
  /** How far the first line was searched, from the start of the head. */
  #at = 0;
  /** Where the first line begins: behind an empty line, if there was one. */
  #lineStart = 0;
  #inFields = false;
  #kinds = 0;

  constructor(side: Http1Side, limits: Http1Limits) {
    this.#side = side;
    this.#maxBytes = limits.maxHeadBytes;
    this.#lines = new FieldLines(side, "head", limits.maxFields);
  }

  /** Whether some of a head has been looked at. */
  protected get begun(): boolean {
    return this.#inFields || this.#at > 0;
  }

  /**
   * Looks for a whole head in `bytes[start..end)`. Returns false where more
   * bytes are needed; the next call must then have the same bytes from `start`.
   *
   * Throws `protocol` as soon as the head is known to be wrong or over a limit,
   * with the status to answer in `details.status` (400, 414, 431, 501, 505; 502
   * for a response). The connection is of no use after that.
   */
  next(bytes: Uint8Array, start: number, end: number): boolean {
    const limit = Math.min(end, start + this.#maxBytes);
    if (!this.#inFields && !this.#firstLine(bytes, start, limit)) return this.#more(limit - start);
    const headEnd = this.#lines.read(bytes, start, limit);
    if (headEnd < 0) return this.#more(limit - start);
    const ascii = this.#lines.ascii && (this.#kinds & 2) === 0;
    const text = textOfBytes(bytes, start, headEnd, ascii);
    this.finish(text, this.#lineStart, this.#lines.seen, this.#lines.take(text));
    this.headEnd = headEnd;
    this.needed = 1;
    this.#at = this.#lineStart = this.#kinds = 0;
    this.#inFields = false;
    return true;
  }

  /** Takes the first line, which is `bytes[from..to)` of a head that begins at `start`. */
  protected abstract line(bytes: Uint8Array, start: number, from: number, to: number): void;

  /** Makes the head. `seen` has the bits of its field names. */
  protected abstract finish(text: string, lineStart: number, seen: number, fields: HttpFields): void;

  #firstLine(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start + this.#at;
    for (;;) {
      let kind = 1;
      while (at < end && (kind = textBytes[bytes[at]]) !== 0) {
        this.#kinds |= kind;
        at++;
      }
      this.#at = at - start;
      if (at === end || (bytes[at] === carriageReturn && at + 1 === end)) return false;
      if (bytes[at] !== carriageReturn || bytes[at + 1] !== lineFeed) throw this.#unreadable(bytes, start, at);
      if (at !== start || this.#side === "response") break;
      // One empty line before a request is what some clients send after a body (RFC 9112 section 2.2).
      at += 2;
      this.#lineStart = 2;
    }
    this.line(bytes, start, start + this.#lineStart, at);
    this.#lines.begin(at + 2 - start);
    this.#inFields = true;
    return true;
  }

  #more(length: number): false {
    if (length >= this.#maxBytes) {
      const status = this.#inFields ? 431 : 414;
      const what = this.#inFields ? "head" : "first line";
      throw refusal(this.#side, "head", status, `the ${what} has more than ${this.#maxBytes} bytes`);
    }
    // How long the head will be is not known: room for twice as much keeps the copying linear.
    this.needed = Math.min(2 * length, this.#maxBytes) + 1;
    return false;
  }

  #unreadable(bytes: Uint8Array, start: number, at: number): Error {
    const tls = at === start && (bytes[at] === 0x16 || bytes[at] === 0x15)
      ? `; it looks like a TLS ${bytes[at] === 0x16 ? "handshake" : "alert"}: is TLS on at one end only?`
      : "";
    return refusal(this.#side, "head", 400, `${nameOf(bytes[at])} in the first line${tls}`, at - start);
  }
}

/** Finds the heads of requests. */
export class RequestHeadDecoder extends HeadDecoder {
  /** The head that `next()` found last. */
  head!: RequestHead;
  #line!: RequestLine;

  /** Makes the decoder of one connection. */
  constructor(limits: Http1Limits = defaultHttp1Limits) {
    super("request", limits);
  }

  protected override line(bytes: Uint8Array, start: number, from: number, to: number): void {
    this.#line = readRequestLine(bytes, start, from, to);
  }

  protected override finish(text: string, lineStart: number, seen: number, fields: HttpFields): void {
    const { methodEnd, targetEnd, minor } = this.#line;
    const method = text.slice(lineStart, methodEnd);
    const target = text.slice(methodEnd + 1, targetEnd);
    const parsed = parseTarget(method, target);
    if (parsed === undefined) {
      throw refusal("request", "head", 400, `a target that ${method.slice(0, 20)} can not have`, methodEnd + 1);
    }
    const declaredBody = declared("request", minor, seen, fields);
    if (method === "CONNECT" && declaredBody !== undefined && declaredBody !== 0) {
      throw refusal("request", "head", 400, "CONNECT with a body");
    }
    let host: string | undefined;
    if ((seen & hostBit) !== 0) {
      host = fields.get("host")!;
      if (!isAuthority(host, false)) throw refusal("request", "head", 400, "a Host field that is not a host");
    } else if (minor === 1) {
      throw refusal("request", "head", 400, "no Host field");
    }
    // A target that names its host overrules the Host field (RFC 9112 section 3.2.2).
    const { form, authority = host, path } = parsed;
    this.head = { method, target, form, authority, path, minor, fields, declaredBody };
  }
}

/** Longer heads are not looked for again. */
const maxRepeatedBytes = 512;

/**
 * Finds the heads of responses, interim ones (status 1xx) among them. Most
 * servers answer with the same head again and again: one that is byte for byte
 * the one before is that one, its fields among it.
 */
export class ResponseHeadDecoder extends HeadDecoder {
  /** The head that `next()` found last. */
  head!: ResponseHead;
  #line!: { status: number; minor: 0 | 1 };
  #lineEnd = 0;
  /** The bytes of the last head, of which so many are in use. Made for the second one: most connections have more, or one. */
  #last: Uint8Array | undefined = undefined;
  #lastBytes = 0;
  #first = true;

  /** Makes the decoder of one connection. */
  constructor(limits: Http1Limits = defaultHttp1Limits) {
    super("response", limits);
  }

  override next(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#repeats(bytes, start, end)) {
      this.headEnd = start + this.#lastBytes;
      return true;
    }
    if (!super.next(bytes, start, end)) return false;
    this.#keep(bytes, start);
    return true;
  }

  protected override line(bytes: Uint8Array, start: number, _from: number, to: number): void {
    this.#line = readStatusLine(bytes, start, to);
    this.#lineEnd = to - start;
  }

  protected override finish(text: string, _lineStart: number, seen: number, fields: HttpFields): void {
    const { status, minor } = this.#line;
    const reason = text.slice("HTTP/1.1 200 ".length, this.#lineEnd);
    this.head = { status, reason, minor, fields, declaredBody: declared("response", minor, seen, fields) };
  }

  #repeats(bytes: Uint8Array, start: number, end: number): boolean {
    const last = this.#last!;
    const length = this.#lastBytes;
    if (length === 0 || end - start < length || this.begun) return false;
    for (let i = 0; i < length; i++) if (bytes[start + i] !== last[i]) return false;
    return true;
  }

  #keep(bytes: Uint8Array, start: number): void {
    const length = this.headEnd - start;
    this.#lastBytes = 0;
    if (this.#first) return void (this.#first = false);
    if (length > maxRepeatedBytes) return;
    this.#last ??= new Uint8Array(maxRepeatedBytes);
    this.#last.set(bytes.subarray(start, this.headEnd));
    this.#lastBytes = length;
  }
}

/** What Content-Length and Transfer-Encoding say (RFC 9112 section 6). */
function declared(side: Http1Side, minor: 0 | 1, seen: number, fields: HttpFields): DeclaredBody {
  const chunked = (seen & transferEncodingBit) !== 0;
  const sized = (seen & contentLengthBit) !== 0;
  if (!chunked && !sized) return undefined;
  if (chunked) {
    if (sized) throw refusal(side, "head", 400, "both Content-Length and Transfer-Encoding");
    if (minor === 0) throw refusal(side, "head", 400, "Transfer-Encoding in HTTP/1.0");
    const codings = fields.get("transfer-encoding")!.toLowerCase();
    if (codings === "chunked") return "chunked";
    // A coding that is not known, applied once before the chunks, is no trick: it is only not supported here.
    const known = /^[!#$%&'*+\-.^_`|~0-9a-z]+[ \t]*,[ \t]*chunked$/.test(codings) && !codings.startsWith("chunked");
    throw refusal(side, "head", known ? 501 : 400, "a Transfer-Encoding other than chunked");
  }
  const length = lengthOf(fields.get("content-length")!);
  if (length < 0) throw refusal(side, "head", 400, "a Content-Length that is not a number");
  if (length > Number.MAX_SAFE_INTEGER) throw refusal(side, "head", 413, "a Content-Length too large to count");
  return length;
}

/** The number that a text of digits and nothing else stands for; −1 for another text. */
function lengthOf(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return text.length === 0 ? -1 : length;
}
