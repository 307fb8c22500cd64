/**
 * The far side of a request, as its handler finds it in the context.
 *
 * @module
 */

import type { Address } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import type { Session } from "../../core/session.ts";
import { toAddress } from "../tcp/tcp_options.ts";

/** What is known of who asked, as `Deno.serve` says it. */
export type HttpPeerInfo = Pick<Deno.ServeHandlerInfo<Deno.NetAddr>, "remoteAddr" | "completed">;

/** The far side of a request. It can't be called: HTTP has no calls in that direction. */
export class HttpPeer implements Session<unknown, unknown> {
  readonly #info: HttpPeerInfo;
  readonly #local: () => Address;
  readonly state = "open";
  readonly load = 0;
  readonly capacity = 0;
  onChange: (() => void) | undefined = undefined;

  constructor(info: HttpPeerInfo, local: () => Address) {
    this.#info = info;
    this.#local = local;
  }

  get local(): Address {
    return this.#local();
  }

  get remote(): Address {
    return toAddress(this.#info.remoteAddr);
  }

  get finished(): Promise<TransportError | undefined> {
    return this.#info.completed.then(() => undefined, (error) => TransportError.from(error, "connection-lost"));
  }

  call(): Promise<unknown> {
    return Promise.reject(unsupported("Cannot call back: an HTTP client answers no calls"));
  }

  send(): never {
    throw unsupported("Cannot send back: an HTTP client takes no messages");
  }

  ping(): Promise<number> {
    return Promise.reject(unsupported("Cannot ping an HTTP client"));
  }

  close(): Promise<void> {
    return Promise.reject(unsupported("Cannot close an HTTP client's connection"));
  }

  abort(): never {
    throw unsupported("Cannot abort an HTTP client's connection");
  }
}

function unsupported(message: string): TransportError {
  return new TransportError("unsupported", message);
}
