/**
 * methods(): calls of methods by name, over calls in bytes.
 *
 * @module
 */

import type { MethodCall, MethodRequest } from "../core/method_call.ts";
import type { SessionTransport } from "../core/session.ts";
import type { Streamed } from "../core/streamed.ts";
import { type Codec, codec } from "./codec.ts";

/**
 * Gives the calls of a transport names: each request is a `MethodCall`, each
 * reply any value. Both are JSON on the wire, a request as `[method, params]`.
 * `jsonRpc()` makes calls of the same type, so what stands above can be moved
 * from the one to the other.
 *
 * Over `mux({ streams: true })` both may be a `Streamed`, whose items are any
 * values. A transport without streams refuses such a call with `unsupported`.
 *
 * What JSON has no word for is lost as JSON loses it: `undefined` arrives as
 * `null`.
 *
 * Place: directly on {@linkcode mux} or another transport of calls in bytes,
 * on both ends.
 *
 * Errors: `invalid-request` and `invalid-reply` for what can't be encoded or
 * decoded.
 *
 * @example
 * ```ts
 * import { chain, methods, mux, reconnect, tcp } from "@wireway/wireway";
 * await using call = chain(tcp({ port: 9000 }), mux(), methods(), reconnect());
 * const sum = await call({ method: "add", params: [1, 2] });
 * ```
 */
export function methods(): <Bytes extends Uint8Array | Streamed<Uint8Array>>(
  inner: SessionTransport<Bytes, Bytes>,
) => SessionTransport<MethodRequest, unknown> {
  return codec<MethodCall, unknown, unknown, unknown>("methods", request, reply, {
    request: reply,
    reply,
  }) as unknown as ReturnType<typeof methods>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const request: Codec<MethodCall> = {
  encode({ method, params }): Uint8Array {
    return encoder.encode(params === undefined ? JSON.stringify([method]) : JSON.stringify([method, params]));
  },
  decode(bytes): MethodCall {
    const call: unknown = JSON.parse(decoder.decode(bytes));
    if (!Array.isArray(call) || typeof call[0] !== "string" || call.length > 2) {
      throw new TypeError("it is not [method, params]");
    }
    return call.length === 1 ? { method: call[0] } : { method: call[0], params: call[1] };
  },
};

const reply: Codec<unknown> = {
  encode: (value) => encoder.encode(JSON.stringify(value) ?? "null"),
  decode: (bytes) => JSON.parse(decoder.decode(bytes)),
};
