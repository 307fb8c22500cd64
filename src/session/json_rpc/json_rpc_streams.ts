/**
 * The streams of a JSON-RPC session, in both directions, by their numbers.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { errorOf } from "./json_rpc_errors.ts";
import type { JsonRpcLink } from "./json_rpc_link.ts";
import { StreamMethod } from "./json_rpc_methods.ts";
import { StreamIn } from "./json_rpc_stream_in.ts";
import { StreamOut } from "./json_rpc_stream_out.ts";

/** See the module. */
export class JsonRpcStreams {
  readonly #link: JsonRpcLink;
  readonly #out = new Map<number, StreamOut>();
  readonly #in = new Map<number, StreamIn>();
  #next = 0;

  constructor(link: JsonRpcLink) {
    this.#link = link;
  }

  /** A number for a stream that this end will send. */
  outgoing(): number {
    return ++this.#next;
  }

  /** Sends a stream under a number; nothing of it goes before the far side has given credit. */
  send(
    number: number,
    source: AsyncIterable<unknown>,
    ended: ((error: TransportError | undefined) => void) | undefined,
  ): StreamOut {
    const stream = new StreamOut(this.#link, number, source, (error) => {
      this.#out.delete(number);
      ended?.(error);
    });
    this.#out.set(number, stream);
    return stream;
  }

  /** Receives a stream that the far side sends under a number, of a reply or of a request. Throws `protocol` for one in use. */
  receive(number: number, ended: () => void, ofReply = false): StreamIn {
    if (this.#in.has(number)) throw new TransportError("protocol", `Message refused: stream ${number} is in use`);
    const stream = new StreamIn(this.#link, number, () => {
      this.#in.delete(number);
      ended();
    }, ofReply);
    this.#in.set(number, stream);
    return stream;
  }

  /**
   * Takes a notification about a stream; false where it is none. What is said
   * of a stream that has ended has crossed its end. Throws `protocol`.
   */
  take(method: string, params: unknown, chars: number): boolean {
    switch (method) {
      case StreamMethod.item: {
        const [number, value] = tuple(method, params, 2);
        this.#in.get(number)?.item(value, chars);
        return true;
      }
      case StreamMethod.end: {
        const [number, error] = tuple(method, params, 1);
        this.#in.get(number)?.finish(error === undefined ? undefined : errorOf(error));
        return true;
      }
      case StreamMethod.credit: {
        const [number, items, size] = tuple(method, params, 3);
        if (!isAmount(items) || !isAmount(size)) throw refused(method);
        this.#out.get(number)?.grant(items, size);
        return true;
      }
      case StreamMethod.cancel:
        this.#out.get(tuple(method, params, 1)[0])?.stop();
        return true;
    }
    return false;
  }

  /** The far side sends no more: what it had begun to send can't come to its end, and no credit comes, either. */
  peerEnded(error: TransportError): void {
    for (const stream of [...this.#in.values()]) stream.lose(error);
    for (const stream of [...this.#out.values()]) stream.noMoreCredit();
  }

  /** The connection is gone. */
  failAll(error: TransportError): void {
    for (const stream of [...this.#in.values()]) stream.lose(error);
    for (const stream of [...this.#out.values()]) stream.stop();
  }
}

function tuple(method: string, params: unknown, length: number): [number, unknown, unknown] {
  if (!Array.isArray(params) || params.length < length || !Number.isSafeInteger(params[0])) throw refused(method);
  return params as [number, unknown, unknown];
}

function isAmount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 0x7fff_ffff;
}

function refused(method: string): TransportError {
  return new TransportError("protocol", `Message refused: the arguments of ${method} are none of its own`);
}
