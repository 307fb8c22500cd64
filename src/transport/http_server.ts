/**
 * HTTP/1.1 and HTTP/2 on one port, through `Deno.serve`.
 *
 * @module
 */

import type { Address, ChannelCounters } from "../core/channel.ts";
import { emptyCounters } from "../core/channel.ts";
import { background, CallContext } from "../core/context.ts";
import { deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import type { Handler } from "../core/service.ts";
import {
  type CallCounters,
  emptyCallCounters,
  type Session,
  type SessionListener,
  type ShutdownOptions,
} from "../core/session.ts";
import { RequestCancellation } from "./http_cancellation.ts";
import { errorResponse } from "./http_errors.ts";
import { metadataOf } from "./http_metadata.ts";
import type { HttpSettings } from "./http_options.ts";
import { listenError } from "./tcp_listen.ts";
import { toAddress } from "./tcp_options.ts";

const defaultGraceMs = 30_000;

/** Listens, and has `handler` answer the requests. */
export function listenHttp(settings: HttpSettings, handler: Handler<Request, Response>): Promise<SessionListener> {
  try {
    return Promise.resolve(new HttpListener(settings, handler));
  } catch (error) {
    return Promise.reject(listenError(`${settings.hostname}:${settings.port}`, error));
  }
}

class HttpListener implements SessionListener {
  readonly addr: Address;
  readonly channels: ChannelCounters = emptyCounters();
  readonly calls: CallCounters = emptyCallCounters();
  readonly finished: Promise<void>;
  readonly #settings: HttpSettings;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #cutOff = new AbortController();
  #shutdown: Promise<void> | undefined = undefined;

  constructor(settings: HttpSettings, handler: Handler<Request, Response>) {
    this.#settings = settings;
    const { hostname, port, tls } = settings;
    if (port === undefined) {
      throw new TransportError("invalid-option", "Cannot listen: http() has no port", { details: { option: "port" } });
    }
    const where = { hostname, port, tcpBacklog: settings.backlog, signal: this.#cutOff.signal, onListen(): void {} };
    const secured = tls?.cert !== undefined && tls.key !== undefined ? { cert: tls.cert, key: tls.key } : {};
    this.#server = Deno.serve({ ...where, ...secured }, this.#answering(handler));
    this.addr = { ...toAddress(this.#server.addr), transport: tls === undefined ? "http" : "https" };
    this.finished = this.#server.finished;
  }

  shutdown({ graceMs = defaultGraceMs }: ShutdownOptions = {}): Promise<void> {
    return this.#shutdown ??= this.#end(graceMs);
  }

  async #end(graceMs: number): Promise<void> {
    // Requests that have not ended by then, open event streams among them, are cut off.
    const timer = this.#settings.clock.schedule(() => this.#cutOff.abort(), graceMs);
    await this.#server.shutdown();
    await this.#server.finished;
    timer.cancel();
    deadlinesOf().trim();
  }

  /** The handler as `Deno.serve` wants it. An answer that comes at once stays one that comes at once: that is faster. */
  #answering(handler: Handler<Request, Response>): Deno.ServeHandler<Deno.NetAddr> {
    const { calls, addr } = { calls: this.calls, addr: (): Address => this.addr };
    const replied = (response: Response): Response => {
      calls.inFlight--;
      return response;
    };
    const failed = (error: unknown): Response => {
      calls.inFlight--;
      calls.failed++;
      if (error instanceof TransportError) return errorResponse(error);
      // The platform prints it and answers 500.
      throw error;
    };
    return (request, info) => {
      calls.started++;
      calls.inFlight++;
      const context = new CallContext(
        Infinity,
        false,
        background.priority,
        new HttpPeer(info, addr),
        new RequestCancellation(request),
        () => metadataOf(request.headers),
      );
      try {
        const response = handler(request, context);
        return response instanceof Promise ? response.then(replied, failed) : replied(response);
      } catch (error) {
        return failed(error);
      }
    };
  }
}

/** The far side of a request. It can't be called: HTTP has no calls in that direction. */
class HttpPeer implements Session<unknown, unknown> {
  readonly #info: Deno.ServeHandlerInfo<Deno.NetAddr>;
  readonly #local: () => Address;
  readonly state = "open";
  readonly load = 0;
  readonly capacity = 0;
  onChange: (() => void) | undefined = undefined;

  constructor(info: Deno.ServeHandlerInfo<Deno.NetAddr>, local: () => Address) {
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
