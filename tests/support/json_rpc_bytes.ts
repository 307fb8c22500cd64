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
  Streamed,
} from "../../mod.ts";
import { mapStreamed } from "../../src/core/streamed.ts";
import { WrappedSession } from "../../src/session/wrapped_session.ts";

type Bytes = Uint8Array;
type Value = Bytes | Streamed<Bytes>;
type Methods = Session<MethodRequest, unknown>;

/** How much larger a message with so many bytes is than those within the limit: more than an envelope varies. */
const excess = 1000;

/** Room for a message of bytes in JSON. */
export function jsonBytes(maxMessageBytes: number): number {
  return 4 * Math.ceil(maxMessageBytes / 3) + excess / 2;
}

/**
 * Makes requests, replies and the items of streams of bytes; those over the
 * limit so large that no envelope makes up for it.
 */
export function asBytes(
  inner: SessionTransport<MethodRequest, unknown>,
  maxMessageBytes: number,
): SessionTransport<Bytes, Bytes> {
  const words = new Words(maxMessageBytes);
  const peers = new WeakMap<Methods, BytesSession>();
  const wrapped = (session: Methods): BytesSession => {
    const known = peers.get(session) ?? new BytesSession(session, words);
    peers.set(session, known);
    return known;
  };
  const handling = (handler: Handler<Value, Value>): Handler<MethodRequest, unknown> => async (request, context) => {
    const peer = wrapped(context.peer as Methods) as Session<unknown, unknown>;
    return words.reply(await handler(words.requested(request), context.withPeer(peer)));
  };
  const transport: SessionTransport<Value, Value> = {
    dial: async ({ signal, handler } = {}) =>
      wrapped(await inner.dial({ signal, handler: handler === undefined ? undefined : handling(handler) })),
    listen: (handler, { onSession } = {}) =>
      inner.listen(handling(handler), {
        onSession: onSession === undefined ? undefined : (session) => onSession(wrapped(session)),
      }),
  };
  // As one without streams: what the other tests of the suite know.
  return transport as SessionTransport<never, never>;
}

/** Bytes in JSON. */
class Words {
  readonly #maxMessageBytes: number;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  request(value: Value): MethodRequest {
    const call = (head: Bytes): MethodCall => ({ method: "bytes", params: this.#encode(head) });
    return value instanceof Streamed ? mapStreamed(value, call(value.head), this.#encode) : call(value);
  }

  requested(request: MethodRequest): Value {
    if (!(request instanceof Streamed)) return decode(request.params);
    return mapStreamed(request, decode(request.head.params), decode);
  }

  reply(value: Value): unknown {
    return value instanceof Streamed ? mapStreamed(value, this.#encode(value.head), this.#encode) : this.#encode(value);
  }

  readonly #encode = (bytes: Bytes): unknown => [
    bytes.toBase64() + (bytes.length > this.#maxMessageBytes ? "=".repeat(excess) : ""),
  ];
}

const decode = (value: unknown): Bytes => Uint8Array.fromBase64((value as string[])[0]);

function replied(reply: unknown): Value {
  return reply instanceof Streamed ? mapStreamed(reply, decode(reply.head), decode) : decode(reply);
}

class BytesSession extends WrappedSession<MethodRequest, unknown, Value, Value> {
  readonly #words: Words;

  constructor(inner: Methods, words: Words) {
    super(inner);
    this.#words = words;
  }

  call(request: Value, context: CallContext = background): Promise<Value> {
    return this.inner.call(this.#words.request(request), context).then(replied);
  }

  send(request: Value, context: CallContext = background): void | Promise<void> {
    return this.inner.send(this.#words.request(request), context);
  }
}
