/**
 * Calls with text, JSON or anything else for requests and replies, over a
 * transport whose calls are bytes.
 *
 * @module
 */

import type { CallContext } from "../core/context.ts";
import { named } from "../core/describe.ts";
import { TransportError } from "../core/errors.ts";
import type { Handler, Middleware } from "../core/service.ts";
import type { Session, SessionDialOptions, SessionListenOptions, SessionTransport } from "../core/session.ts";
import { textOf } from "../core/thrown.ts";
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
 * Gives the calls of a transport requests and replies of your own types. Both
 * ends share it, as part of their wire.
 *
 * Place: directly on {@linkcode mux} or another transport of calls in bytes.
 *
 * Errors: `invalid-request` (not sent, or refused by the far side) and
 * `invalid-reply` for values that can't be encoded or decoded.
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
export function codec<Req, Res>(
  name: string,
  request: Codec<Req>,
  reply: Codec<Res>,
): Middleware<SessionTransport<Uint8Array, Uint8Array>, SessionTransport<Req, Res>> {
  return named(name, {}, (inner: SessionTransport<Uint8Array, Uint8Array>): SessionTransport<Req, Res> => ({
    async dial({ signal, handler }: SessionDialOptions<Req, Res> = {}): Promise<Session<Req, Res>> {
      const bytesHandler = handler === undefined ? undefined : decoding(handler, request, reply);
      return sessionOver(await inner.dial({ signal, handler: bytesHandler }), request, reply);
    },
    listen(handler: Handler<Req, Res>, { onSession }: SessionListenOptions<Req, Res> = {}) {
      return inner.listen(decoding(handler, request, reply), {
        onSession: onSession === undefined ? undefined : (session) => onSession(sessionOver(session, request, reply)),
      });
    },
  }));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const utf8: Codec<string> = {
  encode: (value) => encoder.encode(value),
  decode: (bytes) => decoder.decode(bytes),
};

/**
 * Requests and replies as text, UTF-8 on the wire. Bytes that are not UTF-8 are
 * refused.
 *
 * @example
 * ```ts
 * import { chain, mux, serve, tcp, text } from "@wireway/wireway";
 * await serve(chain(tcp({ port: 9000 }), mux(), text()), (request) => request.toUpperCase());
 * ```
 */
export function text(): Middleware<SessionTransport<Uint8Array, Uint8Array>, SessionTransport<string, string>> {
  return codec("text", utf8, utf8);
}

/**
 * Requests and replies as JSON. The types are what you say they are: nothing
 * checks them at run time.
 *
 * @example
 * ```ts
 * import { chain, json, mux, reconnect, tcp } from "@wireway/wireway";
 * const wire = chain(tcp({ port: 9000 }), mux(), json<{ a: number; b: number }, { sum: number }>());
 * const add = chain(wire, reconnect());
 * const { sum } = await add({ a: 1, b: 2 });
 * ```
 */
export function json<Req, Res>(): Middleware<SessionTransport<Uint8Array, Uint8Array>, SessionTransport<Req, Res>> {
  return codec("json", jsonCodec<Req>(), jsonCodec<Res>());
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
  request: Codec<Req>,
  reply: Codec<Res>,
): Handler<Uint8Array, Uint8Array> {
  const encode = (value: Res): Uint8Array => encoded(reply, value, "invalid-reply");
  return function decoding(bytes: Uint8Array, context: CallContext): Uint8Array | Promise<Uint8Array> {
    const value = decoded(request, bytes, "invalid-request");
    const peer = context.peer as Session<Uint8Array, Uint8Array> | undefined;
    const result = handler(value, peer === undefined ? context : context.withPeer(sessionOver(peer, request, reply)));
    return result instanceof Promise ? result.then(encode) : encode(result);
  };
}

const wrapped = new WeakMap<Session<Uint8Array, Uint8Array>, Session<unknown, unknown>>();

/** A session of values over one of bytes; the same one each time, so that peers can be compared. */
function sessionOver<Req, Res>(
  inner: Session<Uint8Array, Uint8Array>,
  request: Codec<Req>,
  reply: Codec<Res>,
): Session<Req, Res> {
  let session = wrapped.get(inner) as Session<Req, Res> | undefined;
  if (session === undefined) {
    session = new CodecSession(inner, request, reply);
    wrapped.set(inner, session as Session<unknown, unknown>);
  }
  return session;
}

class CodecSession<Req, Res> extends WrappedSession<Uint8Array, Uint8Array, Req, Res> {
  readonly #request: Codec<Req>;
  readonly #decode: (bytes: Uint8Array) => Res;

  constructor(inner: Session<Uint8Array, Uint8Array>, request: Codec<Req>, reply: Codec<Res>) {
    super(inner);
    this.#request = request;
    this.#decode = (bytes) => decoded(reply, bytes, "invalid-reply");
  }

  call(request: Req, context?: CallContext): Promise<Res> {
    let bytes: Uint8Array;
    try {
      bytes = encoded(this.#request, request, "invalid-request");
    } catch (error) {
      return Promise.reject(error);
    }
    return this.inner.call(bytes, context).then(this.#decode);
  }

  send(request: Req, context?: CallContext): void | Promise<void> {
    return this.inner.send(encoded(this.#request, request, "invalid-request"), context);
  }
}

type ConversionCode = "invalid-request" | "invalid-reply";

function encoded<T>(codec: Codec<T>, value: T, code: ConversionCode): Uint8Array {
  try {
    return codec.encode(value);
  } catch (error) {
    throw notConverted(error, code);
  }
}

function decoded<T>(codec: Codec<T>, bytes: Uint8Array, code: ConversionCode): T {
  try {
    return codec.decode(bytes);
  } catch (error) {
    throw notConverted(error, code);
  }
}

function notConverted(error: unknown, code: ConversionCode): TransportError {
  const what = code === "invalid-request" ? "request" : "reply";
  return new TransportError(code, `Cannot convert ${what}: ${textOf(error)}`, { cause: error });
}
