/**
 * Calls in bytes over a transport of calls by method, so that the suite that is
 * written for bytes runs over JSON-RPC, too.
 *
 * @module
 */

import {
  background,
  type CallContext,
  type Handler,
  type MethodCall,
  type MethodRequest,
  type Session,
  type SessionTransport,
} from "../../mod.ts";
import { WrappedSession } from "../../src/session/wrapped_session.ts";

type Bytes = Uint8Array;
type Methods = Session<MethodRequest, unknown>;

/** How much larger a message with so many bytes is than those within the limit: more than an envelope varies. */
const excess = 1000;

/** Room for a message of bytes in JSON. */
export function jsonBytes(maxMessageBytes: number): number {
  return 4 * Math.ceil(maxMessageBytes / 3) + excess / 2;
}

/** Makes requests and replies of bytes; those over the limit so large that no envelope makes up for it. */
export function asBytes(
  inner: SessionTransport<MethodRequest, unknown>,
  maxMessageBytes: number,
): SessionTransport<Bytes, Bytes> {
  const encode = (
    bytes: Bytes,
  ): unknown => [bytes.toBase64() + (bytes.length > maxMessageBytes ? "=".repeat(excess) : "")];
  const decode = (value: unknown): Bytes => Uint8Array.fromBase64((value as string[])[0]);
  const peers = new WeakMap<Methods, BytesSession>();
  const wrapped = (session: Methods): BytesSession => {
    const known = peers.get(session) ?? new BytesSession(session, encode, decode);
    peers.set(session, known);
    return known;
  };
  const handling = (handler: Handler<Bytes, Bytes>): Handler<MethodRequest, unknown> => async (request, context) => {
    const peer = wrapped(context.peer as Methods);
    return encode(
      await handler(decode((request as MethodCall).params), context.withPeer(peer as Session<unknown, unknown>)),
    );
  };
  return {
    dial: async ({ signal, handler } = {}) =>
      wrapped(await inner.dial({ signal, handler: handler === undefined ? undefined : handling(handler) })),
    listen: (handler, { onSession } = {}) =>
      inner.listen(handling(handler), {
        onSession: onSession === undefined ? undefined : (session) => onSession(wrapped(session)),
      }),
  };
}

class BytesSession extends WrappedSession<MethodRequest, unknown, Bytes, Bytes> {
  readonly #encode: (bytes: Bytes) => unknown;
  readonly #decode: (value: unknown) => Bytes;

  constructor(inner: Methods, encode: (bytes: Bytes) => unknown, decode: (value: unknown) => Bytes) {
    super(inner);
    this.#encode = encode;
    this.#decode = decode;
  }

  call(request: Bytes, context: CallContext = background): Promise<Bytes> {
    return this.inner.call({ method: "bytes", params: this.#encode(request) }, context).then(this.#decode);
  }

  send(request: Bytes, context: CallContext = background): void | Promise<void> {
    return this.inner.send({ method: "bytes", params: this.#encode(request) }, context);
  }
}
