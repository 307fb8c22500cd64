/**
 * Calls with text, JSON or anything else for requests and replies, over a
 * transport whose calls are bytes.
 *
 * @module
 */

import type { CallContext } from "../core/context.ts";
import { named, withFigures } from "../core/describe.ts";
import type { Handler } from "../core/service.ts";
import type { Session, SessionDialOptions, SessionListenOptions, SessionTransport } from "../core/session.ts";
import type { Streamed } from "../core/streamed.ts";
import { type Bytes, type CodecCounts, codecFigures, Converter } from "./codec_converter.ts";
import { WrappedSession } from "./wrapped_session.ts";

/**
 * How values become bytes and bytes become values. Both functions may throw:
 * the call is then rejected with `invalid-request` or `invalid-reply`.
 *
 * @example
 * ```ts
 * import { codec, type Codec } from "@wireway/wireway";
 * const byte: Codec<number> = { encode: (value) => new Uint8Array([value]), decode: (bytes) => bytes[0] };
 * codec("byte", byte, byte);
 * ```
 */
export interface Codec<T> {
  /** Makes bytes of a value. */
  encode(value: T): Uint8Array;
  /** Makes a value of bytes. */
  decode(bytes: Uint8Array): T;
}

/**
 * How the items of streams become bytes, where not as what stands before them.
 *
 * @example
 * ```ts
 * import type { ItemCodecs } from "@wireway/wireway";
 * const raw: ItemCodecs<Uint8Array, Uint8Array> = {
 *   request: { encode: (item) => item, decode: (bytes) => bytes },
 * };
 * ```
 */
export interface ItemCodecs<ReqItem, ResItem> {
  /** Of a request's items. */
  readonly request?: Codec<ReqItem>;
  /** Of a reply's items. */
  readonly reply?: Codec<ResItem>;
}

/**
 * What values are where their bytes are `Bytes`: with streams where those may
 * be streams.
 *
 * @example
 * ```ts
 * import type { Coded, StreamedBytes } from "@wireway/wireway";
 * const plain: Coded<Uint8Array, string, string> = "one";
 * const either: Coded<StreamedBytes, string, string> = "one, or a Streamed<string, string>";
 * ```
 */
export type Coded<Bytes, Head, Item> = Bytes extends Uint8Array ? Head : Streamed<Head, Item>;

/**
 * What makes values of the calls of a transport of bytes, with streams or
 * without.
 *
 * @example
 * ```ts
 * import { type CodecMiddleware, text } from "@wireway/wireway";
 * const middleware: CodecMiddleware<string, string> = text();
 * ```
 */
export type CodecMiddleware<Req, Res, ReqItem = Req, ResItem = Res> = <Bytes extends Uint8Array | Streamed<Uint8Array>>(
  inner: SessionTransport<Bytes, Bytes>,
) => SessionTransport<Coded<Bytes, Req, ReqItem>, Coded<Bytes, Res, ResItem>>;

/**
 * Gives the calls of a transport requests and replies of your own types, and
 * streams items of them. Both ends share it, as part of their wire.
 *
 * Place: directly on {@linkcode mux} or another transport of calls in bytes.
 *
 * Errors: `invalid-request` (not sent, or refused by the far side) and
 * `invalid-reply` for values that can't be encoded or decoded; for an item, it
 * is the stream that fails.
 *
 * @example
 * ```ts
 * import { chain, codec, type Codec, mux, tcp } from "@wireway/wireway";
 * const float: Codec<number> = {
 *   encode: (value) => new Uint8Array(new Float64Array([value]).buffer),
 *   decode: (bytes) => new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true),
 * };
 * const wire = chain(tcp({ port: 9000 }), mux(), codec("float", float, float));
 * ```
 */
export function codec<Req, Res, ReqItem = Req, ResItem = Res>(
  name: string,
  request: Codec<Req>,
  reply: Codec<Res>,
  items: ItemCodecs<ReqItem, ResItem> = {},
): CodecMiddleware<Req, Res, ReqItem, ResItem> {
  type CodedReq = Req | Streamed<Req, ReqItem>;
  type CodedRes = Res | Streamed<Res, ResItem>;
  const middleware = (inner: SessionTransport<Bytes, Bytes>): SessionTransport<CodedReq, CodedRes> => {
    const counts: CodecCounts = { encoded: 0, encodedBytes: 0, decoded: 0, decodedBytes: 0, refused: 0 };
    const requests = new Converter<Req, ReqItem>(request, items.request, "invalid-request", counts);
    const replies = new Converter<Res, ResItem>(reply, items.reply, "invalid-reply", counts);
    return withFigures({
      async dial(
        { signal, handler }: SessionDialOptions<CodedReq, CodedRes> = {},
      ): Promise<Session<CodedReq, CodedRes>> {
        const bytesHandler = handler === undefined ? undefined : decoding(handler, requests, replies);
        return sessionOver(await inner.dial({ signal, handler: bytesHandler }), requests, replies);
      },
      listen(handler: Handler<CodedReq, CodedRes>, { onSession }: SessionListenOptions<CodedReq, CodedRes> = {}) {
        return inner.listen(decoding(handler, requests, replies), {
          onSession: onSession === undefined
            ? undefined
            : (session) => onSession(sessionOver(session, requests, replies)),
        });
      },
    }, () => codecFigures(counts));
  };
  return named(name, {}, middleware as CodecMiddleware<Req, Res, ReqItem, ResItem>);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const utf8: Codec<string> = {
  encode(value) {
    // Without types to say so, 5 would become "5", and what a handler forgot to return "".
    if (typeof value !== "string") throw new TypeError(`${value === null ? "null" : typeof value} is not text`);
    return encoder.encode(value);
  },
  decode: (bytes) => decoder.decode(bytes),
};

/**
 * Requests, replies and items as text, UTF-8 on the wire. Bytes that are not UTF-8
 * are refused, and so is what is no text: nothing is converted on the way.
 *
 * @example
 * ```ts
 * import { chain, mux, serve, tcp, text } from "@wireway/wireway";
 * await serve(chain(tcp({ port: 9000 }), mux(), text()), (request) => request.toUpperCase());
 * ```
 */
export function text(): CodecMiddleware<string, string> {
  return codec("text", utf8, utf8);
}

/**
 * Requests and replies as JSON, items of streams too. The types are what you say
 * they are: nothing checks them at run time.
 *
 * @example
 * ```ts
 * import { chain, json, mux, reconnect, tcp } from "@wireway/wireway";
 * const wire = chain(tcp({ port: 9000 }), mux(), json<{ a: number; b: number }, { sum: number }>());
 * const add = chain(wire, reconnect());
 * const { sum } = await add({ a: 1, b: 2 });
 * ```
 */
export function json<Req, Res, ReqItem = Req, ResItem = Res>(): CodecMiddleware<Req, Res, ReqItem, ResItem> {
  const items = { request: jsonCodec<ReqItem>(), reply: jsonCodec<ResItem>() };
  return codec("json", jsonCodec<Req>(), jsonCodec<Res>(), items);
}

function jsonCodec<T>(): Codec<T> {
  return {
    encode(value: T): Uint8Array {
      const written = JSON.stringify(value);
      if (written === undefined) throw new TypeError(`${typeof value} is not JSON`);
      return encoder.encode(written);
    },
    decode: (bytes: Uint8Array): T => JSON.parse(decoder.decode(bytes)) as T,
  };
}

/** A handler of bytes that runs a handler of values. */
function decoding<Req, Res>(
  handler: Handler<Req, Res>,
  requests: BothWays<Req>,
  replies: BothWays<Res>,
): Handler<Bytes, Bytes> {
  const encode = (value: Res): Bytes => replies.encode(value);
  return function decoding(bytes: Bytes, context: CallContext): Bytes | Promise<Bytes> {
    const value = requests.decode(bytes);
    const peer = context.peer as Session<Bytes, Bytes> | undefined;
    const result = handler(
      value,
      peer === undefined ? context : context.withPeer(sessionOver(peer, requests, replies)),
    );
    return result instanceof Promise ? result.then(encode) : encode(result);
  };
}

/** A {@linkcode Converter}, where streams are among its values. */
interface BothWays<T> {
  encode(value: T): Bytes;
  decode(bytes: Bytes): T;
}

const wrapped = new WeakMap<Session<Bytes, Bytes>, Session<unknown, unknown>>();

/** A session of values over one of bytes; the same one each time, so that peers can be compared. */
function sessionOver<Req, Res>(
  inner: Session<Bytes, Bytes>,
  requests: BothWays<Req>,
  replies: BothWays<Res>,
): Session<Req, Res> {
  let session = wrapped.get(inner) as Session<Req, Res> | undefined;
  if (session === undefined) {
    session = new CodecSession(inner, requests, replies);
    wrapped.set(inner, session as Session<unknown, unknown>);
  }
  return session;
}

class CodecSession<Req, Res> extends WrappedSession<Bytes, Bytes, Req, Res> {
  readonly #requests: BothWays<Req>;
  readonly #decode: (bytes: Bytes) => Res;

  constructor(inner: Session<Bytes, Bytes>, requests: BothWays<Req>, replies: BothWays<Res>) {
    super(inner);
    this.#requests = requests;
    this.#decode = (bytes) => replies.decode(bytes);
  }

  call(request: Req, context?: CallContext): Promise<Res> {
    let bytes: Bytes;
    try {
      bytes = this.#requests.encode(request);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.inner.call(bytes, context).then(this.#decode);
  }

  send(request: Req, context?: CallContext): void | Promise<void> {
    return this.inner.send(this.#requests.encode(request), context);
  }
}
